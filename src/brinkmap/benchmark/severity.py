"""How hard a test set is: a filter's level on the cells where a sample flipped, or a multiple of the distance there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError
from brinkmap.plan import Canvas
from brinkmap.plan.bound import SLACK
from brinkmap.seeding import training_generator

__all__ = ["Level", "Multiple", "Severity", "Spread", "severity_of"]

DEFAULTS = ("level:1", "level:3", "level:5", "x2", "x4", "x8", "x16")
"""Severities where none are named."""


@dataclass(frozen=True, eq=False)
class Spread:
    """One sample, the plan that flipped it, and what each cell would cost: what severities are made of.

    The plan grows from where it is: cells nearest to those that carry it come first, equal ones in an order drawn once
    for each sample.
    """

    canvas: Canvas
    """Of one distortion and one patch size."""
    sample: Array
    index: int
    codes: Ints
    """(cells,) the plan that flipped it, or came nearest."""
    l2: float
    """Its distance, on samples scaled to 0..1."""

    @cached_property
    def energies(self) -> Floats:
        """(levels + 1, cells) the squared L2 that each level adds in each cell."""
        canvas = self.canvas
        table = np.zeros((len(canvas.cards) + 1, canvas.grid.cells))
        for code in range(1, len(table)):
            painted, _ = canvas.paint(self.sample, self.index, code)
            change = (painted.astype(np.float64) - self.sample) / canvas.span
            squares = np.sum(change.reshape(len(change), -1) ** 2, axis=0)
            table[code] = np.bincount(canvas.grid.atom_of, weights=squares, minlength=canvas.grid.atoms)
        return table

    @cached_property
    def order(self) -> Ints:
        """(cells,) all cells, those of the plan first, then the nearest to it."""
        grid = self.canvas.grid
        drawn = training_generator(self.canvas.seed, "spread", self.index).permutation(grid.cells)
        centres = np.stack(np.unravel_index(np.arange(grid.cells), grid.counts[0]), axis=1).astype(np.float64)
        held = centres[self.codes > 0] if self.codes.any() else centres[drawn[:1]]
        far = np.min(((centres[:, None] - held) ** 2).sum(axis=2), axis=1)
        return np.asarray(drawn[np.argsort(far[drawn], kind="stable")])

    def distance(self, codes: Ints) -> float:
        """The L2 distance of a plan, on samples scaled to 0..1."""
        return float(np.sqrt(self.energies[codes, np.arange(len(codes))].sum()))

    def render(self, codes: Ints) -> Array:
        """The sample under a plan."""
        return self.canvas.render(self.sample, self.index, codes)[0]


class Severity(Protocol):
    """Makes a plan of the one that flipped a sample."""

    @property
    def name(self) -> str:
        """What files and tables call it."""

    def plan(self, spread: Spread) -> Ints:
        """(cells,) codes for one sample."""


@final
@dataclass(frozen=True)
class Level:
    """The filter's level, on the cells where the sample flipped; its highest, where it has fewer."""

    level: int

    @property
    def name(self) -> str:
        """As it is typed."""
        return f"level:{self.level}"

    def plan(self, spread: Spread) -> Ints:
        """The same cells, all at this level; one cell, where the plan has none."""
        where = spread.codes > 0
        if not where.any():
            where = np.arange(len(where)) == spread.order[0]
        return np.where(where, min(self.level, len(spread.canvas.cards)), 0).astype(np.int16)


@final
@dataclass(frozen=True)
class Multiple:
    """A multiple of the distance at flip: stronger where it flipped, and then spreading from there."""

    times: float

    @property
    def name(self) -> str:
        """As it is typed."""
        return f"x{self.times:g}"

    def plan(self, spread: Spread) -> Ints:
        """As near below the distance as the levels allow; everything at its strongest, where that is not enough."""
        energies, limit = spread.energies, (self.times * spread.l2) ** 2 * (1 - SLACK)
        codes = spread.codes.copy()
        total = float(energies[codes, np.arange(len(codes))].sum())
        for cell in spread.order:
            own = energies[:, cell]
            room = limit - (total - own[codes[cell]])
            better = np.flatnonzero((own <= room) & (own > own[codes[cell]]))
            if len(better):
                best = better[own[better].argmax()]
                total += own[best] - own[codes[cell]]
                codes[cell] = best
        return codes


def severity_of(text: str) -> Severity:
    """The severity behind `level:3` or `x4`.

    Raises:
        InputError: it is neither.
    """
    if found := re.fullmatch(r"level:([1-9]\d*)", text):
        return Level(int(found[1]))
    if (found := re.fullmatch(r"x(\d+(?:\.\d+)?)", text)) and float(found[1]) >= 1:
        return Multiple(float(found[1]))
    raise InputError(f"severity: expected level:N or xN with N of at least 1, such as level:3 or x4, got {text!r}.")
