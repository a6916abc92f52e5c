"""Differential evolution of one pixel, on victims whose one weak place is known."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attacks_known import bits, outcome
from brinkmap import InputError, Run
from brinkmap.agents.one_pixel import OnePixelAttack, constrained
from brinkmap.agents.susceptibility import Everywhere, Region, Rehearsed, Rise, SmoothGrad, Traced
from victims_known import STEPS, Known, Wrapped

SHAPES = {1: (3, 40), 2: (3, 9, 8), 3: (3, 4, 5, 6)}


class OnePlace(Known):
    """Says 0 until the values at one place have moved by .3 together; no other place matters."""

    def __init__(self, shape, place, bounds=(0.0, 1.0)):
        super().__init__(shape, 2, bounds)
        self.place = place

    def answer(self, row):
        moved = int(np.abs(row.reshape(self.shape)[(slice(None), *self.place)] - STEPS // 2).sum())
        said = 0.5 + (0.3 * STEPS - moved) / (4 * STEPS * self.shape[0])
        return [said, 1 - said]


class Remembers(Wrapped):
    """Keeps every sample that is put to the victim."""

    def __init__(self, victim):
        super().__init__(victim)
        self.seen = []

    def predict(self, batch):
        self.seen.extend(batch.copy())
        return super().predict(batch)


class At:
    """A prior that knows the places."""

    def __init__(self, *places):
        self.places = places

    def region(self, oracle, sample, label):
        allowed = np.zeros(sample.shape[1:], bool)
        for place in self.places:
            allowed[place] = True
        return Region(allowed)


def weak_at(rank, bounds=(0.0, 1.0)):
    shape = SHAPES[rank]
    place = tuple(n // 2 for n in shape[1:])
    middle = np.full((4, *shape), (bounds[0] + bounds[1]) / 2, np.float32)
    return OnePlace(shape, place, bounds), middle, place


def changed_places(images, clean):
    """(n, *extent) bool, where any channel differs."""
    return (images != clean).any(axis=1)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-3.0, 5.0)], ids=str)
@pytest.mark.parametrize("rank", SHAPES)
def test_the_one_weak_pixel_is_found_and_nothing_else_is_changed(rank, bounds):
    victim, samples, place = weak_at(rank, bounds)
    found = outcome(victim, samples, None, Run(agent=OnePixelAttack(population=50), budget=3000))
    for result in found.results:
        assert result.success
        assert np.argwhere((result.adversarial != samples[0]).any(axis=0)).tolist() == [list(place)]


@pytest.mark.parametrize("pixels", [1, 3])
def test_no_candidate_changes_more_pixels_than_asked_for(pixels):
    victim, samples, _ = weak_at(2)
    seen = Remembers(victim)
    outcome(seen, samples[:1], None, Run(agent=OnePixelAttack(pixels=pixels, population=20), budget=200))
    counts = changed_places(np.array(seen.seen), samples[0]).reshape(len(seen.seen), -1).sum(axis=1)
    assert counts.max() == pixels


@pytest.mark.parametrize("rank", SHAPES)
def test_a_constrained_search_begins_inside_its_region_and_may_leave_it_later(rank):
    victim, samples, _ = weak_at(rank)
    corner, other = (0,) * rank, tuple(n - 1 for n in SHAPES[rank][1:])
    seen = Remembers(victim)
    attack = OnePixelAttack(At(corner, other), population=20)
    outcome(seen, samples[:1], None, Run(agent=attack, budget=200))
    where = changed_places(np.array(seen.seen), samples[0])
    assert set(map(tuple, np.argwhere(where[1:21].any(axis=0)).tolist())) == {corner, other}
    assert set(map(tuple, np.argwhere(where[21:].any(axis=0)).tolist())) - {corner, other}


def test_a_prior_that_knows_the_place_takes_one_generation():
    victim, samples, place = weak_at(2)
    found = outcome(victim, samples, None, Run(agent=OnePixelAttack(At(place), population=30), budget=500))
    assert [one.published_steps for one in found.results] == [1] * 4
    assert all(one.queries <= 31 for one in found.results)
    free = outcome(victim, samples, None, Run(agent=OnePixelAttack(population=30), budget=5000))
    assert np.mean([one.published_steps for one in free.results]) > 2


def test_generations_are_counted_as_they_are_put_to_the_victim():
    victim, samples, _ = weak_at(2)
    attack = OnePixelAttack(At((0, 0)), population=10)
    [result] = outcome(victim, samples[:1], None, Run(agent=attack, budget=31)).results
    assert result.published_steps in (3, 4)  # a fourth is begun where one candidate had been asked before
    assert result.queries <= 31


@pytest.mark.parametrize("prior", [Everywhere(), Traced(queries=12), Rise(queries=12)], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("rank", SHAPES)
def test_what_a_prior_asks_is_paid_for(prior, rank):
    victim, samples, _ = weak_at(rank)
    found = outcome(victim, samples, None, Run(agent=OnePixelAttack(prior, population=10), budget=60, patch=2))
    assert sum(one.queries for one in found.results) == found.seen == found.ledger


@pytest.mark.parametrize("prior", [Traced(queries=200), Rise(queries=200)], ids=lambda prior: type(prior).__name__)
def test_a_black_box_prior_finds_the_half_that_matters(prior):
    class OnlyLeft(Known):
        def answer(self, row):
            left = row.reshape(self.shape)[..., :4]
            stripes = int(left[:, ::2].sum() - left[:, 1::2].sum()) / (STEPS * 16)
            return [0.55 + stripes, 0.45 - stripes]

    regions = []

    class Kept:
        def region(self, oracle, sample, label):
            regions.append(prior.region(oracle, sample, label))
            return regions[-1]

    victim, samples = OnlyLeft((1, 8, 8), 2), np.full((4, 1, 8, 8), 0.6, np.float32)
    samples[..., ::2, :] = 0.9
    run = Run(agent=OnePixelAttack(Kept(), population=10), slots=2, budget=240, distortions=["dead-pixel"], patch=2)
    outcome(victim, samples, None, run)
    share = [one.allowed[:, :4].sum() / one.allowed.sum() for one in regions]
    assert len(share) == 4
    assert np.mean(share) > 0.8


@pytest.mark.parametrize("prior", [Traced(queries=12), Rise(queries=12)], ids=lambda prior: type(prior).__name__)
def test_a_probe_that_flips_the_sample_is_no_flip_by_one_pixel(prior):
    class FlipsByThree(Known):
        """Says 1 as soon as three places are not half bright."""

        def answer(self, row):
            moved = (row.reshape(self.shape) != STEPS // 2).any(axis=0).sum() > 2
            return [0.4, 0.6] if moved else [0.6, 0.4]

    samples = np.full((2, 1, 8, 8), 0.5, np.float32)
    samples[:, :, 0, 0] = 1  # else masks that show the mean would change nothing
    run = Run(agent=OnePixelAttack(prior, population=10), budget=60, distortions=["dead-pixel"], patch=2)
    found = outcome(FlipsByThree((1, 8, 8), 2), samples, None, run)
    assert not any(one.success for one in found.results)
    assert sum(one.queries for one in found.results) == found.seen > 40


def test_a_network_is_read_where_its_answer_depends_on_the_sample():
    torch = pytest.importorskip("torch")
    victim, samples, place = weak_at(2)
    layer = torch.nn.Linear(216, 2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight.view(2, 3, 9, 8)[0, :, 4, 4] = torch.tensor([1.0, -2.0, 3.0])
    net = torch.nn.Sequential(torch.nn.Flatten(), layer)
    for prior in (SmoothGrad(net), SmoothGrad(net, directed=True), Rehearsed(net, places=1)):
        found = outcome(victim, samples, None, Run(agent=OnePixelAttack(prior, population=20), budget=200))
        assert [one.published_steps for one in found.results] == [1] * 4
        assert sum(one.queries for one in found.results) == found.seen
    region = SmoothGrad(net, directed=True).region(_Bare(), samples[0], 0)
    assert np.argwhere(region.allowed).tolist() == [list(place)]
    assert np.sign(region.downhill[:, 4, 4]).tolist() == [-1, 1, -1]


class _Bare:
    bounds = (0.0, 1.0)

    def __init__(self):
        self.rng = np.random.default_rng(0)


def test_candidates_keep_to_the_distance_and_still_point_where_they_did():
    victim, samples, _ = weak_at(2)
    run = Run(agent=OnePixelAttack(At((0, 0)), population=20), budget=100, max_l2=0.3, max_linf=0.2)
    seen = Remembers(victim)
    outcome(seen, samples[:1], None, run)
    change = (np.array(seen.seen) - samples[0]).reshape(len(seen.seen), -1)
    assert np.linalg.norm(change, axis=1).max() == pytest.approx(0.3, rel=1e-3)
    assert np.abs(change).max() == pytest.approx(0.2, rel=1e-3)


def test_refining_brings_the_pixel_nearer():
    victim, samples, _ = weak_at(2)
    raw, refined = (
        outcome(victim, samples, None, Run(agent=OnePixelAttack(population=40), budget=3000, refine_budget=budget))
        for budget in (0, 2000)
    )
    assert np.mean([one.l2 for one in refined.results]) < 0.8 * np.mean([one.l2 for one in raw.results])


def test_neither_slots_nor_company_change_a_result():
    victim, samples, _ = weak_at(2)
    run = {"agent": constrained(), "budget": 250, "patch": 2}
    alone = [outcome(victim, samples, None, Run(**run, slots=slots)).results for slots in (1, 3, 64)]
    assert bits(alone[0]) == bits(alone[1]) == bits(alone[2])


def test_a_flat_map_constrains_nothing_and_a_peak_is_its_own_region():
    assert_array_equal(Region.above(np.zeros((3, 4)), 0.5).allowed, np.ones((3, 4), bool))
    assert np.argwhere(Region.above(np.eye(3) * [1, 2, 9], 0.5).allowed).tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OnePixelAttack(pixels=0), "pixels: expected at least 1, got 0"),
        (lambda: OnePixelAttack(population=3), "population: expected at least 4"),
        (lambda: Traced(tau=1.0), "tau: expected a share from 0 to below 1, got 1.0"),
        (lambda: Rise(tau=-0.1), "tau: expected"),
    ],
)
def test_what_cannot_work_is_said_at_once(make, said):
    with pytest.raises(InputError, match=said):
        make()
