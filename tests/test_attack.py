"""Laws of the runner, held for every registered agent and attack on victims whose answers are known."""

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap import ConfidenceBelow, InputError, Run, Targeted, TopK, Untargeted, VictimError, attack, collect
from brinkmap.attack import results_of
from brinkmap.plan import make_grid
from brinkmap.registry import entries
from brinkmap.session import Session
from victims_known import (
    AnswersNaNFor,
    CountsSamples,
    FlipsWhenDark,
    LabelsOnly,
    Linear,
    RaisesFor,
    SingleValue,
    WritesIntoItsInput,
    near,
    samples_for,
)

SAMPLES = 12
VICTIMS = {1: Linear((2, 24), bounds=(-3, 5)), 2: Linear((1, 8, 8)), 3: Linear((1, 4, 6, 6))}
PATCHES = {1: 4, 2: 2, 3: "2x3x3"}
PARTIES: dict[str, dict[str, Any]] = {
    "random": {"agent": "random"},
    "greedy": {"agent": "greedy"},
    "credit": {"agent": "credit"},
    "random within L2": {"agent": "random", "max_l2": 1.2},
    "credit within Linf": {"agent": "credit", "max_linf": 0.16},
    "square within L2": {"agent": "square", "max_l2": 1.0},
    "square within Linf": {"agent": "square", "max_linf": 0.1},
}
AGENTS = ("random", "greedy", "credit")
LAWS = [(party, rank) for party in PARTIES for rank in VICTIMS]
every_party = pytest.mark.parametrize(("party", "rank"), LAWS, ids=[f"{party}, rank {rank}" for party, rank in LAWS])


@dataclass(frozen=True)
class Outcome:
    results: list
    seen: int
    ledger: int
    run: Run
    session: Session = field(repr=False)

    @property
    def attacked(self):
        return [result for result in self.results if result.attacked]


def outcome(victim, samples, labels, run):
    counting = CountsSamples(victim)
    session = Session(counting, samples[0].shape, run)
    results = sorted(results_of(session, samples, labels), key=lambda result: (result.index, result.max_l2 or 9e9))
    return Outcome(results, counting.seen, session.metered.ledger.total, run, session)


def settings(party, rank, **changes):
    return Run(**({"patch": PATCHES[rank], "budget": 40, "refine_budget": 15} | PARTIES[party] | changes))


@functools.cache
def laws(party, rank, **changes):
    """The same dozen samples, of which two are misclassified, under one party's attack."""
    samples, labels = samples_for(VICTIMS[rank], SAMPLES)
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 3
    return outcome(VICTIMS[rank], samples, labels, settings(party, rank, **changes))


def bits(results):
    """Everything that a result says, arrays as bytes."""
    return [
        {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in shown.items()}
        for shown in (
            {name: value for name, value in vars(one).items() if name not in ("_render", "trace")}
            | {"adversarial": one.adversarial}
            for one in sorted(results, key=lambda one: (one.index, one.max_l2 or 9e9))
        )
    ]


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
    found, (low, high) = laws(party, rank), VICTIMS[rank].bounds
    clean, _ = samples_for(VICTIMS[rank], SAMPLES)
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
        assert_array_equal(VICTIMS[rank].predict(result.adversarial[None])[0], result.after)


@every_party
def test_success_is_the_criterion_met_by_the_answer(party, rank):
    for result in laws(party, rank).attacked:
        assert result.success == (Untargeted().margins(result.after[None], np.array([result.reference]), [0])[0] < 0)
        assert result.success == (result.after.argmax() != result.reference)
        assert result.before.argmax() == result.reference == result.label


@pytest.mark.parametrize("changes", [{"slots": 1}, {"slots": 7, "batch_size": 3}], ids=str)
@every_party
def test_neither_slots_nor_batches_change_a_result(party, rank, changes):
    assert bits(laws(party, rank, **changes).results) == bits(laws(party, rank).results)


@pytest.mark.parametrize("party", ["random", "greedy", "credit", "random within L2"])
@pytest.mark.parametrize("rank", VICTIMS)
def test_a_larger_budget_keeps_every_flip(party, rank):
    small, large = (laws(party, rank, budget=budget, refine_budget=0).results for budget in (20, 80))
    for early, late in zip(small, large, strict=True):
        assert not early.success or bits([early])[0] | {"stalled": late.stalled} == bits([late])[0]
    assert sum(one.success for one in large) >= 4


@every_party
def test_refining_keeps_the_flip_and_never_moves_away(party, rank):
    for raw, refined in zip(laws(party, rank, refine_budget=0).results, laws(party, rank).results, strict=True):
        assert (raw.success, raw.queries_to_flip) == (refined.success, refined.queries_to_flip)
        assert refined.l2 <= raw.l2
        assert raw.queries_refine == 0


