"""Explainers by gradient: sums that are known, and noise that is as large as stated."""

import math
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
nn = torch.nn

from open_networks import CONVOLUTIONS, METHODS, SHAPES, explained, known, learned, shown  # noqa: E402

from brinkmap.errors import MissingExtra  # noqa: E402
from brinkmap.explain import white_box  # noqa: E402
from brinkmap.explain.fills import Level  # noqa: E402
from brinkmap.explain.gradients import GradientTimesInput, IntegratedGradients, SmoothGrad  # noqa: E402
from brinkmap.explain.network import Network  # noqa: E402
from brinkmap.victims.normalisation import normalisation  # noqa: E402

ranks = pytest.mark.parametrize("rank", SHAPES)


@ranks
@pytest.mark.parametrize("baseline", [Level(), Level(0.5), IntegratedGradients().baseline], ids=repr)
def test_integrated_gradients_are_complete(baseline, rank):
    pytest.importorskip("captum")
    shape = SHAPES[rank]
    torch.manual_seed(0)
    convolution, head = CONVOLUTIONS[rank](shape[0], 4, 3, padding=1), nn.Linear(4 * math.prod(shape[1:]), 5)
    module = nn.Sequential(convolution, nn.Tanh(), nn.Flatten(), head)
    net = Network(module, normalisation=normalisation([0.4, 0.3], [0.2, 0.5]))
    samples, targets = shown(rank), [0, 2, 4]
    maps = explained(IntegratedGradients(baseline), net, samples, targets)
    for sample, target, found in zip(samples, targets, maps, strict=True):
        start = net.tensor(np.stack([sample, baseline(sample)]))
        with torch.no_grad():
            top, bottom = net.scores(start, target).tolist()
        assert found.sum() == pytest.approx(top - bottom, abs=1e-4)


@ranks
@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_linear_network_the_weights_are_all_there_is_to_say(rank, sign):
    pytest.importorskip("captum")
    shape = SHAPES[rank]
    linear = nn.Linear(math.prod(shape), 2)
    weights = sign * np.random.default_rng(0).random(shape, dtype=np.float32)
    with torch.no_grad():
        linear.weight[1] = torch.from_numpy(weights.ravel())
    net, samples = Network(nn.Sequential(nn.Flatten(), linear)), shown(rank)
    spoken = (weights * (samples - 0.25)).sum(axis=1)
    for method in (GradientTimesInput(Level(0.25)), IntegratedGradients(Level(0.25))):
        assert_allclose(explained(method, net, samples, [1] * 3), spoken, atol=1e-5)
    assert_allclose(explained(SmoothGrad(), net, samples, [1] * 3), [np.abs(weights).max(axis=0)] * 3, rtol=1e-5)


@ranks
def test_gradients_in_small_chunks_are_those_in_one(rank, monkeypatch):
    pytest.importorskip("captum")
    net, samples = Network(learned(rank)), shown(rank)
    whole = [explained(method, net, samples) for method in METHODS]
    monkeypatch.setattr(white_box, "VALUES", 3 * math.prod(SHAPES[rank]))
    for method, expected in zip(METHODS, whole, strict=True):
        assert_allclose(explained(method, net, samples), expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_missing_captum_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtra, match=r"integrated-gradients needs .* 'brinkmap\[explain\]'"):
        explained(IntegratedGradients(), Network(known(2)), shown(2))


def test_smoothgrads_noise_is_a_share_of_the_bounds():
    seen = []

    class Watches(nn.Module):
        def forward(self, batch):
            seen.append(batch.detach())
            return batch.flatten(1)[:, :2]

    explained(SmoothGrad(copies=60, noise=0.1), Network(Watches(), bounds=(-10.0, 30.0)), np.zeros((1, 2, 900), "f4"))
    assert torch.cat(seen).std().item() == pytest.approx(4.0, rel=0.02)
