"""Cards: codes and plans say the same thing."""

import numpy as np
import pytest
from drawn import Brush
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.plan import Cards

LEVELS = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def cards_of(levels):
    return Cards(tuple(Brush(f"brush{d}", count) for d, count in enumerate(levels)))


@given(LEVELS, st.data())
def test_codes_survive_the_way_to_a_plan_and_back(levels, data):
    cards = cards_of(levels)
    shape = data.draw(st.sampled_from([(), (5,), (3, 4), (2, 3, 4)]))
    codes = np.random.default_rng(sum(levels)).integers(0, len(cards) + 1, shape)
    plan = cards.plan(codes)
    assert plan.shape == (*shape, 2)
    assert (plan.dtype, cards.codes(plan).dtype) == (np.int16, np.int16)
    np.testing.assert_array_equal(cards.codes(plan), codes)


@given(LEVELS)
def test_every_code_is_the_card_that_its_plan_names(levels):
    cards = cards_of(levels)
    expected = [(d, level) for d, count in enumerate(levels) for level in range(1, count + 1)]
    assert len(cards) == len(expected)
    for code, (distortion, level) in enumerate(expected, 1):
        assert cards.card(code) == (cards.distortions[distortion], level)
        assert cards.plan(np.array([code])).tolist() == [[distortion, level]]
    assert [cards.card(int(code))[1] for code in cards.first_of] == [1] * len(levels)


@pytest.mark.parametrize("distortion", [0, 1])
def test_a_plan_at_level_0_is_clean_whatever_its_distortion(distortion):
    assert cards_of([3, 2]).codes([[distortion, 0]]).tolist() == [0]


@given(LEVELS)
def test_weaker_is_one_level_down_and_then_none(levels):
    cards = cards_of(levels)
    codes = np.arange(len(cards) + 1)
    plan = cards.plan(codes).astype(int)
    plan[:, 1] = np.maximum(plan[:, 1] - 1, 0)
    weaker = cards.weaker(codes)
    assert weaker.dtype == np.int16
    np.testing.assert_array_equal(weaker, cards.codes(plan))
    np.testing.assert_array_equal(cards.weaker(codes.tolist()), weaker)
