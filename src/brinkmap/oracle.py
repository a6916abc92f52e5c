"""The victim as an attack that owns its loop sees it: metered, bounded, and the keeper of its best iterate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.agents.distance import ROUNDING
from brinkmap.arrays import Array, Ints
from brinkmap.env.rules import LEAST_GAIN, STALL, Rules
from brinkmap.env.task import Finished, Standing, Task
from brinkmap.errors import BudgetSpent, InputError
from brinkmap.objective import label_fault
from brinkmap.plan import Canvas
from brinkmap.plan.bound import FLOAT32_ULP, SLACK
from brinkmap.seeding import sample_generator
from brinkmap.victims.metered import Answers, Metered, memo_key

if TYPE_CHECKING:
    from brinkmap.pooled import Round

__all__ = ["TaskOracle"]


@dataclass
class _Best:
    """The best iterate within the bound so far."""

    image: Array
    answer: Array
    margin: float
    l2: float


class TaskOracle:
    """One task's door to the victim; `ask` waits for the other tasks' questions, so that all go in one batch.

    An iterate counts only if it is within the bounds and the distance bound; until the criterion is met the one with
    the least margin is kept, afterwards the nearest one that meets it.

    Args:
        task: the sample.
        metered: the victim.
        canvas: bounds and quantisation.
        rules: criterion, budgets and Linf bound.
        round_: where questions are pooled.
    """

    def __init__(self, task: Task, metered: Metered, canvas: Canvas, rules: Rules, round_: Round) -> None:
        self.task, self._metered, self._canvas, self._rules, self._round = task, metered, canvas, rules, round_
        self.rng = sample_generator(canvas.seed, task.index)
        self.reference = -1
        self.answer = np.empty(0, np.float32)
        self.stalled = False
        self.error: str | None = None
        self._best: _Best | None = None
        self._flipped_at: int | None = None
        self._distances: list[tuple[int, float]] = []
        self._steps = self._free = 0
        self.projected = False
        self.published_steps: int | None = None
        metered.open(task.number, rules.budget)

    @property
    def remaining(self) -> int:
        """Queries left."""
        return self._metered.remaining(self.task.number)

    @property
    def index(self) -> int:
        """The sample's place in its data set."""
        return self.task.index

    @property
    def canvas(self) -> Canvas:
        """What the run's distortions paint on."""
        return self._canvas

    @property
    def max_l2(self) -> float | None:
        """The L2 bound of this attack, on samples scaled to 0..1."""
        return self.task.max_l2

    @property
    def bounds(self) -> tuple[float, float]:
        """The valid range of a sample's values."""
        return self._canvas.bounds

    def look(self) -> bool:
        """The clean look. Returns whether the sample is worth attacking."""
        probabilities = self._put(self.task.sample[None], [memo_key(self.task.sample)]).probabilities
        self.answer = probabilities[0]
        self.reference = int(np.argmax(self.answer))
        self.error = label_fault("label", self.task.label, len(self.answer))
        if self.error:
            return False
        self._rules.criterion.check(len(self.answer))
        margin = float(self.margins(probabilities)[0])
        self._best = _Best(self.task.sample, self.answer, margin, 0.0)
        if self.task.label is not None and self.task.label != self.reference:
            return False
        if margin < 0:
            self._flipped_at, self._distances = 1, [(1, 0.0)]
        return margin >= 0

    def margins(self, probabilities: Array) -> Array:
        """(k,) how far answers are from the criterion in nats, negative once it is met."""
        references = np.full(len(probabilities), self.reference)
        return self._rules.criterion.margins(probabilities, references, np.full(len(probabilities), self.task.index))

    def ask(self, candidates: Array) -> Array:
        """Put candidates to the victim; see `brinkmap.agents.Oracle`."""
        return self._asked(candidates, self._keep_best)

    def probe(self, candidates: Array) -> Array:
        """Learn from answers to what is no candidate; see `brinkmap.agents.Oracle`."""
        return self._asked(candidates, lambda candidates, answers, queries: None)

    def _asked(self, candidates: Array, keep: Callable[[Array, Array, Ints], None]) -> Array:
        candidates = np.asarray(candidates, np.float32)
        if candidates.shape[1:] != self._canvas.shape or not np.isfinite(candidates).all():
            raise InputError(
                f"attack: expected finite candidates of shape (k, {self._canvas.shape}), got {candidates.shape}."
            )
        low, high = self.bounds
        candidates = self._canvas.snap(np.clip(candidates, np.float32(low), np.float32(high)))
        keys = [memo_key(row) for row in candidates]
        new = list(dict.fromkeys(key for key in keys if not self._metered.remembers(self.task.number, key)))
        self._free = 0 if new else self._free + 1
        if self._free >= STALL:
            self.stalled = True
            raise BudgetSpent("nothing new was asked 32 times in a row.")
        affordable = {*new[: self.remaining]}
        rows = [row for row, key in enumerate(keys) if key in affordable or key not in new]
        if not rows:
            raise BudgetSpent(f"all {self._rules.budget} queries of the budget are spent.")
        before = self._metered.spent(self.task.number)
        answers = self._put(candidates[rows], [keys[row] for row in rows])
        self._steps += int(answers.paid.sum())
        keep(candidates[rows], answers.probabilities, before + np.cumsum(answers.paid))
        if len(rows) < len(keys):
            raise BudgetSpent(f"all {self._rules.budget} queries of the budget are spent.")
        return answers.probabilities

    def offer(self, candidate: Array) -> None:
        """Score what an attack ends with, within bounds and distance; see `brinkmap.agents.Oracle`."""
        given = np.asarray(candidate, np.float32)
        if given.shape != self._canvas.shape or not np.isfinite(given).all():
            raise InputError(f"attack: expected to end with finite values of shape {self._canvas.shape}, got {given}.")
        within = self._within(given)
        if not np.array_equal(within, given):
            self.projected = True
        self.ask(within[None])

    def _within(self, given: Array) -> Array:
        """The same where it is within bounds and distance, the nearest that is where it is not."""
        (low, high), clean = self.bounds, self.task.sample.astype(np.float64)
        change = np.clip(given, np.float32(low), np.float32(high)) - clean
        linf, l2 = self._rules.max_linf, self.max_l2
        if linf is not None and np.abs(change).max() > linf * self._canvas.span + FLOAT32_ULP:
            change = np.clip(change, -linf * self._canvas.span, linf * self._canvas.span)
        length = float(np.linalg.norm(change)) / self._canvas.span
        if l2 is not None and length > l2 * (1 + ROUNDING):
            change *= l2 * (1 - ROUNDING) / length
        return np.clip(clean + change, low, high).astype(np.float32)

    def standing(self) -> Standing | None:
        """How the attack stands, or None where the clean look found nothing to attack."""
        best = self._best
        if best is None:
            return None
        return Standing(
            index=self.index,
            queries=self._metered.spent(self.task.number),
            steps=self._steps,
            reference=self.reference,
            image=best.image.copy(),
            answer=best.answer.copy(),
            margin=best.margin,
            l2=best.l2,
            queries_to_flip=self._flipped_at,
        )

    def finish(self) -> Finished:
        """What came of it."""
        best = self._best
        return Finished(
            task=self.task,
            reference=self.reference if self.reference >= 0 else None,
            before=self.answer if len(self.answer) else None,
            after=best.answer if best else None,
            image=best.image if best else self.task.sample,
            codes=None,
            success=self._flipped_at is not None,
            stalled=self.stalled,
            error=self.error,
            queries=self._metered.close(self.task.number),
            queries_to_flip=self._flipped_at,
            steps=self._steps,
            clipped=0.0,
            distances=self._distances,
            projected=self.projected,
            published_steps=self.published_steps,
        )

    def _put(self, batch: Array, keys: list[bytes]) -> Answers:
        answers = self._round.ask(self.task.number, batch, keys)
        if answers.failed:
            self.error = next(iter(answers.failed.values()))
            raise BudgetSpent(self.error)
        return answers

    def _keep_best(self, candidates: Array, answers: Array, queries: Ints) -> None:
        assert self._best is not None
        change = (candidates.astype(np.float64) - self.task.sample) / self._canvas.span
        squared = (change**2).reshape(len(change), -1).sum(axis=1)
        linf = np.abs(change).reshape(len(change), -1).max(axis=1)
        allowed = squared <= (np.inf if self.max_l2 is None else self.max_l2**2 * (1 - SLACK))
        allowed &= linf <= (np.inf if self._rules.max_linf is None else self._rules.max_linf + FLOAT32_ULP)
        for row, margin in enumerate(self.margins(answers)):
            l2 = float(np.sqrt(squared[row]))
            if allowed[row] and self._improves(float(margin), l2):
                self._best = _Best(candidates[row].copy(), answers[row], float(margin), l2)
                if margin < 0:
                    self._distances.append((int(queries[row]), l2))
                if margin < 0 and self._flipped_at is None:
                    self._flipped_at = int(queries[row])
                    limit = max(int(queries[-1]), self._flipped_at + self._rules.refine_budget)
                    self._metered.set_limit(self.task.number, limit)

    def _improves(self, margin: float, l2: float) -> bool:
        assert self._best is not None
        if self._flipped_at is None:
            return margin < 0 or margin < self._best.margin - LEAST_GAIN
        return margin < 0 and l2 < self._best.l2 - LEAST_GAIN
