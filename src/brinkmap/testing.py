"""Contract checks for plug-ins, public: a user's own victim, filter or agent is held to the same rules as ours.

Each check tries everything and reports all that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from brinkmap.agents.protocol import Agent, Attack
from brinkmap.arrays import Array, check_answer_shape, check_bounds, check_sample, faults
from brinkmap.attack import attack
from brinkmap.distortions.protocol import Distortion
from brinkmap.errors import BrinkmapError
from brinkmap.plan import Grid, make_grid
from brinkmap.run import Run
from brinkmap.seeding import paint_generator
from brinkmap.victims.protocol import Victim
from brinkmap.victims.wrap import wrap

Found = TypeVar("Found")

__all__ = ["ContractError", "check_agent", "check_distortion", "check_victim"]

EXTENTS = {1: (60,), 2: (12, 10), 3: (4, 8, 6)}
"""What distortions are tried on, for each rank."""
CHANNELS = 3
EQUAL = 1e-4
"""How far a float network's probabilities may depend on the batch."""


class ContractError(BrinkmapError, AssertionError):
    """A plug-in breaks its contract; the message lists every way in which it does."""


def check_victim(victim: Victim, samples: Array) -> None:
    """That a victim keeps its contract: shapes, distributions, the same answer in any batch, input left alone.

    Spends `4 n + 2` queries on n samples.

    Args:
        victim: what is checked.
        samples: (n, c, *extent) float32 within its bounds, at least 2.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = _Findings(f"victim {type(victim).__name__}")
    findings.attempt(lambda: check_bounds(victim.bounds), "bounds")
    findings.attempt(lambda: check_sample(samples, samples.shape[1:], victim.bounds), "the samples given")
    kept = samples.copy()
    whole = findings.attempt(lambda: check_answer_shape(victim.predict(samples), len(samples), None), "predict")
    if whole is not None:
        for row, reason in faults(whole).items():
            findings.expect(False, f"sample {row}: {reason}")
        findings.expect(
            victim.classes in (None, whole.shape[1]), f"says {victim.classes} classes, answers {whole.shape[1]}"
        )
        findings.expect(
            victim.shape in (None, samples.shape[1:]), f"says shape {victim.shape}, took {samples.shape[1:]}"
        )
        batches = {
            "asked again": lambda: victim.predict(samples),
            "asked in reverse": lambda: victim.predict(samples[::-1].copy())[::-1],
            "asked one by one": lambda: np.concatenate([victim.predict(one[None]) for one in samples]),
            "asked two at once": lambda: np.concatenate([victim.predict(samples[:2]), whole[2:]]),
        }
        for how, ask in batches.items():
            again = findings.attempt(ask, how)
            same = again is not None and np.allclose(again, whole, atol=EQUAL, rtol=0)
            findings.expect(again is None or same, f"{how}, a sample gets another answer")
    findings.expect(np.array_equal(samples, kept), "predict writes into its input")
    findings.report()


def check_distortion(distortion: Distortion) -> None:
    """That a distortion keeps its contract: pure, seeded, of the sample's shape, and stronger with its level.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = _Findings(f"distortion {getattr(distortion, 'name', distortion)!r}")
    findings.expect(isinstance(distortion, Distortion), "lacks one of name, levels, ranks, natural, paint")
    findings.expect(isinstance(getattr(distortion, "name", None), str), "name is no text")
    levels, ranks = getattr(distortion, "levels", 0), tuple(getattr(distortion, "ranks", ()))
    findings.expect(isinstance(levels, int) and levels >= 1, f"levels is {levels!r}, expected 1 or more")
    findings.expect(bool(ranks) and set(ranks) <= set(EXTENTS), f"ranks is {ranks!r}, expected some of 1, 2, 3")
    for rank in sorted(set(ranks) & set(EXTENTS)):
        sample = np.random.default_rng(rank).random((CHANNELS, *EXTENTS[rank]), dtype=np.float32)
        _check_painting(distortion, sample, findings)
    findings.report()


