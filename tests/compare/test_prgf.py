"""P-RGF, and what both attacks with a surrogate keep to."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from linear_surrogates import (  # noqa: E402
    BOUND,
    VICTIMS,
    Broken,
    attacked,
    distances,
    samples_near_the_middle,
    surrogate_of,
)

from attacks_known import bits, outcome  # noqa: E402
from brinkmap import InputError, Run, attack  # noqa: E402
from brinkmap.compare import PriorGuidedAttack, SurrogateAttack  # noqa: E402
from brinkmap.compare.prgf import MEASURED, best_share  # noqa: E402
from victims_known import AnswersNaNFor, near  # noqa: E402

ATTACKS = {
    "prgf": PriorGuidedAttack,
    "prgf in a subspace": lambda net: PriorGuidedAttack(net, tile=3),
    "transfer": lambda net: SurrogateAttack([net]),
    "transfer with two": lambda net: SurrogateAttack([net, surrogate_of(VICTIMS[2], 1.0)]),
}


def mean_queries(found, budget=60):
    return np.mean([one.queries_to_flip or budget for one in found.results])


@pytest.mark.parametrize("rank", VICTIMS)
@pytest.mark.parametrize("made", ["prgf", "prgf in a subspace", "transfer"])
def test_every_query_is_counted_and_none_is_beyond_the_budget(made, rank):
    found = attacked(ATTACKS[made](surrogate_of(VICTIMS[rank], 0.9)), rank, max_l2=0.05, budget=37)
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    assert all(one.queries <= 37 for one in found.results)
    assert any(one.queries == 37 for one in found.results)
    assert not any(one.error for one in found.results)


@pytest.mark.parametrize("rank", VICTIMS)
@pytest.mark.parametrize("made", ["prgf", "prgf in a subspace", "transfer"])
def test_the_bound_holds_in_float64_and_hardly_any_of_it_is_wasted(made, rank):
    found = attacked(ATTACKS[made](surrogate_of(VICTIMS[rank])), rank, max_l2=0.05, budget=60)
    low, high = VICTIMS[rank].bounds
    lengths = [np.linalg.norm((one.adversarial.astype(float) - one.clean) / (high - low)) for one in found.results]
    assert max(lengths) <= 0.05
    failed = [length for one, length in zip(found.results, lengths, strict=True) if not one.success]
    assert min(failed) > 0.045


@pytest.mark.parametrize("made", ATTACKS)
def test_no_result_depends_on_how_many_samples_are_attacked_at_once(made):
    attack = ATTACKS[made](surrogate_of(VICTIMS[2], 0.7))
    alone, few = (attacked(attack, slots=slots, max_l2=0.06, budget=40).results for slots in (1, 5))
    assert bits(alone) == bits(few)


def test_with_a_surrogate_that_knows_the_gradient_a_flip_costs_little_more_than_measuring():
    """One clean look, one look along the prior, the measured directions, one step; two queries each further step."""
    found = attacked(PriorGuidedAttack(surrogate_of(VICTIMS[2])))
    reachable = distances(VICTIMS[2], samples_near_the_middle(VICTIMS[2])) < 0.9 * BOUND
    assert reachable.sum() >= 6
    for result in np.array(found.results, dtype=object)[reachable]:
        assert result.queries_to_flip <= 1 + 1 + MEASURED + 1 + 2 * 2


@pytest.mark.parametrize("net", [surrogate_of(VICTIMS[2], 1.0), Broken()], ids=["random", "NaN"])
def test_with_a_surrogate_that_knows_nothing_it_still_descends(net):
    knowing = attacked(PriorGuidedAttack(surrogate_of(VICTIMS[2])), budget=300)
    ignorant = attacked(PriorGuidedAttack(net), budget=300)
    reachable = distances(VICTIMS[2], samples_near_the_middle(VICTIMS[2])) < 0.8 * BOUND
    assert all(one.success for one in np.array(ignorant.results, dtype=object)[reachable])
    assert mean_queries(ignorant, 300) > 1.5 * mean_queries(knowing, 300)


def test_where_the_prior_leads_no_farther_random_directions_do():
    """Half-right priors are trusted wholly in 64 dimensions, and end on the ball beside the nearest flip."""
    found = attacked(PriorGuidedAttack(surrogate_of(VICTIMS[2], 0.5), stride=0.25), max_l2=0.065, budget=300)
    share = distances(VICTIMS[2], samples_near_the_middle(VICTIMS[2])) / 0.065
    assert ((share > 0.75) & (share < 0.9)).any()
    assert all(one.success for one in np.array(found.results, dtype=object)[share < 0.9])
    assert not any(one.stalled for one in found.results)


def test_a_surrogate_that_is_wrong_way_round_is_nearly_as_good_as_a_right_one():
    """Not quite: it is wrong about which class is the second likeliest, too."""
    net = surrogate_of(VICTIMS[2])
    with torch.no_grad():
        net[1].weight.neg_()
        net[1].bias.neg_()
    assert mean_queries(attacked(PriorGuidedAttack(net))) <= 2 * mean_queries(
        attacked(PriorGuidedAttack(surrogate_of(VICTIMS[2])))
    )


@pytest.mark.parametrize("made", ["prgf", "transfer"])
@pytest.mark.parametrize("criterion", ["targeted:1", "topk:2", "confidence:0.2"])
def test_a_surrogate_is_asked_about_the_criterion_of_the_run(made, criterion):
    found = attacked(ATTACKS[made](surrogate_of(VICTIMS[2])), criterion=criterion, max_l2=1.5)
    assert all(one.success for one in found.results)
    assert max(one.queries_to_flip for one in found.results) <= 20


@pytest.mark.parametrize("made", ATTACKS)
def test_a_victim_that_answers_nan_costs_one_sample_only(made):
    victim, samples = VICTIMS[2], samples_near_the_middle(VICTIMS[2], 4)
    spoilt = samples.copy()
    spoilt[1] = 0.9
    run = Run(agent=ATTACKS[made](surrogate_of(victim, 0.8)), budget=40, max_l2=BOUND)
    found = outcome(AnswersNaNFor(victim, near(spoilt[1], but_clean=True)), spoilt, None, run)
    assert [bool(one.error) for one in found.results] == [False, True, False, False]
    assert "NaN" in found.results[1].error
    assert found.ledger == found.seen == sum(one.queries for one in found.results)


def test_parameters_of_the_surrogate_are_left_alone():
    net = surrogate_of(VICTIMS[2])
    attacked(PriorGuidedAttack(net))
    assert all(one.grad is None for one in net.parameters())


@pytest.mark.parametrize("made", ATTACKS)
@pytest.mark.parametrize("bounds", [{}, {"max_linf": 0.1}, {"max_l2": 1.0, "max_linf": 0.1}], ids=str)
def test_anything_but_one_l2_bound_is_refused(made, bounds):
    run = Run(agent=ATTACKS[made](surrogate_of(VICTIMS[2])), **bounds)
    with pytest.raises(InputError, match="needs an L2 bound and no other"):
        attack(VICTIMS[2], samples_near_the_middle(VICTIMS[2]), None, run)


def test_rounded_samples_are_refused_as_slopes_are_lost_in_them():
    run = Run(agent=PriorGuidedAttack(surrogate_of(VICTIMS[2])), max_l2=1.0, quantise=8)
    with pytest.raises(InputError, match="lost in rounding to 8 bits"):
        attack(VICTIMS[2], samples_near_the_middle(VICTIMS[2]), None, run)


@pytest.mark.parametrize("made", ["prgf", "transfer"])
def test_a_surrogate_for_other_classes_is_an_error_row(made):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 7))
    found = attacked(ATTACKS[made](net))
    assert {one.error for one in found.results} == {"surrogate: expected logits of shape (1, 3), got (1, 7)."}


@pytest.mark.parametrize("ratio", [1e-5, 1e-3, 3e-3, 0.01, 0.03, 0.1, 1.0])
@pytest.mark.parametrize(("dimension", "directions"), [(3071, 50), (3071, 10), (192, 20), (20, 5)])
def test_the_share_is_the_one_that_brings_the_estimate_nearest_to_the_gradient(ratio, dimension, directions):
    """Against the paper's loss itself, over a grid of shares; only the ratio of the two slopes matters."""
    shares = np.linspace(0, 1, 100_001)
    mean = shares * ratio + (1 - shares) / dimension  # g'Cg, g'CCg for a gradient of squared lengths (ratio, 1)
    square = shares**2 * ratio + (1 - shares) ** 2 / dimension**2
    best = shares[np.argmax(mean**2 / ((1 - 1 / directions) * square + mean / directions))]
    assert best_share(7 * ratio, 7.0, dimension, directions) == pytest.approx(best, abs=2e-5)


def test_a_gradient_of_zero_has_no_share_for_the_prior():
    assert best_share(0.0, 0.0, 100, 10) == 0.0
