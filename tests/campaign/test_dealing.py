"""Which sample goes where, and where a budget for all of them cuts: rules that need no worker."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brinkmap.campaign.allowance import Allowance, cut_of
from brinkmap.campaign.dealer import FEW, Dealer, Held, room_for
from brinkmap.campaign.messages import Dealt, Shard

EACH = 10
SEEDS = st.integers(0, 2**32 - 1)


def done(*rows):
    names = ("index", "max_l2", "queries")
    types = (pa.int64(), pa.float64(), pa.int64())
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})


def dealer_of(count, *, total=None, finished=(), bounds=(None,), known=None):
    allowance = Allowance(total, EACH * len(bounds))
    return Dealer(np.arange(count), None, bounds, done(*finished), allowance, count=count, known=known)


def indices(shard):
    return [] if shard is None else [one.index for one in shard.dealt]


def by_hand(costs, total):
    """How many samples from the first on fit, added up one by one."""
    spent = kept = 0
    for cost in costs:
        spent += cost
        if spent > total:
            break
        kept += 1
    return kept


def play(costs, total, draw, dies=lambda: False):
    """Deal to workers that finish in any order and may die; returns kept indices, what was spent, and the most ever."""
    dealer = dealer_of(len(costs), total=total)
    held, finished, spent, cut = [], {}, 0, None
    while True:
        shard = dealer.deal(draw(3) + 1)
        if shard is not None:
            held += shard.dealt
        if not held:
            break
        one = held.pop(draw(len(held)))
        if dies():
            back = Held()
            back.add(Shard((one,)))
            dealer.take_back(back)
            continue
        if one.fuse is not None and costs[one.index] > one.fuse:
            spent, cut = spent + one.fuse, one.index
            dealer.stop()
            continue
        spent += costs[one.index]
        finished[one.index] = costs[one.index]
        dealer.allowance.pay(costs[one.index])
        dealer.allowance.end()
    return finished, spent, cut


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, EACH), min_size=1, max_size=40), st.integers(1, 250), SEEDS)
def test_a_total_keeps_the_longest_prefix_that_fits_and_never_spends_more(costs, total, seed):
    finished, spent, cut = play(costs, total, np.random.default_rng(seed).integers)
    kept = by_hand(costs, total)
    assert sorted(finished) == list(range(kept))
    assert cut == (kept if kept < len(costs) else None)
    assert spent <= total
    index, queries = np.array(sorted(finished), int), np.array([costs[one] for one in sorted(finished)], int)
    assert cut_of(index, queries, total, 1) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, EACH), min_size=1, max_size=40), st.integers(1, 250), SEEDS)
def test_deaths_do_not_move_the_cut(costs, total, seed):
    rng = np.random.default_rng(seed)
    finished, _, cut = play(costs, total, rng.integers, dies=lambda: rng.random() < 0.2)
    kept = by_hand(costs, total)
    assert sorted(finished) == list(range(kept))
    assert cut == (kept if kept < len(costs) else None)


@pytest.mark.parametrize(
    ("index", "queries", "total", "bounds", "cut"),
    [
        ([0, 1, 2], [5, 5, 5], 15, 1, None),
        ([0, 1, 2], [5, 5, 5], 14, 1, 2),
        ([0, 1, 2], [5, 5, 5], 4, 1, 0),
        ([0, 1, 3], [1, 1, 1], 99, 1, 2),  # a gap: sample 2 is not finished
        ([1, 2], [1, 1], 99, 1, 0),
        ([0, 0, 1, 1], [5, 5, 5, 5], 15, 2, 1),  # both bounds of a sample count together
        ([0, 0, 1], [5, 5, 1], 99, 2, 1),  # one bound of sample 1 is missing
        ([], [], 9, 1, None),
    ],
)
def test_the_cut_is_the_first_sample_that_is_missing_or_does_not_fit(index, queries, total, bounds, cut):
    assert cut_of(np.array(index, int), np.array(queries, int), total, bounds) == cut


def test_samples_are_dealt_by_index_and_what_is_finished_is_passed_over():
    dealer = dealer_of(8, finished=[(1, None, 3), (4, None, 2)])
    assert [indices(dealer.deal(3)) for _ in range(3)] == [[0, 2, 3], [5, 6, 7], []]
    assert dealer.exhausted


def test_of_a_half_finished_sample_only_the_missing_bounds_are_dealt():
    dealer = dealer_of(2, finished=[(0, 0.5, 3)], bounds=(0.5, 1.0))
    shard = dealer.deal(5)
    assert [one.bounds for one in shard.dealt] == [(1.0,), (0.5, 1.0)]


def test_what_a_dead_worker_held_is_dealt_first_and_only_what_it_had_not_finished():
    dealer, held = dealer_of(6, bounds=(0.5, 1.0)), Held()
    held.add(dealer.deal(3))
    assert held.finish(0, 0.5) is False
    assert held.finish(1, 1.0) is False
    assert held.finish(1, 0.5) is True
    dealer.take_back(held)
    shard = dealer.deal(9)
    assert [(one.index, one.bounds) for one in shard.dealt[:3]] == [(0, (1.0,)), (2, (0.5, 1.0)), (3, (0.5, 1.0))]


def test_a_total_that_was_used_up_before_asks_nothing_more():
    costs = [(0, None, 6), (1, None, 6)]
    assert indices(dealer_of(4, total=15, finished=costs).deal(9)) == [2]
    assert not dealer_of(4, total=15, finished=costs, known=(2, 3)).more()
    raised = dealer_of(4, total=16, finished=costs, known=(2, 3))
    assert [(one.index, one.fuse) for one in raised.deal(9).dealt] == [(2, 4)]


def test_a_total_that_was_lowered_below_what_is_finished_asks_nothing_more():
    assert not dealer_of(4, total=11, finished=[(0, None, 6), (1, None, 6)]).more()


def test_a_shard_of_large_samples_is_cut_short(monkeypatch):
    monkeypatch.setattr("brinkmap.campaign.dealer.SHARD_BYTES", 100)
    samples = np.zeros((9, 30), np.uint8)
    dealer = Dealer(samples, None, (None,), done(), Allowance(None, EACH), count=9)
    assert indices(dealer.deal(9)) == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_no_worker_holds_more_than_its_share_of_what_is_left(workers):
    for left in (0, 10, 100, 1000):
        assert room_for(0, 256, 128, left, workers) <= max(FEW, left // workers)
    assert room_for(0, 256, 128, None, workers) == room_for(0, 256, 128, 10**6, workers) == 384
    assert room_for(380, 256, 128, 10**6, workers) == 4


def test_labels_that_are_too_few_are_said():
    dealer = Dealer(np.arange(3), [1, 2], (None,), done(), Allowance(None, EACH))
    with pytest.raises(ValueError, match="expected one integer a sample, got fewer"):
        dealer.deal(5)


def test_a_dealt_sample_stays_as_the_data_hold_it():
    sample = object()
    [one] = Dealer([sample], [3], (None,), done(), Allowance(None, EACH)).deal(1).dealt
    assert (one.sample, one.label) == (sample, 3)
    assert isinstance(one, Dealt)
