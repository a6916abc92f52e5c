"""The agent that begins without training, and what it learns from one sample for the next."""

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.learning import LearningAgent  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.response.bands import Bands  # noqa: E402
from brinkmap.testing import check_agent  # noqa: E402

SHAPE = (1, 8, 8)
WEIGHTS = np.random.default_rng(3).standard_normal(64)
SAMPLES = (0.5 + 0.2 * (np.random.default_rng(4).random((40, *SHAPE)) - 0.5)).astype(np.float32)


def linear(batch):
    """Two classes, far apart: the same direction flips every sample of a class."""
    scores = 4 * (batch.reshape(len(batch), -1).astype(np.float64) - 0.5) @ WEIGHTS
    share = 1 / (1 + np.exp(-scores))
    return np.stack([share, 1 - share], axis=1)


def attacked(agent, samples=SAMPLES, **settings):
    settings = {"distortions": ["tint"], "patch": 1, "max_l2": 0.35, "budget": 40} | settings
    victim = brinkmap.wrap(linear, shape=SHAPE, classes=2)
    return sorted(brinkmap.attack(victim, samples, None, brinkmap.Run(agent=agent, **settings)), key=lambda r: r.index)


def capped(results, budget=40):
    return np.mean([one.queries_to_flip if one.success else budget for one in results])


def test_the_contract_holds_where_nothing_is_learned_across_samples():
    check_agent(LearningAgent(learn_across=False))


@pytest.mark.parametrize("bound", [{"max_l2": 0.3}, {"max_l2": None}], ids=["bound", "free"])
@pytest.mark.parametrize("extent", [(24,), (8, 8), (4, 6, 6)], ids=["rank 1", "rank 2", "rank 3"])
def test_every_query_is_paid_for_and_the_bound_is_held(extent, bound):
    seen = []

    def dim(batch):
        seen.append(len(batch))
        share = 1 / (1 + np.exp(-60 * (batch.mean(axis=tuple(range(1, batch.ndim))) - 0.5)))
        return np.stack([share, 1 - share], axis=1)

    samples = (0.49 + 0.024 * np.random.default_rng(0).random((6, 1, *extent))).astype(np.float32)
    victim = brinkmap.wrap(dim, shape=samples.shape[1:], classes=2)
    run = brinkmap.Run(
        agent=LearningAgent(),
        distortions=["tint", "gaussian-noise"],
        patch=2,
        budget=20,
        refine_budget=5,
        slots=4,
        **bound,
    )
    results = list(brinkmap.attack(victim, samples, None, run))
    assert sum(one.queries for one in results) == sum(seen)
    assert all(one.queries <= 25 and one.l2 <= (bound["max_l2"] or np.inf) for one in results)
    assert [one.error for one in results] == [None] * 6
    assert any(one.queries_refine for one in results)


def test_slopes_from_a_sample_s_own_answers_beat_random_proposals():
    assert capped(attacked(LearningAgent(learn_across=False))) < 0.8 * capped(attacked("random"))


def test_what_samples_have_in_common_is_learned():
    """The victim minds one band of frequency: whoever has learned that needs fewer queries for the last samples."""
    bands, rng = Bands(SHAPE), np.random.default_rng(5)
    weights = bands.values(bands.spread(np.arange(len(bands)) == 5) * rng.standard_normal(64).astype(np.float32))
    weights *= np.linalg.norm(WEIGHTS) / np.linalg.norm(weights)
    samples = SAMPLES + (
        (0.1 * np.linalg.norm(weights) - (SAMPLES.reshape(40, -1) - 0.5) @ weights) / (weights @ weights)
    )[:, None, None, None] * weights.reshape(SHAPE)  # all 0.1 from the plane

    def minds(batch):
        share = 1 / (1 + np.exp(-4 * (batch.reshape(len(batch), -1).astype(np.float64) - 0.5) @ weights))
        return np.stack([share, 1 - share], axis=1)

    victim = brinkmap.wrap(minds, shape=SHAPE, classes=2)

    def asked(agent):
        run = brinkmap.Run(agent=agent, distortions=["tint"], patch=1, max_l2=0.3, budget=60, slots=8)
        found = brinkmap.attack(victim, samples.astype(np.float32), None, run)
        return capped(sorted(found, key=lambda one: one.index)[20:], 60)

    assert asked(LearningAgent()) < 0.8 * asked(LearningAgent(learn_across=False))


def test_a_run_learns_from_nothing_even_with_an_agent_used_before():
    agent = LearningAgent()
    first, second = (capped(attacked(agent, SAMPLES[:6])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("agent", "across"), [("learning", True), ("cold-start", False)])
def test_an_audit_says_whether_samples_served_one_another(agent, across, tmp_path):
    victim = brinkmap.wrap(linear, shape=SHAPE, classes=2)
    made = brinkmap.audit(victim, SAMPLES[:4], None, brinkmap.Run(agent=agent, budget=5, patch=4), out=tmp_path)
    assert made.summary["learns_across"] is across
    assert ("It learned from one sample for the next" in (tmp_path / "report.html").read_text()) is across


def test_it_is_resumed_with_as_many_slots_only(tmp_path):
    victim = brinkmap.wrap(linear, shape=SHAPE, classes=2)
    for agent, said in (("cold-start", None), ("learning", "slots was 4, is 2")):
        runs = [brinkmap.Run(agent=agent, budget=5, patch=4, slots=slots) for slots in (4, 2)]
        brinkmap.audit(victim, SAMPLES[:4], None, runs[0], out=tmp_path / agent)
        with pytest.raises(InputError, match=said) if said else contextlib.nullcontext():
            brinkmap.audit(victim, SAMPLES[:4], None, runs[1], out=tmp_path / agent)
