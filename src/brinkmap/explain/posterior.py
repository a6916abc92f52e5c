"""Evidence by hiding: smooth random shapes are hidden, and regression over the answers says where the evidence is.

Half of the shapes, and all of the first, are drawn from the prior of `Account`: patches of every size, everywhere. The
others are drawn from its posterior: what a surface drawn from it holds for the most important is hidden, or all the
rest is, so that questions go where the answer is open (Thompson sampling). Without the former a place that once looked
unimportant would hardly be asked about again.

What is hidden shows the sample blurred. Where that has not once changed the answer by the end of the opening, the class
may rest on what is missing (a beat, a stroke), and other parts of the sample are shown instead from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.explain.account import LENGTHS, Rows, accounted
from brinkmap.explain.asking import BATCH, Hiding
from brinkmap.explain.field import Field, field_of
from brinkmap.explain.fills import Blurred, Fill, Rolled

__all__ = ["Posterior"]

SHARES = (0.1, 0.75)
"""Least and largest share of the positions hidden in one question, or kept in it."""
GROWTH = 0.25
"""Questions between two looks at the account, as a share of those already asked."""


@final
@dataclass(frozen=True)
class Posterior:
    """Regression over the answers to hidden shapes, which are drawn where the answer is open."""

    fill: Fill = field(default_factory=Blurred)
    opening: int = 64
    """Questions before the posterior is looked at."""
    known: Mapping[int, Rows] = field(default_factory=dict, repr=False)
    """What is known of samples, by index, before anything is asked: an attack's trace."""
    name: str = "posterior"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """The posterior mean at every place."""
        return _Inquiry(self, oracle, sample, target).result()


class _Inquiry:
    """The questions about one sample."""

    def __init__(self, settings: Posterior, oracle: Oracle, sample: Array, target: int) -> None:
        self.oracle, self.sample, self.target = oracle, sample, target
        self.grid = field_of(sample.shape[1:])
        self.known = settings.known.get(oracle.index, Rows(np.empty((0, self.grid.size)), np.empty(0)))
        self.rows, self.asked = self.known, 0
        self.opening = min(settings.opening, oracle.remaining)
        self.hiding = Hiding(oracle, sample, target, settings.fill)
        self.lengths: Sequence[float] = LENGTHS

    def result(self) -> Floats | None:
        """Ask until the queries are spent; None where the victim never moved."""
        while self.asked < self.opening and self._asks(self.opening - self.asked):
            pass
        absent = not self.hiding.given_up
        if absent and self.oracle.remaining:
            self.rows = self.known  # what takes away says little of what is not there
        while self.oracle.remaining > 0:
            if absent:
                self._roll()
            if not self._asks(max(BATCH, int(GROWTH * self.asked))):
                break
        if not (len(self.known) or self.hiding.moved):
            return None
        return accounted(self.grid, self.rows).map

    def _roll(self) -> None:
        """Another place of the sample is shown from now on where something is hidden."""
        moved = self.hiding.moved
        rolled = Rolled(tuple(self.oracle.rng.random(len(self.grid.shape))))
        self.hiding = Hiding(self.oracle, self.sample, self.target, rolled, moved=moved)

    def _asks(self, count: int) -> bool:
        """So many questions, or as many as there are queries for; whether there was any."""
        count = min(count, self.oracle.remaining)
        shapes = _shapes(self._surfaces(count), self.oracle.rng)
        said = self.hiding.ask(shapes, self.grid.spread)
        self.rows += Rows(shapes[: len(said)], said.falls)
        self.asked += len(said)
        return len(said) > 0

    def _surfaces(self, count: int) -> Floats:
        """Half from the posterior, once there is one."""
        if self.asked < self.opening or not self.hiding.moved or not len(self.rows):
            return _prior(self.grid, count, self.oracle.rng)
        account = accounted(self.grid, self.rows, self.lengths)
        self.lengths = _near(account.length)
        drawn = account.drawn(self.oracle.rng, count - count // 2)
        return np.concatenate([drawn, _prior(self.grid, count // 2, self.oracle.rng)])


def _near(length: float) -> Sequence[float]:
    """That length and its neighbours: a few more answers do not change the picture altogether."""
    at = LENGTHS.index(length)
    return LENGTHS[max(at - 1, 0) : at + 2]


def _prior(grid: Field, count: int, rng: np.random.Generator) -> Floats:
    """(count, size) surfaces of all lengths but the shortest."""
    if not count:
        return np.empty((0, grid.size))
    lengths = rng.choice(LENGTHS[1:], size=count)
    noise = rng.standard_normal((count, grid.size))
    return np.concatenate([grid.surfaces(one[None], float(length)) for one, length in zip(noise, lengths, strict=True)])


def _shapes(surfaces: Floats, rng: np.random.Generator) -> Floats:
    """(n, size) in 0 and 1: for each surface its highest positions, or all the others."""
    share = rng.uniform(*SHARES, size=len(surfaces))
    within = np.argsort(np.argsort(-surfaces, axis=1), axis=1) < share[:, None] * surfaces.shape[1]
    inverted = rng.random(len(surfaces)) < 0.5
    return np.where(inverted[:, None], ~within, within).astype(np.float64)
