"""The map that grows with an attack: how much each place speaks for the class, from the answers paid for so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.explain.account import Rows, accounted
from brinkmap.explain.asking import LEAST_MOVE, log_odds
from brinkmap.explain.field import field_of
from brinkmap.ui.shown import packed

__all__ = ["GrowingMap"]

GROWTH = 0.08
"""Answers between two accounts, as a share of those there are: the cost of one grows with their cube."""


class GrowingMap:
    """Credit by regression over all answers, as `brinkmap explain` accounts for it, signs kept.

    How much a question distorted a place is the mean of its changes there, so that attacks which own their loop have
    a map as well.

    Args:
        clean: (c, *extent).
        span: the upper less the lower bound.
        reference: the class attacked.
        answer: (classes,) the clean one.
    """

    def __init__(self, clean: Array, span: float, reference: int, answer: Array) -> None:
        self._clean, self._span, self._reference = clean.astype(np.float64), span, reference
        self._odds = float(log_odds(answer[None], reference)[0])
        self._field = field_of(clean.shape[1:])
        self._hidden: list[Floats] = []
        self._falls: list[float] = []
        self._accounted = 0

    def add(self, asked: Array, answers: Array) -> None:
        """Take note of questions (k, c, *extent) and their answers (k, classes)."""
        change = np.abs(asked.astype(np.float64) - self._clean).mean(axis=1) / self._span
        self._hidden += list(self._field.gathered(change))
        self._falls += list(self._odds - log_odds(answers, self._reference))

    @property
    def due(self) -> bool:
        """Whether enough answers have come since the last account for another to be worth its time."""
        return len(self._falls) >= self._accounted + max(1, round(GROWTH * self._accounted))

    def drawn(self) -> dict[str, Any] | None:
        """The map as it stands, on -127..127; None while no answer has moved the victim."""
        self._accounted = len(self._falls)
        if not self._falls or max(self._falls) <= LEAST_MOVE:
            return None
        credit = accounted(self._field, Rows(np.stack(self._hidden), np.array(self._falls))).credit
        largest = max(float(np.abs(credit).max()), np.finfo(float).tiny)
        return {
            "shape": self._shape,
            "answers": len(self._falls),
            "values": packed(np.rint(127 * credit / largest).astype(np.int8)),
        }

    def touched(self, asked: Array, before: Array) -> str:
        """Where the last questions (k, c, *extent) differ from what was kept before them, on 0..255."""
        change = np.abs(asked.astype(np.float64) - before).max(axis=1)
        places = self._field.gathered(change).max(axis=0)
        return packed(np.rint(255 * places / max(float(places.max()), np.finfo(float).tiny)).astype(np.uint8))

    @property
    def _shape(self) -> tuple[int, ...]:
        """Frames, rows and columns of places, whatever the rank."""
        return (1,) * (3 - len(self._field.shape)) + self._field.shape
