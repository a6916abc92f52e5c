"""Class activation maps: from the right layer, weighed as published."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")
nn = torch.nn

from open_networks import CAMS, SHAPES, explained, known, learned, middle, shown  # noqa: E402

from brinkmap.errors import InputError  # noqa: E402
from brinkmap.explain.cam import AblationCAM, GradCAM, ScoreCAM  # noqa: E402
from brinkmap.explain.gradients import SmoothGrad  # noqa: E402
from brinkmap.explain.network import Network  # noqa: E402

ranks = pytest.mark.parametrize("rank", SHAPES)


@ranks
@pytest.mark.parametrize("method", CAMS, ids=repr)
def test_a_map_of_a_coarse_layer_is_highest_there_and_denser_there(method, rank):
    maps = explained(method, Network(known(rank, stride=2)), shown(rank))
    inside = middle(SHAPES[rank][1:])
    for one in maps:
        assert inside[np.unravel_index(one.argmax(), one.shape)]
        assert one[inside].mean() > 3 * one[~inside].mean()


@pytest.mark.parametrize("method", CAMS, ids=repr)
def test_frames_that_go_through_a_layer_as_rows_are_put_together_again(method):
    class FrameByFrame(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Sequential(nn.Conv2d(2, 3, (3, 4), stride=2), nn.ReLU()), nn.Linear(3, 2)

        def forward(self, clips):
            seen = self.body(clips.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(clips), -1))
            return self.head(seen.mean(dim=(1, 3, 4)))

    torch.manual_seed(3)
    frames = FrameByFrame()
    clips = nn.Sequential(
        nn.Conv3d(2, 3, (1, 3, 4), stride=(1, 2, 2)), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten()
    )
    clips.append(frames.head)
    clips[0].load_state_dict({"weight": frames.body[0].weight[:, :, None], "bias": frames.body[0].bias})
    expected = explained(method, Network(clips), shown(3))
    assert expected.max() > 0
    assert_allclose(explained(method, Network(frames), shown(3)), expected, rtol=1e-3, atol=1e-6)


@ranks
def test_grad_cam_is_captums(rank):
    attr = pytest.importorskip("captum.attr")
    module, samples = learned(rank).eval(), shown(rank)
    found = attr.LayerGradCam(module, module[4]).attribute(torch.from_numpy(samples), 2, relu_attributions=True)
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
    expected = attr.LayerAttribution.interpolate(found, SHAPES[rank][1:], mode)[:, 0].detach().numpy()
    assert_allclose(explained(GradCAM(), Network(module), samples, [2] * 3), expected, atol=1e-6)


def test_ablation_weighs_a_channel_by_the_share_of_the_logit_that_it_carries():
    module, samples = known(2), shown(2, n=1)
    with torch.no_grad():
        module[4].weight[0] = torch.rand(module[4].weight.shape[1])
        answer = module[0](torch.from_numpy(samples))
        parts = (module[4].weight[0].reshape(2, -1) * answer.reshape(2, -1)).sum(dim=1)
        expected = (parts / parts.sum())[:, None, None] * answer[0]
    found = explained(AblationCAM(), Network(module.eval()), samples)[0]
    assert_allclose(found, expected.sum(dim=0).numpy(), rtol=1e-4)


def test_a_logit_below_zero_does_not_turn_ablation_around():
    module, samples = known(2), shown(2)
    expected = explained(AblationCAM(), Network(module), samples)
    module[4].bias = nn.Parameter(torch.tensor([-100.0, 0.0]))
    found = explained(AblationCAM(), Network(module), samples)
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one / one.max(), other / other.max(), atol=1e-3)


def test_a_channel_that_tells_no_places_apart_has_no_say_in_score_cam():
    module = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(3 * 180, 2))
    with torch.no_grad():
        module[0].weight[2] = 0
        module[0].bias[2] = 1e6
    assert explained(ScoreCAM(), Network(module), shown(2)).max() < 1e3


@pytest.mark.parametrize("method", CAMS, ids=repr)
def test_where_the_last_convolution_that_keeps_places_leads_is_taken_or_the_layer_named(method):
    torch.manual_seed(2)
    body = (nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
    body[3].running_mean.uniform_(-0.3, 0.3)
    net = Network(nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Conv2d(5, 3, 1), nn.Flatten()))
    samples, kind = shown(2), type(method)
    default = explained(kind(), net, samples)
    assert_array_equal(explained(kind(layer="4"), net, samples), default)
    others = [explained(kind(layer=layer), net, samples) for layer in ("1", "2", "3")]
    assert not any(np.allclose(other, default, rtol=0.01) for other in others)
    with pytest.raises(InputError, match=r"layer: expected one that runs once and answers .* got '6', which does not"):
        explained(kind(layer="6"), net, samples)
    with pytest.raises(InputError, match=r"the network has no 'head'. Its last convolutions are: 0, 2, 6"):
        explained(kind(layer="head"), net, samples)


def test_what_goes_past_the_last_convolution_is_read_with_it():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.past = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 1)

        def forward(self, batch):
            return torch.relu(self.inner(batch) + self.past(batch))

    torch.manual_seed(0)
    net = Network(nn.Sequential(Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert_array_equal(explained(GradCAM(), net, shown(2)), explained(GradCAM(layer="0"), net, shown(2)))


@pytest.mark.parametrize("method", CAMS, ids=repr)
def test_without_a_convolution_the_explainers_that_need_none_are_named(method):
    linear = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPES[2]), 3))
    with pytest.raises(InputError, match=r"found none. Name another layer .* or use IntegratedGradients or SmoothGrad"):
        explained(method, Network(linear), shown(2))
    assert explained(SmoothGrad(), Network(linear), shown(2)).max() > 0


def test_a_layer_that_runs_twice_has_no_one_answer():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, batch):
            return self.again(self.again(self.first(batch))).relu().mean(dim=(2, 3))

    net = Network(Twice())
    with pytest.raises(InputError, match=r"expected one that runs once .* got 'again'"):
        explained(GradCAM(layer="again"), net, shown(2))
    assert_array_equal(explained(GradCAM(), net, shown(2)), explained(GradCAM(layer="first"), net, shown(2)))