def check_agent(agent: Agent | Attack | str) -> None:
    """That an agent or attack keeps its contract: every query paid, budget held, results independent of the slots.

    Args:
        agent: an object, or a name as `Run` takes it.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = _Findings(f"agent {agent if isinstance(agent, str) else type(agent).__name__!r}")
    for rank, extent in EXTENTS.items():
        for bound in ({"max_l2": 1.0}, {"max_l2": 0.5, "refine_budget": 10}):
            _check_attack(agent, (CHANNELS, *extent), bound, f"rank {rank}", findings)
    findings.report()


class _Findings:
    """Collects what is wrong, and raises it all together."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._found: list[str] = []

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds and otherwise not in self._found:
            self._found.append(otherwise)

    def attempt(self, action: Callable[[], Found], doing: str) -> Found | None:
        try:
            return action()
        except Exception as error:
            self.expect(False, f"{doing} raised {type(error).__name__}: {error}")
            return None

    def report(self) -> None:
        if self._found:
            raise ContractError(f"{self._what}: " + "".join(f"\n  - {one}" for one in self._found))


def _check_painting(distortion: Distortion, sample: Array, findings: _Findings) -> None:
    rank, grid = sample.ndim - 1, make_grid(None, sample.shape[1:])
    strengths = [0.0]
    for level in range(1, distortion.levels + 1):
        where = f"rank {rank}, level {level}"
        first = findings.attempt(lambda level=level: _painted(distortion, sample, level, grid, 1), where)  # type: ignore[misc]
        if first is None:
            return
        shaped = first.shape == sample.shape and first.dtype == np.float32
        findings.expect(shaped, f"{where}: painted {first.dtype} {first.shape}, expected float32 {sample.shape}")
        if not shaped:
            return
        findings.expect(bool(np.isfinite(first).all()), f"{where}: painted NaN or infinity")
        again = _painted(distortion, sample, level, grid, 2)
        findings.expect(
            np.array_equal(first, again), f"{where}: painted twice, differs: draw from rng alone, keep no state"
        )
        strengths.append(float(np.linalg.norm(np.clip(first, 0, 1).astype(np.float64) - sample)))
    falls = [level for level in range(1, len(strengths)) if strengths[level] < strengths[level - 1] * (1 - 1e-6)]
    findings.expect(not falls, f"rank {rank}: level {falls} is weaker than the one below it")


def _painted(distortion: Distortion, sample: Array, level: int, grid: Grid, global_seed: int) -> Array:
    """One painting of a read-only sample, after putting NumPy's global generator into some state or other."""
    np.random.seed(global_seed)
    given = sample.copy()
    given.flags.writeable = False
    return distortion.paint(given, level, paint_generator(0, 0, distortion.name), grid)


def _check_attack(
    agent: Agent | Attack | str, shape: tuple[int, ...], bound: dict[str, float], where: str, findings: _Findings
) -> None:
    rng = np.random.default_rng(7)
    samples = (0.3 + 0.4 * rng.random((5, *shape))).astype(np.float32)
    weights = rng.standard_normal(shape) / 4
    outcomes = []
    for slots in (1, 3):
        seen: list[int] = []
        victim = wrap(_linear(weights, samples, seen), shape=shape, classes=2)
        run = Run(agent=agent, budget=40, slots=slots, distortions=["tint"], **bound)  # type: ignore[arg-type]
        results = findings.attempt(lambda victim=victim, run=run: list(attack(victim, samples, None, run)), where)  # type: ignore[misc]
        if results is None:
            return
        for result in results:
            findings.expect(result.error is None, f"{where}: {result.error}")
            findings.expect(result.queries <= 40 + run.refine_budget, f"{where}: over the budget")
            findings.expect(result.l2 <= bound["max_l2"], f"{where}: over the L2 bound")
        findings.expect(sum(result.queries for result in results) == sum(seen), f"{where}: unpaid queries")
        outcomes.append(sorted((result.index, result.queries, result.success, result.l2) for result in results))
    findings.expect(outcomes[0] == outcomes[1], f"{where}: results depend on how many samples are attacked at once")


def _linear(weights: np.ndarray, samples: Array, seen: list[int]) -> Callable[[Array], Array]:
    """A linear victim whose answers do not depend on the batch, with the samples near its boundary."""
    middle = float(np.median([np.sum(weights * sample) for sample in samples]))

    def answer(batch: Array) -> Array:
        seen.append(len(batch))
        scores = np.array([np.sum(weights * row) - middle for row in batch])
        share = 1 / (1 + np.exp(-scores))
        return np.stack([share, 1 - share], axis=1).astype(np.float32)

    return answer
