"""The batch-size search: on paid queries only, frozen at its first choice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.victims.batching import SIZES, TRIALS, BatchSize

COSTS = {
    "flat": lambda rows: 1.0,
    "per sample": lambda rows: rows * 0.01,
    "best at 64": lambda rows: 0.1 + rows * (0.01 if rows <= 64 else 0.02),
    "best at 16": lambda rows: rows**1.5,
}


def searched(batches, cost, asks):
    """Ask as `Metered` does; returns the sizes of the batches that were made."""
    made = []
    for ask in asks:
        batches.asked(ask)
        while ask:
            rows = min(ask, batches.current)
            batches.timed(rows, cost(rows))
            made.append(rows)
            ask -= rows
    return made


@pytest.mark.parametrize(("cost", "best"), [("flat", 1024), ("best at 64", 64), ("best at 16", 16)])
def test_the_fastest_size_is_found(cost, best):
    batches = BatchSize(largest=4096)
    searched(batches, COSTS[cost], [4096] * 10)
    assert batches.frozen == batches.current == best


@pytest.mark.parametrize("cost", COSTS)
@given(st.integers(1, 2000), st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_no_query_is_added_and_no_batch_is_larger_than_allowed(cost, largest, asks):
    made = searched(BatchSize(largest), COSTS[cost], asks)
    assert sum(made) == sum(asks)
    assert max(made) <= max(largest, 1)


@pytest.mark.parametrize("cost", COSTS)
@given(st.integers(1, 2000), st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_the_choice_is_made_once(cost, largest, asks):
    batches, frozen = BatchSize(largest), []
    for ask in asks:
        searched(batches, COSTS[cost], [ask])
        frozen.append(batches.frozen)
    chosen = [size for size in frozen if size is not None]
    assert len(set(chosen)) <= 1
    assert frozen == [None] * (len(frozen) - len(chosen)) + chosen
    assert all(size in SIZES or size == largest for size in chosen)


@pytest.mark.parametrize(("largest", "first"), [(1, 1), (5, 5), (16, 16), (17, 16), (1000, 16)])
def test_the_search_starts_at_the_smallest_size(largest, first):
    assert BatchSize(largest).current == first


def test_each_size_is_tried_three_times_and_its_fastest_batch_speaks():
    batches = BatchSize(largest=32)
    for seconds in (100, 0.1, 100):  # a warm-up, the truth and a hiccup
        assert batches.current == 16
        batches.timed(16, seconds)
    for _ in range(TRIALS):
        assert batches.current == 32
        batches.timed(32, 1)
    assert batches.frozen == 16


def test_sizes_beyond_a_clear_fall_are_not_tried():
    batches = BatchSize(largest=1024)
    made = searched(batches, lambda rows: rows * (1 if rows < 64 else 2), [1024] * 10)
    assert batches.frozen in (16, 32)
    assert 64 in made
    assert 128 not in made


def test_asks_that_cannot_fill_the_size_end_the_search():
    batches = BatchSize(largest=256)
    searched(batches, COSTS["flat"], [48] * TRIALS)  # three of 16, which are all timed, and one of 32 and a rest
    assert batches.current == 32
    searched(batches, COSTS["flat"], [20] * TRIALS)
    assert batches.frozen in (16, 32)


def test_small_asks_from_the_start_freeze_the_smallest_size():
    batches = BatchSize(largest=256)
    searched(batches, COSTS["flat"], [3] * (TRIALS - 1))
    assert batches.frozen is None
    searched(batches, COSTS["flat"], [3])
    assert batches.frozen == 16


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_given_size_is_kept(size):
    batches = BatchSize(largest=256, frozen=size)
    made = searched(batches, COSTS["flat"], [256] * 20)
    assert batches.frozen == batches.current == max(made) == size


@pytest.mark.parametrize("frozen", [None, 8, 64])
@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_the_peak_rate_is_the_best_of_all_batches(frozen, asks):
    batches, cost = BatchSize(256, frozen), COSTS["best at 64"]
    assert batches.peak_rate == 0
    made = searched(batches, cost, asks)
    assert batches.peak_rate == pytest.approx(max(rows / cost(rows) for rows in made))


def test_a_batch_that_took_no_time_has_a_finite_rate():
    batches = BatchSize(16)
    batches.timed(16, 0.0)
    assert 0 < batches.peak_rate < float("inf")
