"""NES and Bandits on victims whose gradient is known: how well they find it, and what it buys."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attacks_known import bits, outcome
from brinkmap import InputError, Run, attack
from brinkmap.compare import BanditsAttack, NESAttack
from brinkmap.compare.gradient_free import IN_L2, IN_LINF, estimate, exponentiated, learned
from brinkmap.compare.leeway import Leeway
from victims_known import STEPS, Linear

VICTIMS = {1: Linear((2, 24), 2, bounds=(-3, 5)), 2: Linear((1, 8, 8), 2), 3: Linear((1, 4, 6, 6), 2)}
ATTACKS = {"nes": NESAttack(), "bandits": BanditsAttack(), "bandits on tiles": BanditsAttack(tiles=3)}


def near_the_middle(victim, count=12):
    """Far enough from the bounds that no clipping bends a gradient."""
    low, high = victim.bounds
    drawn = np.random.default_rng(1).uniform(0.4, 0.6, (count, *victim.shape))
    return (low + (high - low) * drawn).astype(np.float32)


def gradient(victim, reference):
    """(c, *extent) of the margin in nats, on samples scaled to 0..1; with two classes it is the same everywhere."""
    difference = victim.weights[reference] - victim.weights[1 - reference]
    return (difference * victim.gain * STEPS).reshape(victim.shape)


def distances(victim, samples, kind):
    """The least L2 or Linf to the other class, on samples scaled to 0..1."""
    low, high = victim.bounds
    flat = (samples.reshape(len(samples), -1).astype(float) - low) / (high - low) - 0.5
    slope = gradient(victim, 0).ravel()
    return np.abs(flat @ slope) / np.linalg.norm(slope, ord={"max_l2": 2, "max_linf": 1}[kind])


def cosine(one, other):
    return float(np.vdot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


@dataclass
class Guesses:
    """An attack that keeps what is guessed of a gradient, for each sample, and changes nothing."""

    guess: object
    """f(leeway) -> a guess."""
    found: list = field(default_factory=list)
    needs_scores: bool = True

    def run(self, oracle, sample, label, run):
        self.found.append((label, self.guess(Leeway.of(oracle, sample, run))))


def guesses(victim, guess, **bound):
    """[(true gradient, guess)] of each sample."""
    made, bound = Guesses(guess), bound or {"max_l2": 1e-6}
    run = Run(agent=made, budget=2000, slots=1, **bound)  # so small a bound that no probe ends the attack
    assert not any(one.error for one in attack(victim, near_the_middle(victim), None, run))
    return [(gradient(victim, label), one) for label, one in made.found]


class RandomDirections:
    """The control: points anywhere on the ball."""

    needs_scores = True

    def run(self, oracle, sample, label, run):
        leeway = Leeway.of(oracle, sample, run)
        while True:
            leeway.margin(leeway.project(leeway.steepest(oracle.rng.standard_normal(sample.shape))))


@pytest.mark.parametrize("rank", VICTIMS)
def test_the_estimate_of_nes_nears_the_gradient_as_its_pairs_grow(rank):
    """The mean of n random projections of a d-dimensional vector: a cosine of about the root of n / (n + d)."""
    size = np.prod(VICTIMS[rank].shape)
    for pairs in (1, 8, 64):
        pairings = guesses(VICTIMS[rank], lambda leeway, n=pairs: estimate(leeway, leeway.none, n, 0.001))
        mean = np.mean([cosine(*pairing) for pairing in pairings])
        assert mean == pytest.approx(np.sqrt(pairs / (pairs + size)), abs=0.12)


def test_the_estimate_of_nes_has_the_gradients_length_in_nats_per_unit():
    pairings = guesses(VICTIMS[1], lambda leeway: estimate(leeway, leeway.none, 200, 0.001))
    assert np.mean([np.vdot(true, guess) / np.vdot(true, true) for true, guess in pairings]) == pytest.approx(
        1, abs=0.1
    )


@pytest.mark.parametrize(
    ("pace", "bound"), [(IN_L2, {"max_l2": 1e-6}), (IN_LINF, {"max_linf": 1e-6})], ids=["L2", "Linf"]
)
def test_the_prior_of_bandits_turns_towards_a_constant_gradient(pace, bound):
    def priors(leeway):
        prior, kept = leeway.none, []
        for _ in range(96):
            prior, _ = learned(leeway, leeway.none, prior, pace)
            kept.append(prior)
        return kept

    pairings = guesses(VICTIMS[2], priors, **bound)
    early, late = (np.mean([cosine(-true, kept[k]) for true, kept in pairings]) for k in (7, 95))
    assert early > 0.2
    assert late > max(0.6, 1.5 * early)


def test_a_tiled_prior_learns_the_gradients_mean_over_tiles():
    pairings = guesses(VICTIMS[2], lambda leeway: [learned(leeway, leeway.none, np.zeros((1, 2, 2)), IN_L2)[0]])
    for true, [prior] in pairings:
        means = true.reshape(1, 2, 4, 2, 4).sum(axis=(2, 4))
        assert np.vdot(means, prior) < 0


@pytest.mark.parametrize("rank", VICTIMS)
def test_on_tiles_the_change_is_constant_over_each_of_them(rank):
    victim = VICTIMS[rank]
    found = outcome(victim, near_the_middle(victim), None, Run(agent=BanditsAttack(tiles=3), budget=30, max_l2=0.05))
    low, high = victim.bounds
    for one in found.results:
        change = (one.adversarial.astype(float) - one.clean) / (high - low)
        for axis, n in enumerate(victim.shape[1:], 1):
            side = -(-n // 3)
            firsts = change.take(np.arange(n) // side * side, axis=axis)
            assert_allclose(change, firsts, atol=1e-6)


def test_the_exponentiated_prior_is_the_papers_and_comes_back_from_its_ends():
    rng = np.random.default_rng(0)
    prior, steps = rng.uniform(-0.999, 0.999, 50), rng.uniform(-0.01, 0.01, 50)
    up, down = (1 + prior) / 2 * np.exp(100 * steps), (1 - prior) / 2 * np.exp(-100 * steps)
    assert_allclose(exponentiated(prior, steps, 100 / prior.size), (up - down) / (up + down), atol=1e-12)
    ends = exponentiated(np.array([-1.0, 1.0]), np.array([0.5, -0.5]), 100)
    assert_allclose(ends, [1.0, -1.0])


@pytest.mark.parametrize(("rank", "kind"), [(1, "max_l2"), (2, "max_l2"), (3, "max_l2"), (2, "max_linf")])
@pytest.mark.parametrize("name", ["nes", "bandits"])
def test_they_flip_what_can_be_flipped_and_random_directions_less_and_later(name, rank, kind):
    victim, samples = VICTIMS[rank], near_the_middle(VICTIMS[rank])
    far = distances(victim, samples, kind)
    bound = float(np.quantile(far, 0.9))
    found, blind = (
        outcome(victim, samples, None, Run(agent=agent, budget=250, **{kind: bound})).results
        for agent in (name, RandomDirections())
    )
    flipped, by_chance = (np.array([one.success for one in results]) for results in (found, blind))
    assert (far < 0.55 * bound).sum() >= 5
    assert flipped[far < 0.55 * bound].all()
    assert not flipped[far > bound].any()
    assert flipped.sum() > by_chance.sum()
    assert not by_chance[far > 0.5 * bound].any()
    assert sum(one.queries for one in found) < sum(one.queries for one in blind)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("bound", [{"max_l2": 0.06}, {"max_linf": 0.01}], ids=str)
def test_the_bound_is_held_every_query_counted_and_no_result_depends_on_the_slots(name, bound):
    samples = near_the_middle(VICTIMS[2])
    run = {"agent": ATTACKS[name], "budget": 37} | bound
    found, alone = (outcome(VICTIMS[2], samples, None, Run(slots=slots, **run)) for slots in (5, 1))
    assert bits(found.results) == bits(alone.results)
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    assert any(one.queries == 37 and not one.success for one in found.results)
    assert any(one.success for one in found.results)
    assert all(
        one.l2 <= bound.get("max_l2", 9) and one.linf <= bound.get("max_linf", 9) + 1e-6 for one in found.results
    )


def test_a_step_costs_two_queries_a_pair_and_one_for_its_look():
    """Nothing can be flipped within so small a bound, so that the budget ends the search."""
    asked = []

    class Counts(Linear):
        def predict(self, batch):
            asked.extend(batch.copy())
            return super().predict(batch)

    victim = Counts((1, 8, 8), 2)
    sample = near_the_middle(victim, 1)
    list(attack(victim, sample, None, Run(agent=NESAttack(pairs=2, stride=1.0), budget=21, max_l2=1e-3)))
    lengths = np.linalg.norm((np.array(asked, float) - sample).reshape(21, -1), axis=1)
    assert lengths[0] == 0
    assert_allclose(lengths[5::5], 1e-3, rtol=1e-4)
    assert (np.delete(lengths, [0, 5, 10, 15, 20]) > 2e-3).all()


@pytest.mark.parametrize("name", ["nes", "bandits"])
@pytest.mark.parametrize("bounds", [{}, {"max_l2": 1.0, "max_linf": 0.1}], ids=str)
def test_anything_but_one_bound_is_refused(name, bounds):
    with pytest.raises(InputError, match=f"{name}: needs exactly one bound. Give either max_l2 or max_linf"):
        attack(VICTIMS[2], near_the_middle(VICTIMS[2]), None, Run(agent=name, **bounds))


@pytest.mark.parametrize("name", ["nes", "bandits"])
def test_rounded_samples_are_refused_as_slopes_are_lost_in_them(name):
    with pytest.raises(InputError, match=f"{name}: slopes are lost in rounding to 8 bits"):
        attack(VICTIMS[2], near_the_middle(VICTIMS[2]), None, Run(agent=name, max_l2=1.0, quantise=8))
