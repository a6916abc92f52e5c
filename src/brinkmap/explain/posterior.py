"""Evidence by hiding: windows are hidden one by one, coarse to fine, then random shapes where the answer is open.

Three maps of how far the class's log odds fall are added, each on its own scale. Fine windows find what is small and
stands alone, wide ones what needs several parts to change the answer, and shapes what lies anywhere between. Where not
all fine windows can be paid for, those are hidden in which the wide ones say most. The sum is smoothed a little: a
place's own window is one noisy answer, and its neighbours say much the same.

What is hidden shows the sample's mean in the first round of wide and of fine windows, and other parts of the sample in
all the rest, each round and every few shapes another part: a class may rest on what is missing (a beat, a stroke), of
which blur and mean find nothing, since a gap remains a gap.

Half of the shapes, and all of the first, are drawn from the prior of `Account`: patches of every size, everywhere. The
others are drawn from its posterior: what a surface drawn from it holds for the most important is hidden, or all the
rest is, so that questions go where the answer is open (Thompson sampling). Without the former a place that once looked
unimportant would hardly be asked about again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from scipy.ndimage import gaussian_filter

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.explain.account import LENGTHS, Rows, accounted
from brinkmap.explain.asking import BATCH, Hiding
from brinkmap.explain.field import Field, field_of
from brinkmap.explain.fills import Fill, Flat, Rolled
from brinkmap.explain.windows import Windows, covering

__all__ = ["Posterior"]

SHARES = (0.1, 0.75)
"""Least and largest share of the positions hidden in one question, or kept in it."""
WEIGHTS = (0.5, 1.0, 0.75)
"""Of the maps by wide windows, fine windows and shapes."""
GROWTH = 0.25
"""Questions between two looks at the account, as a share of those already asked."""
FINEST = 36
"""Windows along an axis: what is narrower hides too little of a signal to matter."""
SMOOTHING = 0.02
"""Of the sum, as a share of an axis; what it does to each score is in docs/design/0007-explanations.md."""
ALIKE = 8
"""Shapes that show the same other part of the sample."""


@final
@dataclass(frozen=True)
class Posterior:
    """Windows, then regression over the answers to hidden shapes, which are drawn where the answer is open."""

    wide: float = 0.25
    """Largest share of the questions that hide wide windows."""
    fine: float = 0.4
    """Largest share of those that hide fine windows; shapes have the rest."""
    opening: int = 64
    """Shapes asked about before the posterior is looked at."""
    known: Mapping[int, Rows] = field(default_factory=dict, repr=False)
    """What is known of samples, by index, before anything is asked: an attack's trace."""
    name: str = "posterior"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """The fall at every place, as a sum of maps in units of their root mean squares."""
        return _Inquiry(self, oracle, sample, target).result()


class _Inquiry:
    """The questions about one sample."""

    def __init__(self, settings: Posterior, oracle: Oracle, sample: Array, target: int) -> None:
        self.settings, self.oracle = settings, oracle
        self.grid = field_of(sample.shape[1:])
        self.known = settings.known.get(oracle.index, Rows(np.empty((0, self.grid.size)), np.empty(0)))
        self.rows, self.asked = self.known, 0
        self.hiding = Hiding(oracle, sample, target, Flat())
        self.lengths: Sequence[float] = LENGTHS

    def result(self) -> Floats | None:
        """Ask until the queries are spent; None where the victim never moved."""
        few, many = (int(share * self.oracle.remaining) for share in (self.settings.wide, self.settings.fine))
        wide = covering(self.grid.extent, max(few, 1), FINEST // 2)
        maps = [self._swept(wide, [Flat(), *self._elsewhere(few // len(wide) - 1)])]
        fine = _best(covering(self.grid.extent, max(2 * many, 1), FINEST), maps[0], max(many, 1))
        maps.append(self._swept(fine, [Flat(), *self._elsewhere(many // len(fine) - 1)]))
        while self.oracle.remaining > 0 and self._asks(self._next()):
            pass
        if not (len(self.known) or self.hiding.moved):
            return None
        if len(self.rows):
            maps.append(accounted(self.grid, self.rows).map)
        total = np.sum([weight * _scaled(one) for weight, one in zip(WEIGHTS, maps, strict=False)], axis=0)
        return np.asarray(gaussian_filter(total, [SMOOTHING * n for n in total.shape], mode="nearest"))

    def _swept(self, windows: Windows, fills: Sequence[Fill]) -> Floats:
        """(*extent) how far the log odds fall where windows are hidden; zero everywhere where none was asked about."""
        rounds = []
        for fill in fills:
            self.hiding.show(fill)
            rounds.append(windows.means(self.hiding.ask(windows.places, windows.hidden).falls))
        return np.mean(rounds, axis=0) if rounds else np.zeros(self.grid.extent)

    def _elsewhere(self, count: int) -> list[Fill]:
        """So many other parts of the sample."""
        return [Rolled(tuple(self.oracle.rng.random(len(self.grid.shape)))) for _ in range(count)]

    def _next(self) -> int:
        """Shapes to ask about before the next look at the account."""
        opening = self.settings.opening - self.asked
        return opening if opening > 0 else max(BATCH, int(GROWTH * self.asked))

    def _asks(self, count: int) -> bool:
        """So many shapes, or as many as there are queries for; whether there was any."""
        before, shapes = self.asked, _shapes(self._surfaces(min(count, self.oracle.remaining)), self.oracle.rng)
        for start in range(0, len(shapes), ALIKE):
            self.hiding.show(*self._elsewhere(1))
            part = shapes[start : start + ALIKE]
            said = self.hiding.ask(part, self.grid.spread)
            self.rows += Rows(part[: len(said)], said.falls)
            self.asked += len(said)
        return self.asked > before

    def _surfaces(self, count: int) -> Floats:
        """Half from the posterior, once there is one."""
        if self.asked < self.settings.opening or not self.hiding.moved or not len(self.rows):
            return _prior(self.grid, count, self.oracle.rng)
        account = accounted(self.grid, self.rows, self.lengths)
        self.lengths = _near(account.length)
        drawn = account.drawn(self.oracle.rng, count - count // 2)
        return np.concatenate([drawn, _prior(self.grid, count // 2, self.oracle.rng)])


def _best(windows: Windows, falls: Floats, most: int) -> Windows:
    """At most so many windows, those with the largest mean fall."""
    means = np.array([falls[place].mean() for place in windows.places])
    return windows.some(np.sort(np.argsort(-means, kind="stable")[:most]).tolist())


def _scaled(falls: Floats) -> Floats:
    """In units of their root mean square: falls under small and large parts hidden do not compare."""
    size = float(np.sqrt(np.mean(falls**2)))
    return falls / size if size > 0 else falls


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