@pytest.mark.parametrize("party", ["random", "greedy", "credit"])
def test_refining_finds_something_to_take_away(party):
    raw, refined = (laws(party, 2, refine_budget=budget).results for budget in (0, 15))
    assert sum(one.l2 for one in refined) < 0.95 * sum(one.l2 for one in raw)


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_several_bounds_give_one_result_for_each(party):
    found = laws(party, 2, max_l2=(0.5, 1.5))
    assert [(one.index, one.max_l2) for one in found.results] == [(i, b) for i in range(SAMPLES) for b in (0.5, 1.5)]
    alone = [one for bound in (0.5, 1.5) for one in laws(party, 2, max_l2=bound).results]
    assert bits(found.results) == bits(alone)
    assert found.ledger == found.seen == sum(one.queries for one in alone)


@pytest.mark.parametrize("patch", [2, ("1", "2", "4")], ids=["one grid", "three grids"])
@pytest.mark.parametrize("agent", AGENTS)
def test_finds_the_one_weak_cell_and_nothing_else(agent, patch):
    victim = FlipsWhenDark(cell=5)
    run = Run(agent=agent, distortions=("illuminate",), patch=patch, budget=400, refine_budget=400)
    [result] = attack(victim, np.full((1, 1, 8, 8), 0.5, np.float32), [0], run)
    grid = make_grid(patch, (8, 8))
    weak = np.zeros((8, 8), bool)
    weak[victim.box] = True
    assert result.success
    occupied = np.flatnonzero(result.plan[:, 1])
    assert len(occupied)
    assert all(weak[grid.box(cell)].any() for cell in occupied)
    if patch == 2:
        assert occupied.tolist() == [5]


@pytest.mark.parametrize(
    ("criterion", "met"),
    [
        ("targeted:2", lambda one: one.after.argmax() == 2),
        (Targeted(tuple([1, 2] * 6)), lambda one: one.after.argmax() == 1 + one.index % 2),
        ("topk:2", lambda one: np.sum(one.after > one.after[one.reference]) >= 2),
        (TopK(1), lambda one: one.after.argmax() != one.reference),
        ("confidence:0.3", lambda one: one.after[one.reference] < np.float32(0.3)),
        (ConfidenceBelow(0.1), lambda one: one.after[one.reference] < np.float32(0.1)),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
@pytest.mark.parametrize("party", ["random", "greedy", "credit", "square within L2"])
def test_success_means_the_criterion(party, criterion, met):
    samples, _ = samples_for(VICTIMS[2], SAMPLES)
    found = outcome(VICTIMS[2], samples, None, settings(party, 2, criterion=criterion, budget=100))
    assert [one.success for one in found.results] == [met(one) for one in found.results]
    assert any(one.success for one in found.results)
    assert found.ledger == found.seen == sum(one.queries for one in found.results)


@pytest.mark.parametrize("party", PARTIES)
def test_a_sample_that_meets_the_criterion_untouched_costs_one_query(party):
    samples, labels = samples_for(VICTIMS[2], SAMPLES)
    found = outcome(VICTIMS[2], samples, labels, settings(party, 2, criterion="confidence:1", refine_budget=0))
    assert {(one.success, one.queries, one.queries_to_flip, one.l2) for one in found.results} == {(True, 1, 1, 0.0)}


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 3.0)], ids=str)
@pytest.mark.parametrize("party", ["random", "credit within Linf", "square within Linf"])
def test_quantised_samples_lie_on_the_grid_of_8_bits(party, bounds):
    victim = Linear((1, 8, 8), bounds=bounds)
    found = outcome(victim, *samples_for(victim, SAMPLES), settings(party, 2, quantise=8))
    assert sum(one.success for one in found.results) >= 3
    for result in found.results:
        steps = (result.adversarial.astype(np.float64) - bounds[0]) / (bounds[1] - bounds[0]) * 255
        assert np.abs(steps - np.rint(steps)).max() < 1e-4
        pixels = np.rint(steps).astype(np.uint8)[0, ..., None]
        [again] = attack(victim, pixels[None], None, Run(budget=1, patch=2))
        assert_array_equal(again.before, result.after)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("rank", VICTIMS)
def test_the_trace_replayed_gives_the_plan(agent, rank):
    found = laws(agent, rank, trace=True)
    cards = found.session.canvas.cards
    for result in found.results:
        codes = np.zeros(len(result.plan), np.int16)
        assert len(result.trace) == result.steps
        for step in result.trace:
            if step.accepted:
                codes[step.cells] = step.codes
        assert_array_equal(cards.plan(codes), result.plan)
        queries = [step.query for step in result.trace]
        assert queries == list(range(2, 2 + result.steps))
    assert bits(found.results) == bits(laws(agent, rank).results)


