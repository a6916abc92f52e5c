"""Laws of the runner, held for every registered agent and attack on victims whose answers are known."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attacks_known import ACROSS, MADE_FOR, PARTIES, SAMPLES, SLOW, VICTIMS, bits, laws, victims_of
from brinkmap import Untargeted
from brinkmap.registry import entries
from victims_known import samples_for

LAWS = [(party, rank) for party in PARTIES for rank in victims_of(party)]


def _held_to(laws):
    held = [
        pytest.param(party, rank, id=f"{party}, rank {rank}", marks=[pytest.mark.slow] * (party in SLOW))
        for party, rank in laws
    ]
    return pytest.mark.parametrize(("party", "rank"), held)


every_party = _held_to(LAWS)
every_party_by_sample = _held_to([(party, rank) for party, rank in LAWS if party not in ACROSS])


def test_every_registered_agent_is_held_to_the_laws():
    assert {entry.name for entry in entries("agent")} == {party["agent"] for party in PARTIES.values()}


@every_party
def test_every_query_is_paid_for(party, rank):
    found = laws(party, rank)
    assert sum(result.queries for result in found.results) == found.seen == found.ledger


@every_party
def test_some_flip_so_that_the_laws_are_no_empty_words(party, rank):
    found = laws(party, rank)
    assert [result.index for result in found.results] == list(range(SAMPLES))
    assert sum(result.success for result in found.results) >= 3


@every_party
def test_no_sample_goes_over_its_budget(party, rank):
    for result in laws(party, rank).results:
        flip = result.queries_to_flip
        assert result.queries <= 40 + (15 if result.success else 0)
        assert (flip is not None) == result.success
        assert flip is None or 1 <= flip <= 40
        assert result.queries_refine == (0 if flip is None else result.queries - flip)
        assert result.steps <= result.queries - 1


@every_party
def test_who_does_not_flip_and_is_not_stalled_has_spent_the_budget(party, rank):
    for result in laws(party, rank, refine_budget=0).attacked:
        assert result.success or result.stalled or result.queries == 40


@every_party
def test_misclassified_samples_cost_one_query(party, rank):
    found = laws(party, rank)
    assert [result.index for result in found.results if result.skipped] == [3, 7]
    assert all(found.results[index].queries == 1 and not found.results[index].success for index in (3, 7))


@every_party
def test_distances_are_those_of_the_adversarial_and_within_the_bound(party, rank):
    victim = victims_of(party)[rank]
    found, (low, high) = laws(party, rank), victim.bounds
    clean, _ = samples_for(victim, SAMPLES)
    for result in found.results:
        change = result.adversarial.astype(np.float64) - clean[result.index]
        assert result.l2_raw == pytest.approx(np.linalg.norm(change), rel=1e-12, abs=0)
        assert result.linf_raw == pytest.approx(np.abs(change).max(), rel=1e-12, abs=0)
        assert (result.l2, result.linf) == pytest.approx(
            (result.l2_raw / (high - low), result.linf_raw / (high - low)), rel=1e-12, abs=0
        )
        assert result.changed == np.count_nonzero(change)
        assert result.l2 <= (found.run.max_l2 or np.inf)
        assert result.linf <= (found.run.max_linf or np.inf) + 2.0**-22
        assert low <= result.adversarial.min() <= result.adversarial.max() <= high


@every_party
def test_the_adversarial_put_to_the_victim_again_gives_the_same_answer(party, rank):
    found = laws(party, rank)
    for result in found.results:
        assert_array_equal(victims_of(party)[rank].predict(result.adversarial[None])[0], result.after)


@every_party
def test_success_is_the_criterion_met_by_the_answer(party, rank):
    for result in laws(party, rank).attacked:
        assert result.success == (Untargeted().margins(result.after[None], np.array([result.reference]), [0])[0] < 0)
        assert result.success == (result.after.argmax() != result.reference)
        assert result.before.argmax() == result.reference == result.label


@pytest.mark.parametrize("changes", [{"slots": 1}, {"slots": 7, "batch_size": 3}], ids=str)
@every_party_by_sample
def test_neither_slots_nor_batches_change_a_result(party, rank, changes):
    if party in MADE_FOR and changes["slots"] == 1:
        changes = {"slots": 5}  # networks look at chunks of 32 whatever is in them: one slot takes minutes
    assert bits(laws(party, rank, **changes).results) == bits(laws(party, rank).results)


@pytest.mark.parametrize("party", ["random", "greedy", "credit", "random within L2"])
@pytest.mark.parametrize("rank", VICTIMS)
def test_a_larger_budget_keeps_every_flip(party, rank):
    small, large = (laws(party, rank, budget=budget, refine_budget=0).results for budget in (20, 80))
    for early, late in zip(small, large, strict=True):
        assert not early.success or bits([early])[0] | {"stalled": late.stalled} == bits([late])[0]
    assert sum(one.success for one in large) >= 4


@every_party_by_sample
def test_refining_keeps_the_flip_and_never_moves_away(party, rank):
    for raw, refined in zip(laws(party, rank, refine_budget=0).results, laws(party, rank).results, strict=True):
        assert (raw.success, raw.queries_to_flip) == (refined.success, refined.queries_to_flip)
        assert refined.l2 <= raw.l2
        assert raw.queries_refine == 0


@pytest.mark.parametrize("party", ["random", "greedy", "credit"])
def test_refining_finds_something_to_take_away(party):
    raw, refined = (laws(party, 2, refine_budget=budget).results for budget in (0, 15))
    assert sum(one.l2 for one in refined) < 0.95 * sum(one.l2 for one in raw)
