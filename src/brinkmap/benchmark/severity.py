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
    for each sample, and take on the distortion of the nearest.
    """

    canvas: Canvas
    """Of one distortion, or one family of them, and one patch size."""
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
        return self._reach[0]

    @cached_property
    def choices(self) -> Ints:
        """(cells, 2) the first and the last code that each cell may have: all levels of one distortion."""
        kinds = self.canvas.cards.pairs[self._reach[1], 0]
        first = self.canvas.cards.first_of[kinds]
        return np.stack([first, first + self.canvas.cards.levels[kinds] - 1], axis=1)

    @cached_property
    def _reach(self) -> tuple[Ints, Ints]:
        """The order of the cells, and the code that the nearest one of the plan has; code 1 where there is no plan."""
        grid = self.canvas.grid
        drawn = training_generator(self.canvas.seed, "spread", self.index).permutation(grid.cells)
        centres = np.stack(np.unravel_index(np.arange(grid.cells), grid.counts[0]), axis=1).astype(np.float64)
        held = np.flatnonzero(self.codes) if self.codes.any() else drawn[:1]
        apart = ((centres[:, None] - centres[held]) ** 2).sum(axis=2)
        order = np.asarray(drawn[np.argsort(apart.min(axis=1)[drawn], kind="stable")])
        return order, np.maximum(self.codes[held[apart.argmin(axis=1)]], 1)

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
    """The level of each cell's filter where the sample flipped; its highest, where it has fewer."""

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
        first, last = spread.choices.T
        return np.where(where, np.minimum(first + self.level - 1, last), 0).astype(np.int16)


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
            first, last = spread.choices[cell]
            own, spent = energies[first : last + 1, cell], energies[codes[cell], cell]
            better = np.flatnonzero((own <= limit - (total - spent)) & (own > spent))
            if len(better):
                best = better[own[better].argmax()]
                total += own[best] - spent
                codes[cell] = first + best
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
