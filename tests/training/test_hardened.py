"""Moving samples against a network before they are fitted: as far as said, uphill, and it makes the network robust."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from brinkmap.errors import InputError  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.training.hardened import moved_against  # noqa: E402
from brinkmap.training.labels import fit_labels  # noqa: E402
from brinkmap.training.samples import Variants  # noqa: E402
from brinkmap.training.trainer import Training  # noqa: E402

STRONG, WEAK = 0.8, 0.04


@given(shape=st.sampled_from([(3, 40), (1, 6, 7), (3, 2, 4, 4)]), l2=st.floats(0.01, 5), seed=st.integers(0, 2**32 - 1))
def test_nothing_is_moved_further_than_allowed_nor_out_of_bounds(shape, l2, seed):
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((4, *shape), np.float32))
    moved = moved_against(images, l2, rng, lambda x: (x**3).sum())
    assert ((moved - images).flatten(1).norm(dim=1) <= l2 * (1 + 1e-5)).all()
    assert moved.min() >= 0
    assert moved.max() <= 1


@given(seed=st.integers(0, 2**32 - 1))
def test_against_a_linear_loss_they_go_uphill_nearly_as_far_as_they_can(seed):
    rng = np.random.default_rng(seed)
    slope = torch.from_numpy(rng.standard_normal((1, 30, 30)).astype(np.float32))
    images = torch.full((5, 1, 30, 30), 0.5)
    moved = moved_against(images, 0.3, rng, lambda x: (x * slope).sum())
    gained = ((moved - images) * slope).flatten(1).sum(dim=1)
    assert (gained > 0.7 * 0.3 * slope.norm()).all()


def two_classes(count, seed):
    """Four values tell the classes apart by far, nine times in ten; all the others by a little, every time."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    shown = np.where(rng.random(count) < 0.1, 1 - y, y)
    x = 0.5 + 0.02 * rng.standard_normal((count, 1, 8, 8)) + (WEAK * (y - 0.5))[:, None, None, None]
    x[:, 0, 2:4, 2:4] = (0.5 + STRONG * (shown - 0.5))[:, None, None]
    return np.clip(x, 0, 1).astype(np.float32), y


def attacked(net, x, y, l2):
    """The share still right after one step of this length along the network's own gradient."""
    images = torch.from_numpy(x).requires_grad_()
    loss = torch.nn.functional.cross_entropy(net(images), torch.from_numpy(y))
    (gradient,) = torch.autograd.grad(loss, images)
    worse = images + l2 * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return float((net(worse).argmax(dim=1).numpy() == y).mean())


def test_a_network_fitted_so_withstands_what_another_does_not():
    x, y = two_classes(600, 0)
    right = {}
    for l2 in (0.0, 0.4):
        torch.manual_seed(0)
        net = ResponseNet(1, 2, 2, (8, 16))
        fit_labels(net, Variants(x, 0, shift=False), y, 20, robust_l2=l2)
        right[l2] = attacked(net.eval(), *two_classes(300, 1), 0.3)
    assert right[0.4] > right[0.0] + 0.5


@pytest.mark.parametrize("l2", [-0.1, float("nan"), float("inf")])
def test_a_distance_that_is_none_is_refused(l2):
    with pytest.raises(InputError, match="robust_l2"):
        Training(robust_l2=l2)
