"""Windows that bring a change to nothing at both ends of every cell, so that no square edge does the fooling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["RAMP_S", "Cells", "Stretches", "cells_of", "raised_cosine", "with_change"]

RAMP_S = 0.02
"""How long a change takes to come, and to go, where the cell is long enough."""
RAMP_SHARE = 0.25
"""The most of a cell that one of its ramps takes."""
TINY = 1e-12


def raised_cosine(distance: Floats, ramp: Floats | float) -> Floats:
    """From 0 at no distance to 1 at `ramp` and beyond, with level ends.

    >>> import numpy as np
    >>> raised_cosine(np.array([-1.0, 0, 1, 2, 3]), 2).round(2)
    array([0. , 0. , 0.5, 1. , 1. ])
    """
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(distance / ramp, 0, 1))


def with_change(sample: Array, change: Floats) -> Array:
    """The sample plus a change, both `(c, time)`, rounded once."""
    return (sample + change).astype(np.float32)


@final
@dataclass(frozen=True)
class Stretches:
    """One stretch of time in each cell, all (cells,) in seconds."""

    begins: Floats
    """Since the first value of the cell."""
    lasts: Floats


@final
@dataclass(frozen=True)
class Cells:
    """The cells of one size along a signal, with times in seconds; the last may be shorter.

    A cell of n values lasts n - 1 steps, from its first value to its last.
    """

    time: int
    """Values in the signal."""
    size: int
    """Values in a cell."""
    least: int
    """Values that a cell must have to be distorted."""
    rate_hz: float

    @cached_property
    def counts(self) -> Ints:
        """(cells,) values in each."""
        return np.minimum(self.size, self.time - self._starts)

    @cached_property
    def lasts(self) -> Floats:
        """(cells,) seconds from each one's first value to its last."""
        return (self.counts - 1) / self.rate_hz

    @cached_property
    def of(self) -> Ints:
        """(time,) the cell that holds each value."""
        return np.arange(self.time) // self.size

    @cached_property
    def seconds(self) -> Floats:
        """(time,) since the first value of the signal."""
        return np.arange(self.time) / self.rate_hz

    @cached_property
    def into(self) -> Floats:
        """(time,) seconds since the first value of the cell."""
        return np.arange(self.time) % self.size / self.rate_hz

    @cached_property
    def long_enough(self) -> Floats:
        """(time,) 1, but 0 in a last cell that is too short to be distorted."""
        return (self.counts >= self.least)[self.of].astype(np.float64)

    def window(self, ramp_s: float = RAMP_S, share: float = RAMP_SHARE) -> Floats:
        """(time,) 0 at the first and the last value of every cell, 1 within.

        Args:
            ramp_s: how long it takes to rise, and to fall.
            share: the most of its cell that one ramp takes.
        """
        ramps = np.minimum(ramp_s, np.maximum(self.lasts, TINY) * share)
        to_edge = np.minimum(self.into, self.lasts[self.of] - self.into)
        return raised_cosine(to_edge, ramps[self.of]) * self.long_enough

    def stretches(self, shortest_s: float, longest_s: float, rng: np.random.Generator) -> Stretches:
        """A stretch at a random place in each cell, as long as chance and the cell have it: two draws a cell."""
        shortest, longest = np.minimum(shortest_s, self.lasts), np.minimum(longest_s, self.lasts)
        lasts = shortest + rng.random(len(self.lasts)) * (longest - shortest)
        return Stretches(rng.random(len(self.lasts)) * (self.lasts - lasts), lasts)

    def per_value(self, of_cells: Floats) -> Floats:
        """(..., time) what each value's cell has, from (..., cells)."""
        return of_cells[..., self.of]

    def sums(self, values: Floats) -> Floats:
        """(c, cells) over each cell, of (c, time)."""
        return np.add.reduceat(values, self._starts, axis=1)

    def peaks(self, values: Floats) -> Floats:
        """(c, cells) the greatest in each cell, of (c, time)."""
        return np.maximum.reduceat(values, self._starts, axis=1)

    def of_unit_power(self, noise: Floats, over: Floats | Ints) -> Floats:
        """Noise (c, time) scaled to a mean square of 1 in every cell and channel, over (cells,) that many values."""
        return noise / self.per_value(np.sqrt(np.maximum(self.sums(noise**2) / over, TINY)))

    @property
    def _starts(self) -> Ints:
        return np.arange(0, self.time, self.size)


def cells_of(grid: Grid, rate_hz: float, name: str, least_s: float, mend: str) -> Cells:
    """The cells of a grid of one size over a signal, if they are long enough for a distortion.

    Args:
        grid: over the signal's time.
        rate_hz: values a second.
        name: the distortion, for the message.
        least_s: how long a cell must be; a last cell that is shorter stays as it is.
        mend: what else to do, for the message.

    Raises:
        InputError: the cells are shorter.
    """
    ((size,),) = grid.sizes
    least = math.ceil(least_s * rate_hz - TINY)
    if size < least:
        raise InputError(
            f"distortion {name!r} needs cells of at least {1000 * least_s:g} ms, got {1000 * size / rate_hz:.3g} ms "
            f"({size} values at {rate_hz:g} Hz). Give patch={least} or more, or {mend}."
        )
    return Cells(grid.extent[0], size, least, rate_hz)
