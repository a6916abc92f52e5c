"""Plans of patches by a network's own gradients: bounds, grids, and networks whose worst patches are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brinkmap.errors import InputError
from brinkmap.harden import Planned

EXTENTS = [(40,), (9, 12), (4, 8, 8)]


class _Linear(torch.nn.Module):
    """Two classes, of which the second gains by the weights."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, samples):
        rise = (samples * self.weights).flatten(1).sum(dim=1)
        return torch.stack([-rise, rise], dim=1)


def _setting(extent, seed=0, channels=2):
    rng = np.random.default_rng(seed)
    weights = torch.from_numpy(rng.normal(size=(channels, *extent)).astype(np.float32))
    samples = torch.from_numpy(rng.uniform(0.3, 0.7, size=(5, channels, *extent)).astype(np.float32))
    return _Linear(weights), samples, torch.zeros(5, dtype=torch.int64)


def _made(planned, net, samples, labels, seed=0):
    return planned(net, samples, labels, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("patches", [(1,), (2,), (1, 3)])
@pytest.mark.parametrize("max_l2", [0.2, 1.0])
def test_distance_and_range_are_kept_and_the_loss_grows(extent, patches, max_l2):
    net, samples, labels = _setting(extent)
    shown = _made(Planned(max_l2, patches), net, samples, labels)
    lengths = (shown - samples).flatten(1).norm(dim=1)
    assert (lengths <= max_l2 * (1 + 1e-5)).all()
    assert shown.min() >= 0
    assert shown.max() <= 1
    lost = torch.nn.functional.cross_entropy(net(shown), labels, reduction="none")
    assert (lost >= torch.nn.functional.cross_entropy(net(samples), labels, reduction="none") - 1e-4).all()


@pytest.mark.parametrize("extent", EXTENTS)
def test_a_linear_networks_heaviest_values_go_first(extent):
    """Each position takes all its channels, equally far, so the gain is the sum of the weights' sizes."""
    net, samples, labels = _setting(extent)
    shown = _made(Planned(0.5, (1,), levels=(0.1, 0.1)), net, samples, labels)
    changed = (shown != samples).any(dim=1).flatten(1)
    worth = net.weights.abs().sum(dim=0).flatten()
    count = int(0.5**2 / (2 * 0.1**2) + 1e-6)
    heaviest = torch.zeros(len(worth), dtype=torch.bool).scatter(0, worth.topk(count).indices, True)
    assert all(torch.equal(one, heaviest) for one in changed)


def test_a_cell_of_one_patch_is_shifted_as_a_whole():
    net, samples, labels = _setting((8, 8), channels=1)
    change = _made(Planned(0.9, (4,), levels=(0.1, 0.1)), net, samples, labels) - samples
    for cell in change.unfold(2, 4, 4).unfold(3, 4, 4).reshape(-1, 16):
        assert torch.allclose(cell, cell[0].expand(16), atol=1e-6)
        assert cell[0].abs() < 1e-6 or torch.isclose(cell[0].abs(), torch.tensor(0.1), atol=1e-6)


def test_the_generator_decides_and_nothing_else():
    net, samples, labels = _setting((8, 8))
    planned = Planned(0.5, (1, 2))
    one, again, other = (_made(planned, net, samples, labels, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_l2": 0.0}, "max_l2"), ({"levels": (0.5, 0.1)}, "levels"), ({"levels": (0.0, 0.1)}, "levels"),
        ({"steps": 0}, "steps"), ({"patches": ()}, "patches"), ({"patches": (0,)}, "patches"),
    ],
)  # fmt: skip
def test_bad_settings_are_said(settings, said):
    with pytest.raises(InputError, match=said):
        Planned(**settings)
