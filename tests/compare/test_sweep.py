"""The published sweep, on victims that say exactly when it has to end: what it costs and what it leaves."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attacks_known import PATCHES, VICTIMS, bits, outcome
from brinkmap import Run
from brinkmap.compare import PublishedSweep
from brinkmap.compare.sweep import dilution
from brinkmap.plan import make_grid
from brinkmap.seeding import paint_generator
from victims_known import FlipsWhenDark, samples_for

CELLS = 16
"""Patches of 2 x 2 in a sample of 8 x 8."""
WHOLE = {"cell": 0, "patch": 8}
"""A victim that looks at the mean of everything."""


@dataclass(frozen=True)
class Dim:
    """Takes .08 a level away from every value."""

    name: str = "dim"
    levels: int = 2
    ranks: tuple = (1, 2, 3)
    natural: bool = False

    def paint(self, sample, level, rng, grid):
        return sample - np.float32(0.08 * level)


def swept(victim, sample=None, agent=None, **changes):
    run = {"agent": agent or PublishedSweep(level=1), "distortions": (Dim(),), "patch": 2, "budget": 400} | changes
    [result] = outcome(
        victim, np.full((1, 1, 8, 8), 0.5, np.float32) if sample is None else sample, None, Run(**run)
    ).results
    return result


def darkened(result):
    """(4, 4) by how much each patch was darkened."""
    return (result.clean - result.adversarial)[0].reshape(4, 2, 4, 2).mean(axis=(1, 3))


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("patches", [2, 3, 7])
def test_a_flip_after_s_steps_costs_every_patch_and_one_look_a_step(steps, patches):
    """A mean over all falls by .08 / 16 a patch: enough only with the last patch of the last step."""
    victim = FlipsWhenDark(fall=0.08 / CELLS * (patches * steps - 0.5), **WHOLE)
    result = swept(victim, agent=PublishedSweep(patches, level=1))
    assert result.success
    assert result.published_steps == steps
    assert result.queries == result.queries_to_flip == 1 + steps * (CELLS + 1)


@pytest.mark.parametrize("patches", [2, 3])
def test_a_flip_while_patches_are_scored_ends_the_search_and_counts_the_step(patches):
    victim = FlipsWhenDark(cell=5, fall=0.12)
    result = swept(victim, agent=PublishedSweep(patches, level=1))
    assert (result.success, result.published_steps) == (True, 2)
    assert result.queries == 1 + (CELLS + 1) + 6
    assert_allclose(darkened(result).flat[5], 0.16, atol=1e-6)  # the filter once more on what it left


def test_the_patches_that_lower_the_probability_most_are_chosen_and_the_first_of_equals():
    result = swept(FlipsWhenDark(cell=5, fall=0.2), budget=1 + CELLS + 1)
    assert not result.success
    assert result.published_steps == 1
    assert np.flatnonzero(darkened(result) > 0.01).tolist() == [5]  # the best iterate is that with the least margin
    result = swept(FlipsWhenDark(cell=5, fall=0.2))
    assert np.flatnonzero(darkened(result) > 0.01).tolist() == [0, 5]


def test_a_budget_that_ends_while_patches_are_scored_leaves_the_steps_made():
    victim = FlipsWhenDark(fall=0.3, **WHOLE)
    for budget, steps in [(CELLS, 0), (1 + CELLS, 0), (2 + CELLS, 1), (60, 3)]:
        result = swept(victim, budget=budget)
        assert (result.success, result.queries, result.published_steps) == (False, budget, steps)


def test_a_patch_that_the_filter_changes_no_more_is_passed_over_for_nothing():
    """Black patches are neither scored nor chosen; with all of them black the search is over."""
    sample = np.full((1, 1, 8, 8), 0.5, np.float32)
    sample[..., :2, :] = 0.0
    result = swept(FlipsWhenDark(fall=0.08 / CELLS * 3.5, level=0.375, **WHOLE), sample)
    assert (result.success, result.published_steps) == (True, 2)
    assert result.queries == 1 + 2 * (CELLS - 4 + 1)
    black = swept(FlipsWhenDark(fall=0.1, level=0.0, **WHOLE), np.zeros_like(sample))
    assert (black.success, black.stalled, black.queries) == (False, True, 1)


@pytest.mark.parametrize("level", [None, 1, 2])
def test_its_level_is_the_strongest_unless_it_is_told(level):
    result = swept(FlipsWhenDark(cell=0, fall=0.05), agent=PublishedSweep(level=level))
    assert_allclose(darkened(result)[0, 0], 0.08 * (level or 2), atol=1e-6)


@pytest.mark.parametrize("level", [0, 3])
def test_a_level_that_the_filter_has_not_is_an_error_row(level):
    result = swept(FlipsWhenDark(cell=0), agent=PublishedSweep(level=level))
    assert result.error == f"rlab-sweep: expected a level of dim from 1 to 2, got {level}."


def test_without_a_filter_it_is_gaussian_noise_seeded_by_the_run_and_the_sample():
    """The first to flip is one patch of exactly the noise that every other agent of the run would show there."""
    samples, _ = samples_for(VICTIMS[2], 12)
    found = outcome(VICTIMS[2], samples, None, Run(agent="rlab-sweep", patch=2, budget=200, seed=3))
    assert sum(one.success for one in found.results) >= 6
    [early] = [one for one in found.results if one.success and one.published_steps == 1 and one.queries < 18][:1]
    noise = 0.1 * paint_generator(3, early.index, "gaussian-noise").standard_normal((1, 8, 8), dtype=np.float32)
    painted = np.clip(early.clean + noise, 0, 1)
    touched = early.adversarial != early.clean
    assert touched.sum() <= 4
    assert_array_equal(early.adversarial[touched], painted[touched])


@pytest.mark.parametrize("rank", VICTIMS)
def test_every_query_is_counted_and_no_result_depends_on_the_slots(rank):
    samples, _ = samples_for(VICTIMS[rank], 12)
    run = {"agent": "rlab-sweep", "patch": PATCHES[rank], "budget": 60}
    found, alone = (outcome(VICTIMS[rank], samples, None, Run(slots=slots, **run)) for slots in (5, 1))
    assert bits(found.results) == bits(alone.results)
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    cells = make_grid(PATCHES[rank], VICTIMS[rank].shape[1:]).cells
    for one in found.results:
        steps = one.published_steps
        assert 1 + max(steps - 1, 0) * (cells + 1) < one.queries <= 1 + (steps + (not one.success)) * (cells + 1)


def test_a_bound_is_held_though_it_needs_none():
    samples, _ = samples_for(VICTIMS[2], 12)
    run = {"agent": "rlab-sweep", "patch": 2, "budget": 100}
    free, short, flat = (
        outcome(VICTIMS[2], samples, None, Run(**run, **bound)).results
        for bound in ({}, {"max_l2": 0.25}, {"max_linf": 0.05})
    )
    assert max(one.l2 for one in free) > 0.3 < 3 * max(one.linf for one in free)
    assert max(one.l2 for one in short) <= 0.25
    assert max(one.linf for one in flat) <= 0.05 + 1e-6
    failed = [one for one in short if not one.success]
    assert failed
    assert all((one.published_steps, one.queries) == (5, 100) for one in failed)
    assert max(one.l2 for one in failed) > 0.249


def test_cells_of_several_grids_are_all_scored():
    patch = (2, 4)
    cells = make_grid(patch, (8, 8)).cells
    result = swept(FlipsWhenDark(fall=0.25 * 0.08 * 1.5, **WHOLE), patch=patch)
    assert cells == 16 + 4
    assert (result.success, result.published_steps, result.queries) == (True, 1, 1 + cells + 1)


def test_dilution_rises_as_the_probability_falls_and_is_finite_at_both_ends():
    values = [dilution(one) for one in (1.0, 0.999, 0.5, 0.1, 1e-6, 0.0)]
    assert values == sorted(values)
    assert np.isfinite(values).all()
    assert dilution(0.1) == pytest.approx(-1)
