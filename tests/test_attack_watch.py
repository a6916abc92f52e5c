"""Whoever watches an attack sees every query that is paid for, changes nothing, and may end it."""

import numpy as np
import pytest

from attacks_known import settings, victims_of
from brinkmap.attack import results_of
from brinkmap.session import Session
from victims_known import CountsSamples, samples_for

WATCHED = ("credit", "greedy", "square within L2", "one-pixel", "simba")
RANKS = (1, 2, 3)


class LeaveOff(Exception):
    """What a watcher raises."""


def watched(party, rank, watch, count=4):
    victim = CountsSamples(victims_of(party)[rank])
    samples, _ = samples_for(victims_of(party)[rank], count)
    session = Session(victim, samples[0].shape, settings(party, rank))
    return victim, session, lambda: list(results_of(session, samples, None, watch=watch))


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("party", WATCHED)
def test_the_last_that_is_told_of_a_sample_is_its_result(party, rank):
    told = {}
    victim, _, run = watched(party, rank, lambda standing: told.setdefault(standing.index, []).append(standing))
    results = run()
    for result in results:
        last = told[result.index][-1]
        assert (last.queries, last.steps, last.reference) == (result.queries, result.steps, result.reference)
        assert last.queries_to_flip == result.queries_to_flip
        assert np.array_equal(last.image, result.adversarial)
        assert np.array_equal(last.answer, result.after)
        assert last.l2 == pytest.approx(result.l2, abs=1e-6)
    assert sum(steps[-1].queries for steps in told.values()) == victim.seen


@pytest.mark.parametrize("party", WATCHED)
def test_queries_are_told_in_the_order_in_which_they_are_paid_for(party):
    told = {}
    _, _, run = watched(party, 2, lambda standing: told.setdefault(standing.index, []).append(standing.queries))
    run()
    for paid in told.values():
        assert paid == sorted(paid)
        if party in ("credit", "greedy"):
            assert paid == list(range(1, len(paid) + 1))


@pytest.mark.parametrize("party", WATCHED)
def test_watching_changes_nothing(party):
    plain = [(result.queries, result.l2, result.success) for result in watched(party, 1, None)[2]()]
    seen = [(result.queries, result.l2, result.success) for result in watched(party, 1, lambda _: None)[2]()]
    assert plain == seen


@pytest.mark.parametrize("party", WATCHED)
def test_what_a_watcher_raises_ends_the_run_and_nothing_more_is_asked(party):
    paid = []

    def watch(standing):
        paid.append(standing.queries)
        if standing.queries > 5:
            raise LeaveOff

    victim, session, run = watched(party, 2, watch, count=1)
    with pytest.raises(LeaveOff):
        run()
    assert paid[-1] == victim.seen == session.metered.ledger.total