def test_trace_log_probabilities_are_those_of_the_last_accepted_answer():
    for result in laws("random", 2, trace=True).results:
        accepted = [step for step in result.trace if step.accepted]
        if accepted:
            assert_array_equal(accepted[-1].log_probabilities, np.log(result.after).astype(np.float16))


def test_an_iterable_of_samples_is_read_as_slots_fall_free():
    samples, labels = samples_for(VICTIMS[2], SAMPLES)
    read = []

    def stream():
        for place, sample in enumerate(samples):
            read.append(place)
            yield sample

    results = attack(VICTIMS[2], stream(), iter(labels.tolist()), settings("random", 2, slots=2))
    next(results)
    assert len(read) <= 3
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 3
    relabelled = attack(VICTIMS[2], iter(samples), iter(labels), settings("random", 2))
    assert bits(relabelled) == bits(laws("random", 2).results)


def test_torch_tensors_are_samples_too():
    torch = pytest.importorskip("torch")
    samples, labels = samples_for(VICTIMS[2], SAMPLES)
    run = settings("credit", 2)
    tensors = attack(VICTIMS[2], torch.tensor(samples, requires_grad=True), torch.tensor(labels), run)
    assert bits(tensors) == bits(attack(VICTIMS[2], samples, labels, run))


def test_bytes_with_channels_last_are_samples_too():
    victim = Linear((3, 8, 8), bounds=(-1.0, 1.0))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    results = collect(attack(victim, pixels, None, Run(agent="random", patch=2, budget=20)))
    floats = (np.moveaxis(pixels, -1, 1) / 255 * 2 - 1).astype(np.float32)
    assert_allclose(results.before, victim.predict(floats), atol=1e-5)


def test_random_attacks_labels_only_by_starting_large():
    victim = LabelsOnly(VICTIMS[2])
    samples, labels = samples_for(VICTIMS[2], SAMPLES)
    raw, refined = (
        outcome(victim, samples, labels, settings("random", 2, refine_budget=n, trace=True)) for n in (0, 60)
    )
    assert np.mean([len(one.trace[0].cells) for one in raw.attacked]) > 0.6 * 16
    assert sum(one.success for one in raw.results) >= 3
    assert raw.ledger == raw.seen == sum(one.queries for one in raw.results)
    assert sum(one.l2 for one in refined.results) < 0.7 * sum(one.l2 for one in raw.results)


@pytest.mark.parametrize("agent", ["greedy", "credit", "square", "auto"])
def test_agents_that_need_scores_refuse_labels_and_name_one_that_does_not(agent):
    victim = CountsSamples(LabelsOnly(VICTIMS[2]))
    with pytest.raises(InputError, match=r"needs probabilities, and this victim answers labels only.*: random\."):
        attack(victim, *samples_for(VICTIMS[2], 1), Run(agent=agent, max_l2=1.0))
    assert victim.seen == 0


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


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_closing_early_leaves_no_thread_behind(party):
    before = set(threading.enumerate())
    results: Iterator = attack(VICTIMS[2], *samples_for(VICTIMS[2], SAMPLES), settings(party, 2, slots=5))
    next(results)
    results.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_a_victim_that_breaks_the_run_leaves_no_thread_behind(party):
    victim, before = VICTIMS[2], set(threading.enumerate())
    changed = CountsSamples(victim)
    changed.predict = lambda batch: victim.predict(batch)[:, : 2 if len(batch) < SAMPLES else 3]
    samples, labels = samples_for(victim, SAMPLES)
    with pytest.raises(VictimError, match="expected 3 classes, got 2"):
        list(attack(changed, samples, labels, settings(party, 2)))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()


GOOD, ONES = samples_for(VICTIMS[2], 4)


