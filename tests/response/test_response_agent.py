"""The model-based agent, with models of which the right answer is known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.response import Habits, ResponseAgent  # noqa: E402
from brinkmap.response.correction import AWAY, COMMON, RIDGE, Corrections  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402

SHAPE = (1, 6, 6)
WEIGHTS = np.random.default_rng(3).standard_normal(36).astype(np.float32)


class LinearModel(torch.nn.Module):
    """Knows a linear two-class victim exactly: features are the values themselves."""

    def __init__(self, weights):
        super().__init__()
        self.head = torch.nn.Linear(36, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(np.stack([weights, -weights])))
            self.head.bias.zero_()

    def features(self, samples):
        return samples.flatten(1) - 0.5


SAFETY = 0.2


def answer(batch):
    scores = 2 * (batch.reshape(len(batch), -1).astype(np.float64) - 0.5) @ WEIGHTS
    share = 1 / (1 + np.exp(-scores))
    return np.stack([share, 1 - share], axis=1)


VICTIM = brinkmap.wrap(answer, shape=SHAPE, classes=2)
SAMPLES = (0.5 + 0.2 * (np.random.default_rng(4).random((12, *SHAPE)) - 0.5)).astype(np.float32)


def attacked(net, max_l2, budget=30):
    run = brinkmap.Run(agent=ResponseAgent(net), distortions=["tint"], patch=1, max_l2=max_l2, budget=budget)
    return sorted(brinkmap.attack(VICTIM, SAMPLES, None, run), key=lambda one: one.index)


def test_knowing_a_linear_victim_it_flips_what_can_be_flipped_with_its_first_plan():
    """The least L2 to the other side of a plane is the distance to it."""
    distances = np.abs((SAMPLES.reshape(12, -1) - 0.5) @ WEIGHTS) / np.linalg.norm(WEIGHTS)
    for result, distance in zip(attacked(LinearModel(WEIGHTS), 0.25), distances, strict=True):
        if distance < 0.25 * 0.85:  # five levels of tint are not a continuum
            assert result.queries_to_flip == 2
        if distance > 0.25:
            assert not result.success
        assert result.l2 <= 0.25


def test_without_a_bound_it_flips_with_its_first_plan_hardly_further_than_it_has_to():
    """The margin is twice the score, and the plan is to be so much beyond the plane as its safety says."""
    to_plane = np.abs((SAMPLES.reshape(12, -1) - 0.5) @ WEIGHTS) / np.linalg.norm(WEIGHTS)
    beyond = SAFETY / 2 / np.linalg.norm(WEIGHTS)
    run = brinkmap.Run(
        agent=ResponseAgent(LinearModel(WEIGHTS), Habits(safety=SAFETY)), distortions=["tint"], patch=1, budget=30
    )
    results = sorted(brinkmap.attack(VICTIM, SAMPLES, None, run), key=lambda one: one.index)
    for result, distance in zip(results, to_plane, strict=True):
        assert result.queries_to_flip == 2
        assert distance < result.l2 < 1.15 * (distance + beyond)


def test_a_wrong_model_is_put_right_by_the_answers():
    wrong = LinearModel(np.random.default_rng(9).standard_normal(36).astype(np.float32))
    right = sum(one.success for one in attacked(LinearModel(WEIGHTS), 0.25))
    assert sum(one.success for one in attacked(wrong, 0.25, budget=60)) >= 0.8 * right


def test_it_keeps_the_contract_of_agents_at_rank_2():
    net = ResponseNet(3, 2, 2, widths=(4, 4))
    run = {"distortions": ["tint"], "patch": 2, "max_l2": 0.5, "budget": 20, "refine_budget": 5}
    samples = np.random.default_rng(0).random((5, 3, 8, 8)).astype(np.float32)
    seen = []

    def dim(batch):
        seen.append(len(batch))
        share = 1 / (1 + np.exp(-30 * (batch.mean(axis=(1, 2, 3)) - 0.5)))
        return np.stack([share, 1 - share], axis=1)

    victim = brinkmap.wrap(dim, shape=(3, 8, 8), classes=2)
    outcomes = []
    for slots in (1, 3):
        seen.clear()
        asked = brinkmap.Run(agent=ResponseAgent(net), slots=slots, **run)
        results = list(brinkmap.attack(victim, samples, None, asked))
        assert sum(one.queries for one in results) == sum(seen)
        outcomes.append(sorted((one.index, one.queries, one.success, one.l2) for one in results))
    assert outcomes[0] == outcomes[1]


def test_corrections_are_the_ridge_regression_of_each_sample():
    rng = np.random.default_rng(0)
    corrections, slot = Corrections(3, 7, 4), torch.tensor([1])
    features, residuals = rng.normal(size=(6, 7)).astype(np.float32), rng.normal(size=(6, 4)).astype(np.float32)
    corrections.begin(slot, torch.from_numpy(features[[0]]), torch.from_numpy(residuals[[0]]))
    np.testing.assert_allclose(corrections.of(slot).of(torch.from_numpy(features[[0]])), AWAY * residuals[[0]])
    for row in range(1, 6):
        corrections.learn(slot, torch.from_numpy(features[[row]]), torch.from_numpy(residuals[[row]]))
    away, missed = features[1:] - features[0], residuals[1:] - AWAY * residuals[0]
    mean_square = np.mean(np.sum(away**2, axis=1))
    known, penalties = np.hstack([away, np.ones((5, 1))]), [RIDGE * mean_square] * 7 + [RIDGE / COMMON]
    exact = np.linalg.solve(known.T @ known + np.diag(penalties), known.T @ missed)
    found = corrections.of(slot)
    np.testing.assert_allclose(found.weights[0], exact[:7], atol=1e-5)
    np.testing.assert_allclose(found.offset[0], AWAY * residuals[0] + exact[7], atol=1e-5)
    assert not corrections.of(torch.tensor([0, 2])).weights.any()
    corrections.begin(slot, torch.zeros(1, 7), torch.zeros(1, 4))
    assert not corrections.of(slot).weights.any()


RANKS = [(1, (100,)), (2, (20, 12)), (3, (4, 10, 9)), (1, (3600,)), (2, (130, 70))]


@pytest.mark.parametrize(("rank", "extent"), RANKS)
def test_one_network_serves_every_rank_and_size(rank, extent):
    net = ResponseNet(2, rank, 5, widths=(4, 6)).eval()
    out = net(torch.rand(3, 2, *extent))
    assert out.shape == (3, 5)
    assert net.features(torch.rand(3, 2, *extent)).shape == (3, 6)


def plans_seen(habits, **settings):
    """The incumbents of an attack, step by step, from the trace: (before, after, accepted)."""
    run = brinkmap.Run(
        agent=ResponseAgent(LinearModel(WEIGHTS), habits),
        distortions=["tint"],
        patch=1,
        budget=12,
        trace=True,
        **settings,
    )
    return list(brinkmap.attack(VICTIM, SAMPLES, None, run))


def outcomes(agent, run):
    return sorted(brinkmap.attack(VICTIM, SAMPLES, None, brinkmap.Run(agent=agent, **run)), key=lambda one: one.index)


@pytest.mark.parametrize("changes", [1, 4])
def test_no_step_changes_more_cells_than_its_habits_allow(changes):
    for result in plans_seen(Habits(changes=changes), max_l2=0.2):
        assert all(len(step.cells) <= changes for step in result.trace)
        assert any(len(step.cells) for step in result.trace)


def test_add_only_never_takes_away_before_the_flip():
    for result in plans_seen(Habits(removes=False, changes=3), max_l2=0.2):
        occupied = set()
        for step in result.trace:
            assert not occupied & set(step.cells.tolist())
            assert (step.codes > 0).all()
            if step.accepted:
                occupied |= set(step.cells.tolist())


def test_uncorrected_it_never_learns_from_answers():
    wrong = LinearModel(np.random.default_rng(9).standard_normal(36).astype(np.float32))
    run = {"distortions": ["tint"], "patch": 1, "max_l2": 0.25, "budget": 40}
    flips = []
    for corrected in (True, False):
        agent = ResponseAgent(wrong, Habits(corrected=corrected, plan_every=1))
        flips.append(
            sum(one.success for one in brinkmap.attack(VICTIM, SAMPLES, None, brinkmap.Run(agent=agent, **run)))
        )
    assert flips[0] > flips[1]


@pytest.mark.parametrize("max_l2", [0.4, None])
def test_exploring_all_the_time_it_is_uniform_random_search(max_l2):
    always = ResponseAgent(LinearModel(WEIGHTS), Habits(plan_every=0, explore_after=0, corrected=False))
    run = {"distortions": ["tint", "dead-pixel"], "patch": 2, "max_l2": max_l2, "budget": 30, "seed": 4}
    for one, other in zip(*(outcomes(agent, run) for agent in (always, "random")), strict=True):
        assert (one.queries, one.success, one.l2) == (other.queries, other.success, other.l2)
        np.testing.assert_array_equal(one.plan, other.plan)


def test_on_samples_that_a_stubborn_model_is_wrong_about_exploring_finds_flips():
    wrong = LinearModel(-WEIGHTS)
    run = {"distortions": ["tint"], "patch": 1, "max_l2": 0.6, "budget": 60}
    flips = [
        sum(one.success for one in outcomes(ResponseAgent(wrong, Habits(corrected=False, plan_every=every)), run))
        for every in (1, 3)
    ]
    assert flips[0] < flips[1]


def test_blind_it_makes_the_same_first_plan_for_all():
    torch.manual_seed(1)
    net = ResponseNet(1, 2, 2, widths=(8, 8))
    run = brinkmap.Run(
        agent=ResponseAgent(net, Habits(blind=True, corrected=False)),
        distortions=["tint"],
        patch=2,
        max_l2=0.3,
        budget=2,
    )
    half = np.float32(0.5)
    samples = np.stack([np.full(SHAPE, half), np.clip(SAMPLES[0], 0.4, 0.6)])  # far from the bounds: tints clip nowhere
    victim = brinkmap.wrap(lambda x: np.tile([0.9, 0.1], (len(x), 1)), shape=SHAPE, classes=2)
    first, second = (one.plan for one in sorted(brinkmap.attack(victim, samples, None, run), key=lambda one: one.index))
    assert (first[:, 1] > 0).mean() == (second[:, 1] > 0).mean()


def test_without_a_bound_it_flips_a_linear_victim_close_to_the_plane_and_refines():
    distances = np.abs((SAMPLES.reshape(12, -1) - 0.5) @ WEIGHTS) / np.linalg.norm(WEIGHTS)
    run = brinkmap.Run(
        agent=ResponseAgent(LinearModel(WEIGHTS)), distortions=["tint"], patch=1, budget=20, refine_budget=20
    )
    for result, distance in zip(
        sorted(brinkmap.attack(VICTIM, SAMPLES, None, run), key=lambda one: one.index), distances, strict=True
    ):
        if result.success and result.queries > 1:
            assert distance <= result.l2 <= result.l2_at_flip
            assert result.l2 <= 1.5 * distance + 0.02
