"""Agents and attacks written in Python: what they may do, and what the runner does where they misbehave."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attacks_known import SAMPLES, VICTIMS, outcome
from brinkmap import InputError, Run, attack, collect
from victims_known import CountsSamples, SingleValue, samples_for


class Stubborn:
    """Proposes the first card on the first cell, always."""

    needs_scores = False

    def __init__(self):
        self.asked, self.told, self.stopped = 0, 0, []

    def start(self, slots, samples, references, answers, context): ...

    def propose(self, slots, observation, rngs):
        self.asked += 1
        proposals = np.zeros(observation.codes.shape, np.int16)
        proposals[:, 0] = 2
        return proposals

    def learn(self, slots, plans, answers, accepted):
        self.told += 1

    def stop(self, slots):
        self.stopped += slots.tolist()


@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "rejected"])
def test_32_free_proposals_end_an_attack_as_stalled(refused):
    """Accepted, the proposal changes nothing any more; rejected, the memo knows it."""
    agent, victim = Stubborn(), CountsSamples(SingleValue((1, 8, 8), position=0 if refused else 63))
    samples = np.full((1, 1, 8, 8), 0.9, np.float32)
    criterion = "untargeted" if refused else "confidence:0.05"
    run = Run(agent=agent, distortions=("illuminate",), patch=8 if not refused else 2, budget=500, criterion=criterion)
    [result] = attack(victim, samples, None, run)
    assert (result.stalled, result.success, result.error) == (True, False, None)
    assert (result.queries, result.steps, victim.seen) == (2, 1, 2)
    assert (agent.asked, agent.told, agent.stopped) == (33, 1, [0])


class AddsForever(Stubborn):
    """Adds anywhere, whatever the phase."""

    def propose(self, slots, observation, rngs):
        return np.stack([rng.integers(0, 17, observation.codes.shape[1]) for rng in rngs]).astype(np.int16)


def test_whoever_proposes_refining_takes_nothing_that_is_farther_or_loses_the_flip():
    samples, labels = samples_for(VICTIMS[2], SAMPLES)
    run = Run(agent=AddsForever(), patch=2, distortions=("illuminate", "dead-pixel"), budget=30, trace=True)
    raw, refined = (
        outcome(VICTIMS[2], samples, labels, Run(**vars(run) | {"refine_budget": budget})) for budget in (0, 40)
    )
    assert sum(one.success for one in raw.results) >= 3
    assert any(step.accepted for one in refined.results for step in one.trace[(one.queries_to_flip or 99) - 1 :])
    for before, after in zip(raw.results, refined.results, strict=True):
        assert (before.success, before.queries_to_flip) == (after.success, after.queries_to_flip)
        assert after.l2 <= before.l2
        assert after.success == (after.after.argmax() != after.reference)


@pytest.mark.parametrize("given", [Stubborn(), Stubborn], ids=["object", "class"])
def test_an_agent_from_python(given):
    [result] = attack(VICTIMS[2], *samples_for(VICTIMS[2], 1), Run(agent=given, patch=2, budget=9))
    assert result.steps == 1


@pytest.mark.parametrize(
    ("proposal", "said"),
    [(np.zeros((1, 3), np.int16), "expected proposals of shape"), (np.full((1, 16), 99, np.int16), "expected codes")],
    ids=["shape", "code"],
)
def test_an_agent_that_proposes_nonsense_is_refused(proposal, said):
    agent = Stubborn()
    agent.propose = lambda *_: proposal
    with pytest.raises(InputError, match=said):
        list(attack(VICTIMS[2], *samples_for(VICTIMS[2], 1), Run(agent=agent, patch=2)))


def test_what_is_no_agent_is_refused():
    with pytest.raises(InputError, match=r"agent: expected an object with start, propose, .* got 3"):
        attack(VICTIMS[2], *samples_for(VICTIMS[2], 1), Run(agent=3))


@dataclass
class Darkens:
    """Owns its loop: asks about ever darker copies, `ways` at once; raises for one sample and writes into another."""

    needs_scores: bool = False
    ways: int = 1
    raises_at: float = -1.0
    writes: bool = False

    def run(self, oracle, sample, label, run):
        if float(sample.ravel()[0]) == self.raises_at:
            raise KeyError("lost")
        if self.writes:
            sample[:] = 0
        shares = np.linspace(1, 0, 30, dtype=np.float32)[1:]
        for start in range(0, len(shares), self.ways):
            oracle.ask(np.stack([sample * share for share in shares[start : start + self.ways]]))


def bright(count):
    return np.random.default_rng(4).uniform(0.6, 0.9, (count, 1, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("ways", [1, 3, 29])
def test_an_attack_that_asks_in_batches_is_held_to_the_laws(ways):
    victim = SingleValue((1, 8, 8))
    found = outcome(victim, bright(5), None, Run(agent=Darkens(ways=ways), budget=25, slots=3))
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    for result in found.results:
        first = next(k for k in range(1, 30) if result.clean.ravel()[0] * np.linspace(1, 0, 30, dtype="f4")[k] < 0.5)
        assert (result.success, result.queries_to_flip) == (True, 1 + first)
        assert result.queries <= 25
        assert result.plan is None
        assert_array_equal(victim.predict(result.adversarial[None])[0], result.after)


@pytest.mark.parametrize("bound", [{"max_l2": 0.4}, {"max_linf": 0.05}], ids=str)
def test_an_attack_that_ignores_the_bound_gets_nothing_for_it(bound):
    found = outcome(SingleValue((1, 8, 8)), bright(5), None, Run(agent=Darkens(), **bound))
    assert [one.success for one in found.results] == [False] * 5
    assert all(one.l2 <= 0.4 if "max_l2" in bound else one.linf <= 0.05 + 2.0**-22 for one in found.results)


def test_an_attack_that_raises_for_one_sample_does_not_stop_the_others():
    samples = bright(5)
    results = collect(attack(SingleValue((1, 8, 8)), samples, None, Run(agent=Darkens(raises_at=samples[2, 0, 0, 0]))))
    assert results.table["error"].dropna().to_dict() == {2: "the attack raised KeyError: 'lost'"}
    assert results.table["success"].tolist() == [True, True, False, True, True]
    assert results.table["queries"][2] == 1


def test_an_attack_that_writes_into_its_sample_harms_nobody():
    samples = bright(2)
    kept = samples.copy()
    results = list(attack(SingleValue((1, 8, 8)), samples, None, Run(agent=Darkens(writes=True))))
    assert_array_equal(samples, kept)
    assert all(one.clean.min() > 0.5 and one.l2 > 3 for one in results if one.success)


@dataclass
class Repeats:
    """Asks the same for ever."""

    needs_scores: bool = False

    def run(self, oracle, sample, label, run):
        while True:
            oracle.ask(sample[None] * np.float32(0.9))


def test_a_repetitive_attack_is_stalled_and_pays_once():
    [result] = attack(SingleValue((1, 8, 8)), bright(1), None, Run(agent=Repeats()))
    assert (result.stalled, result.queries, result.steps) == (True, 2, 1)


@pytest.mark.parametrize(
    ("candidates", "said"), [(np.zeros((1, 2, 8, 8)), r"got \(1, 2, 8, 8\)"), (np.full((1, 1, 8, 8), np.nan), "finite")]
)
def test_an_attack_that_asks_nonsense_gets_an_error_row(candidates, said):
    agent = Darkens()
    agent.run = lambda oracle, *_: oracle.ask(candidates)
    [result] = attack(SingleValue((1, 8, 8)), bright(1), None, Run(agent=agent))
    assert said.replace("\\", "") in result.error
    assert result.queries == 1
