"""Steps of kernels are orthogonal and of one size, other weights take AdamW's, and a checkpoint goes on to the bit."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from brinkmap.response import muon  # noqa: E402
from brinkmap.response.moments import kept_moments, put_back  # noqa: E402
from brinkmap.response.muon import Muon, orthogonal  # noqa: E402

RATE, OTHER, DECAY = 1e-2, 3e-3, 1e-2


def net_of():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.Flatten(), nn.LazyLinear(4)
    )


def stepped(net, optimiser, steps, factor=1.0, seed=1):
    rng = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimiser.zero_grad()
        (net(torch.randn(8, 3, 8, 8, generator=rng)).square().mean() * factor).backward()
        optimiser.step()
    return net


def ready():
    net = net_of()
    net(torch.zeros(2, 3, 8, 8))
    return net, Muon(net, RATE, OTHER, DECAY)


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)])
def test_a_matrix_keeps_its_singular_vectors_and_loses_its_singular_values(shape):
    left, _, right = torch.linalg.svd(
        torch.randn(*shape, generator=torch.Generator().manual_seed(2)), full_matrices=False
    )
    values = torch.linspace(1, 20, min(shape))
    turned = left.T @ orthogonal(left @ values.diag() @ right) @ right.T
    assert (turned - turned.diag().diag()).abs().max() < 1e-4
    assert turned.diag().min() > 0.4
    assert turned.diag().max() < 1.4


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_a_kernel_moves_by_the_rate_whatever_the_size_of_the_loss(factor, monkeypatch):
    monkeypatch.setattr(muon, "FADING", 0.0)
    net, optimiser = ready()
    before = [one.clone() for one in net.parameters() if one.dim() > 2]
    stepped(net, optimiser, 1, factor)
    for was, now in zip(before, (one for one in net.parameters() if one.dim() > 2), strict=True):
        assert 0.4 < (now - was).square().mean().sqrt() / RATE < 1.4


def test_a_kernel_that_nothing_pulls_at_fades():
    net, optimiser = ready()
    before = [one.clone() for one in net.parameters() if one.dim() > 2]
    stepped(net, optimiser, 1, factor=0.0)
    for was, now in zip(before, (one for one in net.parameters() if one.dim() > 2), strict=True):
        torch.testing.assert_close(now, was * (1 - muon.FADING * RATE))


def test_all_other_weights_take_the_steps_of_adamw():
    net, optimiser = ready()
    other = copy.deepcopy(net)
    plain = torch.optim.AdamW([one for one in other.parameters() if one.dim() <= 2], lr=OTHER, weight_decay=DECAY)
    stepped(net, optimiser, 1)
    stepped(other, plain, 1)
    for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs) == (mine.dim() <= 2)


def test_a_share_of_the_rates_is_a_share_of_the_step():
    (net, optimiser), (half, halved) = ready(), ready()
    begun = [one.clone() for one in net.parameters()]
    halved.at(0.5)
    for one, by in ((net, optimiser), (half, halved)):
        stepped(one, by, 1)
    kernel = next(number for number, one in enumerate(begun) if one.dim() > 2)
    moved = [list(one.parameters())[kernel] - begun[kernel] for one in (net, half)]
    torch.testing.assert_close(moved[0] / 2, moved[1])


def test_a_checkpoint_goes_on_as_if_it_had_not_been_left():
    net, optimiser = ready()
    stepped(net, optimiser, 3)
    again = copy.deepcopy(net)
    taken_up = Muon(again, RATE, OTHER, DECAY)
    put_back(taken_up, {name: values.clone() for name, values in kept_moments(optimiser).items()})
    stepped(net, optimiser, 2, seed=5)
    stepped(again, taken_up, 2, seed=5)
    assert all(torch.equal(one, two) for one, two in zip(net.parameters(), again.parameters(), strict=True))
