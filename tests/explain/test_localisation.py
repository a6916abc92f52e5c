"""Laws of the scores that hold a map against a known place."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import mannwhitneyu
from skimage.filters import threshold_otsu

from brinkmap.errors import InputError
from brinkmap.explain.localisation import (
    Localisation,
    dice,
    energy_inside,
    iou,
    localisation,
    localisation_auc,
    pointing,
    relevance_rank,
)
from brinkmap.explain.masks import area_mask, otsu_mask

EXTENTS = [(12,), (6, 5), (3, 4, 5)]
NAMES = [field.name for field in fields(Localisation)]
SCORES = [energy_inside, localisation_auc, pointing, relevance_rank]

by_rank = pytest.mark.parametrize("extent", EXTENTS, ids=lambda extent: f"rank{len(extent)}")
ratios = st.sampled_from([k / 4 for k in range(-8, 9)])
maps_drawn = st.sampled_from(EXTENTS).flatmap(lambda extent: arrays(np.float64, (3, *extent), elements=ratios))


def boxes(extent, n=4):
    """Truths: the first half of the first axis, of the last one, and single positions."""
    truths = np.zeros((n, *extent), bool)
    truths[0, : extent[0] // 2] = True
    truths[1, ..., : extent[-1] // 2] = True
    truths[2].flat[3] = True
    truths[3:].reshape(n - 3, -1)[:, ::2] = True
    return truths


def drawn(extent, n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *extent)), boxes(extent, n)


def scores(maps, truths):
    return np.stack([getattr(localisation(maps, truths), name) for name in NAMES])


@by_rank
def test_a_map_that_is_the_truth_scores_one(extent):
    truths = boxes(extent)
    assert_array_equal(scores(truths.astype(np.float32), truths), 1)


@by_rank
def test_a_map_of_all_else_scores_zero(extent):
    truths = boxes(extent)
    assert_array_equal(scores((~truths).astype(np.float32), truths), 0)


@by_rank
@pytest.mark.parametrize("value", [0.0, 0.3, -1.0])
def test_a_flat_map_finds_nothing(extent, value):
    found = localisation(np.full((4, *extent), value), boxes(extent))
    for name in NAMES:
        assert_array_equal(getattr(found, name), 0.5 if name == "auc" else 0, err_msg=name)
    assert not otsu_mask(np.full(extent, value)).any()
    assert not area_mask(np.full(extent, value), 2).any()


@by_rank
def test_scores_of_a_sample_do_not_depend_on_the_others(extent):
    maps, truths = drawn(extent)
    order = np.array([2, 0, 3, 1])
    assert_array_equal(scores(maps[order], truths[order]), scores(maps, truths)[:, order])
    assert_array_equal(scores(maps[1:2], truths[1:2])[:, 0], scores(maps, truths)[:, 1])


@by_rank
@pytest.mark.parametrize("factor", [0.25, 1024.0, 3e-30])
def test_scores_do_not_depend_on_the_unit(extent, factor):
    maps, truths = drawn(extent)
    assert_allclose(scores(maps * factor, truths), scores(maps, truths), rtol=1e-12)


@by_rank
def test_scores_of_the_order_do_not_depend_on_an_offset(extent):
    maps, truths = drawn(extent)
    maps = np.abs(maps) + 0.5
    for name in set(NAMES) - {"energy"}:
        before, after = localisation(maps, truths), localisation(2 * maps + 3, truths)
        assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)


@by_rank
def test_negative_evidence_does_not_count(extent):
    maps, truths = drawn(extent)
    assert_array_equal(scores(np.maximum(maps, 0), truths), scores(maps, truths))


@by_rank
def test_scores_are_shares(extent):
    for seed in range(5):
        found = scores(*drawn(extent, seed=seed))
        assert found.shape == (len(NAMES), 4)
        assert ((found >= 0) & (found <= 1)).all()


def test_arguments_are_not_written_to():
    maps, truths = drawn((6, 5))
    before = maps.copy(), truths.copy()
    localisation(maps, truths)
    assert_array_equal(maps, before[0])
    assert_array_equal(truths, before[1])


@given(arrays(bool, (4, 9)), arrays(bool, (4, 9)))
def test_dice_and_iou_are_one_score(masks, truths):
    truths[:, 0] = True
    overlap, union = dice(masks, truths), iou(masks, truths)
    assert (overlap >= union).all()
    assert_allclose(overlap, 2 * union / (1 + union))
    filled = masks.any(axis=1)
    assert_array_equal(dice(truths[filled], masks[filled]), overlap[filled])
    assert_array_equal(overlap[~filled], 0)
    assert_array_equal(union == 1, (masks == truths).all(axis=1))


@given(arrays(np.int64, st.sampled_from(EXTENTS), elements=st.integers(1, 40)))
def test_otsu_is_that_of_scikit_image_on_whole_numbers(values):
    if values.min() == values.max():
        return
    assert_array_equal(otsu_mask(values.astype(np.float32)), values > threshold_otsu(values))


def test_otsu_looks_at_positive_values_only():
    values = np.random.default_rng(0).normal(size=(40, 40))
    threshold = threshold_otsu(values[values > 0], nbins=2**16)
    assert np.mean(otsu_mask(values) != (values > threshold)) < 0.002
    assert_array_equal(otsu_mask(values), otsu_mask(np.where(values < 0, -50.0, values)))


def test_otsu_takes_the_split_of_greatest_variance():
    values = np.random.default_rng(1).gamma(1.0, size=30)
    spread = {}
    for level in np.sort(values)[:-1]:
        low, high = values[values <= level], values[values > level]
        spread[level] = low.size * high.size * (high.mean() - low.mean()) ** 2
    assert_array_equal(otsu_mask(values), values > max(spread, key=spread.get))


@given(maps_drawn, st.integers(1, 12))
def test_area_mask_holds_the_highest_and_has_the_area(maps, area):
    for values in maps:
        mask, positive = area_mask(values, area), values > 0
        flat = values.min() == values.max()
        assert mask.shape == values.shape
        assert mask.sum() == (0 if flat else min(area, positive.sum()))
        assert not (mask & ~positive).any()
        if mask.any() and not mask.all():
            assert values[mask].min() >= values[~mask].max()


def test_area_mask_takes_the_first_of_equals():
    assert np.flatnonzero(area_mask(np.array([[1.0, 2.0], [1.0, 1.0], [0.0, 1.0]]), 3)).tolist() == [0, 1, 2]


@given(maps_drawn)
def test_rank_is_dice_of_the_matched_area(maps):
    maps = np.abs(maps) + 0.25
    maps[:, ..., 0] += 0.125
    truths = boxes(maps.shape[1:])[: len(maps)]
    found = localisation(maps, truths)
    assert_allclose(found.rank, found.dice_area)


@by_rank
def test_auc_is_that_of_mann_and_whitney(extent):
    maps, truths = drawn(extent)
    maps = np.maximum(maps.round(), 0)
    expected = [
        mannwhitneyu(one[truth], one[~truth]).statistic / (truth.sum() * (~truth).sum())
        for one, truth in zip(maps, truths, strict=True)
    ]
    assert_allclose(localisation_auc(maps, truths), expected)


def test_energy_is_the_share_of_positive_mass():
    maps = np.array([[3.0, -9.0, 1.0, 0.0]])
    assert_array_equal(energy_inside(maps, np.array([[True, True, False, False]])), [0.75])


def test_pointing_shares_a_tie():
    maps = np.array([[2.0, 2.0, 2.0, 1.0]])
    assert_allclose(pointing(maps, np.array([[True, False, False, True]])), [1 / 3])


def test_pointing_tolerance_is_a_box_around_the_truth():
    maps, truths = np.zeros((1, 9, 9)), np.zeros((1, 9, 9), bool)
    truths[0, 4, 4], maps[0, 6, 5] = True, 1
    assert [pointing(maps, truths, tolerance)[0] for tolerance in (0, 1, 2, (2, 0), (2, 1))] == [0, 0, 1, 0, 1]
    assert localisation(maps, truths, 2).pointing == localisation(maps, truths, (2, 1)).pointing == 1
    truths[0, 4, 4], truths[0, 0, 0], maps[0] = False, True, 0
    maps[0, 8, 8] = 1
    assert pointing(maps, truths, 1) == 0, "the edge does not wrap"


@pytest.mark.parametrize("tolerance", [-1, (1, 1, 1), (0, -2)])
def test_pointing_refuses_other_tolerances(tolerance):
    with pytest.raises(InputError, match="tolerance: expected one number of positions, or 2, not below 0"):
        pointing(*drawn((6, 5)), tolerance)


@pytest.mark.parametrize("score", [*SCORES, localisation, dice, iou], ids=lambda score: score.__name__)
def test_a_truth_that_marks_nothing_is_refused(score):
    maps, truths = drawn((6, 5))
    truths[2] = False
    with pytest.raises(InputError, match=r"truth 2: expected at least one marked position.*Leave this sample out"):
        score(maps > 0 if score in (dice, iou) else maps, truths)


@pytest.mark.parametrize("score", [localisation_auc, localisation], ids=lambda score: score.__name__)
def test_a_truth_that_marks_everything_has_no_order(score):
    maps, truths = drawn((6, 5))
    truths[1] = True
    with pytest.raises(InputError, match=r"truth 1: expected some position outside.*leave this sample out"):
        score(maps, truths)


@pytest.mark.parametrize("score", [*SCORES, localisation], ids=lambda score: score.__name__)
def test_what_does_not_belong_together_is_refused(score):
    maps, truths = drawn((6, 5))
    with pytest.raises(InputError, match=r"truths: expected bool .* got int64 .*truths > 0"):
        score(maps, truths.astype(np.int64))
    with pytest.raises(InputError, match=r"the maps' shape \(4, 6, 5\), got bool of \(4, 30\)"):
        score(maps, truths.reshape(4, 30))
    maps[3, 0, 0] = np.nan
    with pytest.raises(InputError, match="map 3: expected finite values"):
        score(maps, truths)
    with pytest.raises(InputError, match=r"expected \(n, \*extent\) with 1 to 3 axes"):
        score(np.empty((0, 6)), np.empty((0, 6), bool))


def test_masks_are_of_one_map_and_a_possible_area():
    with pytest.raises(InputError, match="area: expected 1 to all 5 positions of the map, got 6"):
        area_mask(np.arange(5.0), 6)
    with pytest.raises(InputError, match="1 to 3 axes"):
        otsu_mask(np.ones((2, 2, 2, 2)))
    with pytest.raises(InputError, match="masks: expected bool, got float64"):
        dice(np.ones((1, 3)), np.ones((1, 3), bool))