def spoilt(value):
    samples = GOOD.copy()
    samples[1, 0, 3, 3] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "labels", "changes", "said"),
    [
        (GOOD[:, :, :7], None, {}, r"samples: expected the victim's shape \(1, 8, 8\), got \(1, 7, 8\)"),
        (GOOD[0, 0], None, {}, r"expected \(n, c, \*extent\) with 1 to 3 axes"),
        ((GOOD * 255).astype(np.int64), None, {}, "got dtype int64. Convert with"),
        (GOOD[:0], None, {}, "samples: expected at least one, got none"),
        (iter([]), None, {}, "samples: expected at least one, got none"),
        (GOOD, ONES[:3], {}, "labels: expected 4, one a sample, got 3"),
        (GOOD, None, {"distortions": ("gaussian-noise", "fog")}, "unknown distortion 'fog'. Known: dead-pixel"),
        (GOOD, None, {"agent": "genius"}, "unknown agent 'genius'. Known: credit, greedy"),
        (GOOD, None, {"criterion": "targeted:3"}, "criterion targeted:3: expected a class from 0 to 2, got 3"),
        (GOOD, None, {"criterion": "topk:3"}, "expected k from 1 to 2 for 3 classes"),
        (GOOD, None, {"patch": "2x2x2"}, "patch: expected 2 positive numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_refused_before_the_first_query(samples, labels, changes, said):
    victim = CountsSamples(VICTIMS[2])
    with pytest.raises(InputError, match=said) as raised:
        attack(victim, samples, labels, Run(**changes))
    assert "\n" not in str(raised.value)
    assert victim.seen == 0


@pytest.mark.parametrize(
    ("samples", "labels", "queries", "said"),
    [
        (spoilt(np.nan), None, 0, "sample 1: expected finite values, got NaN or infinity"),
        (spoilt(1.5), None, 0, "sample 1: expected values within the victim's bounds 0 to 1, got"),
        ([GOOD[0], GOOD[1, :, :7], *GOOD[2:]], None, 0, r"sample 1: expected the victim's shape (1, 8, 8), got (1, 7,"),
        ([GOOD[0], GOOD[1].astype(int), *GOOD[2:]], None, 0, "sample 1: samples: expected float"),
        (GOOD, [ONES[0], 3, *ONES[2:]], 1, "label: expected a class from 0 to 2, got 3."),
        (GOOD, [ONES[0], -1, *ONES[2:]], 1, "label: expected a class from 0 to 2, got -1."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_one_bad_sample_is_a_row_with_the_reason(party, samples, labels, queries, said):
    found = outcome(VICTIMS[2], samples, labels, settings(party, 2))
    good = outcome(VICTIMS[2], GOOD, None if labels is None else ONES, settings(party, 2)).results
    assert found.results[1].error.startswith(said)
    assert "\n" not in found.results[1].error
    assert (found.results[1].queries, found.results[1].success, found.results[1].attacked) == (queries, False, False)
    assert bits([*found.results[:1], *found.results[2:]]) == bits([*good[:1], *good[2:]])
    assert found.ledger == found.seen == sum(one.queries for one in found.results)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (ONES[:3], "got fewer"),
        ([*ONES, 0], "got more"),
        ([0, "cat", 1, 2], "got 'cat'"),
        ([0, 1.5, 1, 2], r"got 1\.5"),
    ],
    ids=["fewer", "more", "text", "fraction"],
)
def test_labels_that_do_not_go_with_the_samples_end_the_run_and_keep_what_is_done(labels, said):
    results = attack(VICTIMS[2], iter(GOOD), iter(labels), settings("random", 2, slots=1))
    kept = [next(results)]
    with pytest.raises(InputError, match=f"labels: expected one integer a sample, {said}"):
        kept += list(results)
    assert kept


def test_a_sample_that_cannot_be_read_says_so_itself():
    def broken():
        yield GOOD[0]
        raise InputError("cat.png cannot be read as an image")

    with pytest.raises(InputError, match=r"^cat.png cannot be read as an image$"):
        list(attack(VICTIMS[2], broken(), iter(ONES), settings("random", 2)))


@pytest.mark.parametrize("but_clean", [False, True], ids=["at once", "once distorted"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (RaisesFor, "the victim raised RuntimeError: no answer to that"),
        (AnswersNaNFor, "the victim answered NaN or infinity where a probability was expected"),
    ],
    ids=["raises", "NaN"],
)
@pytest.mark.parametrize("party", ["random", "credit", "square within L2"])
def test_a_victim_that_fails_for_one_sample_does_not_stop_the_others(party, kind, said, but_clean):
    victim = kind(VICTIMS[2], near(GOOD[1], but_clean=but_clean))
    found = outcome(victim, GOOD, ONES, settings(party, 2, max_l2=1.0))
    assert [one.error for one in found.results] == [None, said, None, None]
    assert found.results[1].after is None if not but_clean else found.results[1].after.argmax() == ONES[1]
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    assert all(one.queries <= 40 + 15 for one in found.results)
    assert any(one.success for one in found.results)


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_a_victim_that_writes_into_its_input_is_stopped(party):
    samples = GOOD.copy()
    found = outcome(WritesIntoItsInput(VICTIMS[2]), samples, ONES, settings(party, 2))
    assert all(
        "the victim raised ValueError: assignment destination is read-only" in one.error for one in found.results
    )
    assert_array_equal(samples, GOOD)
