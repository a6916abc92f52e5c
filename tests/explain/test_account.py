"""Credit by regression on a field: what is linear is recovered, and surfaces drawn agree with what is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brinkmap.explain.account import LENGTHS, Rows, accounted
from brinkmap.explain.field import field_of

EXTENTS = [(7,), (300,), (16, 20), (48, 40), (6, 12, 10), (12, 40, 40)]
extents = pytest.mark.parametrize("extent", EXTENTS, ids=str)


def answers(extent: tuple[int, ...], count: int, seed: int = 0) -> tuple[Rows, np.ndarray]:
    """Falls that are linear in what is hidden, and the credit behind them."""
    field, rng = field_of(extent), np.random.default_rng(seed)
    credit = field.surfaces(rng.standard_normal((1, field.size)), 0.16)[0]
    hidden = (field.surfaces(rng.standard_normal((count, field.size)), 0.1) > 0).astype(float)
    return Rows(hidden, hidden @ credit + 3.0), credit


@extents
def test_a_field_has_no_more_positions_than_there_are_values(extent):
    field = field_of(extent)
    assert all(coarse <= n for coarse, n in zip(field.shape, extent, strict=True))


@extents
def test_what_is_the_same_everywhere_stays_so_there_and_back(extent):
    field = field_of(extent)
    assert_allclose(field.spread(np.full((2, field.size), 0.3)), 0.3)
    assert_allclose(field.gathered(np.full((2, *extent), 0.3)), 0.3)


@extents
def test_spreading_and_gathering_keep_a_smooth_surface(extent):
    field = field_of(extent)
    smooth = field.surfaces(np.random.default_rng(0).standard_normal((3, field.size)), 0.4)
    assert np.corrcoef(field.gathered(field.spread(smooth)).ravel(), smooth.ravel())[0, 1] > 0.98


@extents
def test_surfaces_vary_by_one_and_resemble_their_surroundings(extent):
    field = field_of(extent)
    drawn = field.surfaces(np.random.default_rng(0).standard_normal((2000, field.size)), 0.1)
    assert_allclose(drawn.std(axis=0).mean(), 1, atol=0.05)
    covariance = field.smoothed(np.eye(field.size)[:1], 0.1)[0]
    assert_allclose((drawn * drawn[:, :1]).mean(axis=0), covariance, atol=0.15)


@extents
def test_credit_that_answers_are_linear_in_is_recovered(extent):
    rows, credit = answers(extent, 250)
    found = accounted(field_of(extent), rows).credit
    assert np.corrcoef(found, credit)[0, 1] > 0.85


@extents
def test_a_shift_of_all_answers_is_nobodys_credit(extent):
    rows, _ = answers(extent, 80)
    found, shifted = (accounted(field_of(extent), Rows(rows.hidden, rows.falls + c)).credit for c in (0.0, 5.0))
    assert np.corrcoef(found, shifted)[0, 1] > 0.99


@pytest.mark.parametrize("length", LENGTHS[1:4])
def test_the_likeliest_length_is_near_the_true_one(length):
    field, rng = field_of((48, 48)), np.random.default_rng(0)
    credit = field.surfaces(rng.standard_normal((1, field.size)), length)[0]
    hidden = (field.surfaces(rng.standard_normal((300, field.size)), 0.05) > 0).astype(float)
    found = accounted(field, Rows(hidden, hidden @ credit)).length
    assert abs(LENGTHS.index(found) - LENGTHS.index(length)) <= 1


def test_surfaces_drawn_scatter_about_the_credit_and_less_where_more_was_asked():
    field = field_of((64,))
    rows, credit = answers((64,), 60)
    rows.hidden[:, 40:] = 0  # nothing is ever asked of the right end
    account = accounted(field, Rows(rows.hidden, rows.hidden @ credit))
    drawn = account.drawn(np.random.default_rng(1), 400)
    spread = drawn.std(axis=0)
    assert spread[55:].mean() > 3 * spread[:35].mean()
    assert_allclose(drawn.mean(axis=0)[:35], account.credit[:35], atol=0.3 * np.abs(account.credit).max())


def test_answers_add_up():
    rows, _ = answers((64,), 10)
    both = rows + rows
    assert both.hidden.shape == (20, 64)
    assert both.falls.tolist() == [*rows.falls, *rows.falls]
