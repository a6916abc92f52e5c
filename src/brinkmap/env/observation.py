"""What an agent is told: once when a sample is put before it, and again before each proposal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.objective import Criterion
from brinkmap.plan import Canvas, Palette

__all__ = ["Context", "Observation"]


@dataclass(frozen=True)
class Context:
    """The rules of the attack, told when samples are put into slots; arrays have one row for each of these slots."""

    canvas: Canvas
    """Shape, bounds, grid, cards and seed."""
    palette: Palette
    """The samples as each card makes them, by slot."""
    criterion: Criterion
    classes: int
    scores: bool
    """False where the victim answers labels only: the margin is flat until the first flip."""
    max_linf: float | None
    slots: int
    """How many slots there are in all: the largest slot number plus one."""
    indices: Ints
    """(n,) the samples' indices, which the criterion may want."""
    max_l2: Floats
    """(n,) infinite where there is no bound."""


@dataclass(frozen=True)
class Observation:
    """How each sample stands; row i speaks of the i-th slot asked about."""

    codes: Ints
    """(n, cells) the incumbent: 0 for a clean cell, k for the k-th card."""
    answers: Array
    """(n, classes) the victim's answer to the incumbent."""
    margins: Array
    """(n,) the incumbent's distance from the criterion in nats, negative once it is met."""
    l2: Floats
    """(n,) the incumbent's distance from the clean sample, scaled to 0..1."""
    max_l2: Floats
    """(n,) infinite where there is no bound."""
    remaining: Ints
    """(n,) queries left in this phase."""
    refining: np.ndarray
    """(n,) bool: the criterion is met, and distortion is to be taken away while it still holds."""

    def rows(self, rows: Ints | np.ndarray) -> Observation:
        """What it says of these of its samples, given as numbers or as a mask."""
        return Observation(**{name: values[rows] for name, values in vars(self).items()})

    def spent(self, asked: Ints) -> Floats:
        """(n,) the share of this phase's budget that is gone once so many queries (n,) were asked."""
        share: Floats = asked / (asked + np.maximum(self.remaining, 1))
        return share
