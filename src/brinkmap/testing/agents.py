"""What an agent or an attack must keep to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from brinkmap.agents.protocol import Agent, Attack
from brinkmap.arrays import Array
from brinkmap.attack import attack
from brinkmap.run import Run
from brinkmap.session import agent_of
from brinkmap.testing.findings import CHANNELS, EXTENTS, Findings
from brinkmap.victims.wrap import wrap

__all__ = ["check_agent"]

UNLIKELY = 1e-6
"""What every further class gets."""


def check_agent(agent: Agent | Attack | str) -> None:
    """That an agent or attack keeps its contract: every query paid, budget held, results independent of the slots.

    One that says that it learns across samples (`learns_across`) may depend on the slots, but not on the run.

    Args:
        agent: an object, or a name as `Run` takes it.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = Findings(f"agent {agent if isinstance(agent, str) else type(agent).__name__!r}")
    made = agent_of(agent)
    card = getattr(made, "card", {})  # a trained one is tried on what it was made for
    rate = card.get("rate_hz")
    extents = {**EXTENTS, **({1: (round(rate),)} if rate else {}), **getattr(made, "extents", {})}  # a second of signal
    for rank in [card["rank"]] if "rank" in card else getattr(made, "ranks", EXTENTS):
        shape = (card.get("channels", CHANNELS), *extents[rank])
        for bound in ({"max_l2": 1.0}, {"max_l2": 0.5, "refine_budget": 10}):
            filters = () if "distortions" in card else ("tint",)
            slots = (3, 3) if getattr(made, "learns_across", False) else (1, 3)
            trial = _Trial(shape, card.get("classes", 2), bound, filters, rate, slots)
            _check_attack(agent, trial, f"rank {rank}", findings)
    findings.report()


@dataclass(frozen=True)
class _Trial:
    """What an agent is tried on."""

    shape: tuple[int, ...]
    classes: int
    bound: dict[str, float]
    distortions: tuple[str, ...]
    rate_hz: float | None
    slots: tuple[int, int]


def _check_attack(agent: Agent | Attack | str, trial: _Trial, where: str, findings: Findings) -> None:
    rng, shape, bound = np.random.default_rng(7), trial.shape, trial.bound
    samples = (0.3 + 0.4 * rng.random((5, *shape))).astype(np.float32)
    weights = rng.standard_normal(shape) / 4
    outcomes = []
    for slots in trial.slots:
        seen: list[int] = []
        answer = _linear(weights, samples, trial.classes, seen)
        victim = wrap(answer, shape=shape, classes=trial.classes, rate_hz=trial.rate_hz)
        run = Run(agent=agent, budget=40, slots=slots, distortions=trial.distortions, **bound)  # type: ignore[arg-type]
        results = findings.attempt(lambda victim=victim, run=run: list(attack(victim, samples, None, run)), where)  # type: ignore[misc]
        if results is None:
            return
        for result in results:
            findings.expect(result.error is None, f"{where}: {result.error}")
            findings.expect(result.queries <= 40 + run.refine_budget, f"{where}: over the budget")
            findings.expect(result.l2 <= bound["max_l2"], f"{where}: over the L2 bound")
        findings.expect(sum(result.queries for result in results) == sum(seen), f"{where}: unpaid queries")
        outcomes.append(sorted((result.index, result.queries, result.success, result.l2) for result in results))
    again = trial.slots[0] == trial.slots[1]
    said = "change from run to run" if again else "depend on how many samples are attacked at once"
    findings.expect(outcomes[0] == outcomes[1], f"{where}: results {said}")


def _linear(weights: np.ndarray, samples: Array, classes: int, seen: list[int]) -> Callable[[Array], Array]:
    """A linear victim whose answers do not depend on the batch, with the samples between the first two classes."""
    middle = float(np.median([np.sum(weights * sample) for sample in samples]))

    def answer(batch: Array) -> Array:
        seen.append(len(batch))
        scores = np.array([np.sum(weights * row) - middle for row in batch])
        share = 1 / (1 + np.exp(-scores))
        answers = np.full((len(batch), classes), UNLIKELY)
        answers[:, 0], answers[:, 1] = share, 1 - share
        return (answers / answers.sum(axis=1, keepdims=True)).astype(np.float32)

    return answer
