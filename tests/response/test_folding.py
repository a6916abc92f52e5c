"""A folded network: the same answers, fewer layers, and the one it was made of as it was."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from brinkmap.response.folding import folded  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402


@pytest.mark.parametrize("shape", [(2, 40), (3, 12, 9), (1, 5, 8, 8)], ids=["signal", "picture", "clip"])
@pytest.mark.parametrize("members", [1, 2])
def test_answers_and_slopes_are_the_same_up_to_rounding(shape, members):
    torch.manual_seed(0)
    net = ResponseNet(shape[0], len(shape) - 1, 4, widths=(6, 8, 8), members=members)
    for _ in range(3):
        net.train()(2 * torch.rand(16, *shape) - 1)  # running statistics other than a new network's
    before = copy.deepcopy(net.eval().state_dict())
    fast = folded(net)
    samples = torch.rand(5, *shape, requires_grad=True)
    said, wanted = fast(samples), net(samples)
    torch.testing.assert_close(said, wanted, rtol=1e-4, atol=1e-5)
    slope, wanted_slope = (torch.autograd.grad(one[:, 0].sum(), samples)[0] for one in (said, wanted))
    torch.testing.assert_close(slope, wanted_slope, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in fast.modules())
    assert not any(one.requires_grad for one in fast.parameters())
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())
    assert all(one.requires_grad for one in net.parameters())


def test_what_is_not_behind_a_convolution_is_left_alone():
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)).eval()
    samples = torch.rand(4, 3, 6, 6)
    assert torch.equal(folded(net)(samples), net(samples))
