"""What an attack can be asked for: criteria, several bounds, quantised samples, traces, and samples in every form."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attacks_known import AGENTS, MADE_FOR, PARTIES, SAMPLES, VICTIMS, bits, laws, outcome, settings
from brinkmap import ConfidenceBelow, InputError, Run, Targeted, TopK, attack, collect
from brinkmap.plan import make_grid
from victims_known import CountsSamples, FlipsWhenDark, LabelsOnly, Linear, samples_for


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
    rank, victim = next(iter(MADE_FOR.get(party, {2: VICTIMS[2]}).items()))
    samples, labels = samples_for(victim, SAMPLES)
    found = outcome(victim, samples, labels, settings(party, rank, criterion="confidence:1", refine_budget=0))
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
    reason = r"needs probabilities, and this victim answers labels only.*: (.*, )?random[,.]"
    with pytest.raises(InputError, match=reason):
        attack(victim, *samples_for(VICTIMS[2], 1), Run(agent=agent, max_l2=1.0))
    assert victim.seen == 0


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_closing_early_leaves_no_thread_behind(party):
    before = set(threading.enumerate())
    results: Iterator = attack(VICTIMS[2], *samples_for(VICTIMS[2], SAMPLES), settings(party, 2, slots=5))
    next(results)
    results.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()
