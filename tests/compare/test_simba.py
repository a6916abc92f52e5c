"""SimBA on victims whose every slope is known: what it moves, what that costs, and in which order."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.fft import dctn

from attacks_known import bits, outcome
from brinkmap import Run
from brinkmap.compare import SimbaAttack, simba_dct
from brinkmap.compare.simba import cosines, pixels
from victims_known import Linear, samples_for

VICTIMS = {
    1: Linear((2, 24), 2, bounds=(-3, 5), seed=2),
    2: Linear((1, 8, 8), 2, seed=1),
    3: Linear((1, 4, 6, 6), 2, seed=5),
}
SHAPES = [(2, 24), (1, 8, 8), (3, 5, 7), (2, 3, 4, 5)]
BASES = [pixels, cosines]


def near_the_middle(victim, count=12):
    """Far enough from the bounds that steps are not clipped."""
    low, high = victim.bounds
    drawn = np.random.default_rng(1).uniform(0.4, 0.6, (count, *victim.shape))
    return (low + (high - low) * drawn).astype(np.float32)


def changes(found, victim):
    """(n, values) by how much each was changed, on samples scaled to 0..1."""
    low, high = victim.bounds
    return np.array([(one.adversarial.astype(float) - one.clean).ravel() / (high - low) for one in found.results])


def slopes(found, victim):
    """(n, values) where the margin of each sample's own class rises."""
    return np.array([victim.weights[one.reference] - victim.weights[1 - one.reference] for one in found.results])


@pytest.mark.parametrize("rank", VICTIMS)
def test_each_value_moves_once_and_against_its_weight_for_one_query_up_and_two_down(rank):
    victim = VICTIMS[rank]
    found = outcome(victim, near_the_middle(victim), None, Run(agent="simba", budget=300))
    moved, slope = changes(found, victim), slopes(found, victim)
    assert (slope != 0).all()  # else a value could be tried for two queries and not be moved
    assert all(one.success for one in found.results)
    assert_allclose(moved, np.where(moved != 0, -0.2 * np.sign(slope), 0), atol=1e-6)
    assert [one.queries for one in found.results] == (1 + (moved > 0).sum(1) + 2 * (moved < 0).sum(1)).tolist()
    assert (moved > 0).sum() > 5 < (moved < 0).sum()


@pytest.mark.parametrize("rank", VICTIMS)
def test_each_cosine_moves_once_and_against_its_slope(rank):
    victim = VICTIMS[rank]
    found = outcome(victim, near_the_middle(victim), None, Run(agent="simba-dct", budget=300))
    axes = tuple(range(2, 1 + len(victim.shape)))
    moved, slope = (
        dctn(values.reshape(-1, *victim.shape), norm="ortho", axes=axes).reshape(len(values), -1)
        for values in (changes(found, victim), slopes(found, victim))
    )
    tried = np.abs(moved) > 1e-5
    assert all(one.success for one in found.results)
    assert_allclose(moved, np.where(tried, -0.2 * np.sign(slope), 0), atol=1e-5)
    costs = 1 + (tried & (moved > 0)).sum(axis=1) + 2 * (tried & (moved < 0)).sum(axis=1)
    assert [one.queries for one in found.results] == costs.tolist()


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_directions_are_orthonormal_and_span_the_sample(basis, shape):
    directions = np.array(list(basis(shape, np.random.default_rng(0)))).reshape(-1, np.prod(shape))
    assert_allclose(directions @ directions.T, np.eye(np.prod(shape)), atol=1e-12)


@pytest.mark.parametrize("basis", BASES)
def test_their_order_is_drawn(basis):
    one, same, other = (np.array(list(basis((1, 6, 6), np.random.default_rng(seed)))) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("length", "boxes"), [(320, (40, 50, 60)), (64, (28, 35, 42)), (20, (20,))], ids=str)
def test_cosines_come_box_by_box_from_the_lowest_frequency(length, boxes):
    directions = np.array(list(cosines((2, length), np.random.default_rng(0))))
    order = np.abs(dctn(directions, norm="ortho", axes=(2,))).reshape(-1, 2, length).max(axis=1).argmax(axis=1)
    start = 0
    for box in boxes:
        assert sorted(order[start : 2 * box]) == sorted(2 * [*range(start // 2, box)])
        assert order[start : 2 * box].tolist() != sorted(order[start : 2 * box])
        start = 2 * box


@pytest.mark.parametrize("attack", [SimbaAttack(), simba_dct()], ids=["pixels", "cosines"])
@pytest.mark.parametrize("bound", [{"max_l2": 0.3}, {"max_linf": 0.04}, {"max_l2": 0.2, "max_linf": 0.05}], ids=str)
def test_a_bound_is_held_and_used_and_no_result_depends_on_the_slots(attack, bound):
    victim = VICTIMS[2]
    run = {"agent": attack, "budget": 100} | bound
    found, alone = (outcome(victim, *samples_for(victim, 12), Run(slots=slots, **run)) for slots in (5, 1))
    assert bits(found.results) == bits(alone.results)
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    failed = [one for one in found.results if not one.success]
    assert 0 < len(failed) < 12
    for one in found.results:
        assert one.l2 <= bound.get("max_l2", 9)
        assert one.linf <= bound.get("max_linf", 9) + 1e-6
    for one in failed:
        assert one.l2 > 0.98 * bound.get("max_l2", 0) or one.linf > 0.98 * bound.get("max_linf", 9)


def test_once_all_directions_are_tried_they_are_tried_again():
    victim = Linear((1, 2, 2), 2, seed=0)
    signs = np.sign(victim.weights[0] - victim.weights[1]).reshape(1, 1, 2, 2)
    found = outcome(victim, (0.5 + 0.45 * signs).astype(np.float32), None, Run(agent="simba", budget=100))
    assert found.results[0].success
    assert found.results[0].linf > 0.39


def test_a_victim_that_nothing_moves_is_given_up_after_two_queries_a_direction():
    victim = Linear((1, 5, 5), 2, gain=0.0)
    [result] = outcome(victim, np.full((1, 1, 5, 5), 0.5, np.float32), None, Run(agent="simba", budget=100)).results
    assert (result.success, result.stalled, result.queries) == (False, True, 1 + 2 * 25)


def test_a_longer_step_moves_farther():
    victim, run = VICTIMS[2], {"budget": 300}
    short, long = (
        outcome(victim, near_the_middle(victim), None, Run(agent=SimbaAttack(step=step), **run)) for step in (0.1, 0.3)
    )
    assert {round(float(one.linf), 5) for one in short.results} == {0.1}
    assert {round(float(one.linf), 5) for one in long.results} == {0.3}
    assert sum(one.queries for one in long.results) < sum(one.queries for one in short.results)


def test_what_is_not_moved_keeps_its_bits_whatever_the_bounds():
    victim = VICTIMS[1]
    found = outcome(victim, near_the_middle(victim), None, Run(agent="simba", budget=300))
    tried = np.abs(changes(found, victim)) > 0.1
    assert [one.changed for one in found.results] == tried.sum(axis=1).tolist()
    assert tried.sum(axis=1).max() < 40
