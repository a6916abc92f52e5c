"""What every explainer that asks has in common: parts are hidden, a few at a time, until the queries are spent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.errors import BudgetSpent
from brinkmap.explain.fills import Fill, shown

__all__ = ["BATCH", "LEAST_MOVE", "Hiding", "Said", "log_odds"]

BATCH = 32
"""Probes of one sample at once: many samples are explained together, and fill the victim's batches."""
TINY = 1e-9
"""Chances are taken to be at least this: smaller ones are rounding, or an exact 0."""
LEAST_MOVE = 0.1
"""A victim whose log odds never fall by more has not moved."""


@dataclass(frozen=True)
class Said:
    """Answers to some questions about one class."""

    chances: Floats
    """(m,) its probability."""
    falls: Floats
    """(m,) by how much its log odds fell, which do not flatten where a victim is sure."""

    def __len__(self) -> int:
        return len(self.chances)


class Hiding:
    """One sample of which parts are hidden, and a class whose chance is watched.

    Args:
        oracle: the victim.
        sample: (c, *extent).
        target: the class.
        fill: what a hidden place shows.
    """

    def __init__(self, oracle: Oracle, sample: Array, target: int, fill: Fill) -> None:
        self._oracle, self._sample, self._target, self._filled = oracle, sample, target, fill(sample)
        self.clean = float(oracle.answer[target])
        """The class's chance while nothing is hidden."""
        self._odds = float(log_odds(oracle.answer[None], target)[0])
        self.moved, self.given_up = False, False
        """Whether anything that was hidden lowered the class's chance; and made it the answer no more."""

    def show(self, fill: Fill) -> None:
        """Another fill from now on."""
        self._filled = fill(self._sample)

    def ask(self, rows: Sequence[Any] | np.ndarray, hidden: Callable[[Any], Floats]) -> Said:
        """What comes of the first rows, as many as there are queries for.

        Args:
            rows: what is hidden in each question.
            hidden: turns a few rows into (k, *extent) how much of each place is hidden, 0..1.
        """
        said = []
        with contextlib.suppress(BudgetSpent):
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH][: max(self._oracle.remaining, 1)]
                said.append(self._oracle.probe(shown(self._sample, self._filled, hidden(part))))
        answers = np.concatenate(said) if said else np.empty((0, len(self._oracle.answer)), np.float32)
        falls = self._odds - log_odds(answers, self._target)
        self.moved = self.moved or bool((falls > LEAST_MOVE).any())
        self.given_up = self.given_up or bool((answers.argmax(axis=1) != self._target).any())
        return Said(answers[:, self._target].astype(np.float64), falls)


def log_odds(answers: Array, target: int) -> Floats:
    """(n,) nats for answers (n, classes); of the other classes' own chances, which tell how sure a sure victim is."""
    chances = answers.astype(np.float64)
    others = np.delete(chances, target, axis=1).sum(axis=1)
    return np.log(np.maximum(chances[:, target], TINY)) - np.log(np.maximum(others, TINY))
