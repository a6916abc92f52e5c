"""Laws of the scores that hold maps against each other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from brinkmap.errors import InputError
from brinkmap.explain.agreement import randomisation, stability

EXTENTS = [(40,), (8, 5), (3, 4, 5)]
by_rank = pytest.mark.parametrize("extent", EXTENTS, ids=lambda extent: f"rank{len(extent)}")


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@by_rank
def test_the_same_map_from_every_seed_is_stable(extent):
    found = stability(np.stack([drawn(4, *extent)] * 3))
    assert_allclose(found.correlation, 1)
    assert_array_equal(found.overlap, 1)


@by_rank
def test_opposite_maps_are_not(extent):
    maps = drawn(4, *extent)
    found = stability(np.stack([maps, -maps]))
    assert_allclose(found.correlation, -1)
    assert_array_equal(found.overlap, 0)


@by_rank
def test_stability_is_the_mean_over_pairs(extent):
    maps = drawn(3, 2, *extent).round(1)
    found = stability(maps, top=0.25)
    for i in range(2):
        flat = maps[:, i].reshape(3, -1)
        expected = np.mean([spearmanr(flat[a], flat[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))])
        assert found.correlation[i] == pytest.approx(expected)
    pairs = [stability(maps[[a, b]], top=0.25).overlap for a, b in ((0, 1), (0, 2), (1, 2))]
    assert_allclose(found.overlap, np.mean(pairs, axis=0))


def test_overlap_is_that_of_the_top_positions():
    one, other = np.arange(20.0), np.arange(20.0)
    other[[0, 19]] = other[[19, 0]]
    assert_allclose(stability(np.stack([one, other])[:, None]).overlap, [1 / 3])
    assert_allclose(stability(np.stack([one, other])[:, None], top=0.05).overlap, [0])
    assert_allclose(stability(np.stack([one, other])[:, None], top=1.0).overlap, [18 / 20])


@by_rank
def test_stability_does_not_depend_on_unit_seed_order_or_other_samples(extent):
    maps = drawn(3, 4, *extent)
    found, order = stability(maps), np.array([3, 1, 0, 2])
    for again, kept in ((stability(maps[::-1] * 8), slice(None)), (stability(maps[:, order]), order)):
        assert_allclose(again.correlation, found.correlation[kept])
        assert_allclose(again.overlap, found.overlap[kept])


def test_flat_maps_agree_with_each_other_only():
    flat, other = np.zeros((1, 12)), drawn(1, 12)
    assert stability(np.stack([flat, flat])).correlation == stability(np.stack([flat, flat])).overlap == 1
    assert stability(np.stack([flat, other])).correlation == stability(np.stack([flat, other])).overlap == 0
    assert_array_equal(randomisation(np.concatenate([flat, flat]), np.concatenate([flat + 3, other])), [1, 0])


@by_rank
def test_randomisation_is_the_rank_correlation_of_absolute_maps(extent):
    maps, others = drawn(4, *extent), drawn(4, *extent, seed=1)
    expected = [spearmanr(abs(a).ravel(), abs(b).ravel()).statistic for a, b in zip(maps, others, strict=True)]
    assert_allclose(randomisation(maps, others), expected)
    assert_allclose(randomisation(maps, -2 * maps), 1)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="two seeds or more"):
        stability(drawn(1, 4, 12))
    with pytest.raises(InputError, match="top: expected a share above 0 and up to 1, got 10"):
        stability(drawn(2, 4, 12), top=10)
    with pytest.raises(InputError, match="1 to 3 axes"):
        stability(drawn(2, 12))
    with pytest.raises(InputError, match=r"maps of one shape, got \(4, 12\) and \(3, 12\)"):
        randomisation(drawn(4, 12), drawn(3, 12))
    broken = drawn(2, 4, 12)
    broken[1, 2, 5] = np.inf
    with pytest.raises(InputError, match="map 2: expected finite"):
        stability(broken)
