"""The rules of an attack, and what one tick under them brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.objective import Criterion

__all__ = ["LEAST_GAIN", "STALL", "Rules", "Tick"]

LEAST_GAIN = 1e-4
"""A proposal must improve the objective by more than this: float networks differ in the last bits with the batch."""
STALL = 32
"""Proposals in a row that cost no query, after which an attack is over."""


@dataclass(frozen=True)
class Rules:
    """What ends and what steers every attack of a run."""

    criterion: Criterion
    budget: int
    refine_budget: int
    max_linf: float | None
    trace: bool = False


@dataclass(frozen=True)
class Tick:
    """What one tick brought."""

    started: Ints
    """Slots whose clean look is in and whose sample is worth attacking."""
    asked: Ints
    """Slots whose proposal was put to the victim and answered."""
    plans: Ints
    """(asked, cells, 2)."""
    answers: Array
    """(asked, classes)."""
    accepted: np.ndarray
    """(asked,) bool."""
    finished: Ints
    """Slots that are done."""
