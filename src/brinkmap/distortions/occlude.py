"""Values that are lost: dead sensor elements, and objects in the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.distortions.severity import IMPULSE_SHARE, OBJECT_SHARE

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["DeadPixel", "Occlusion", "cells_along"]


@final
@dataclass(frozen=True)
class DeadPixel:
    """Dead pixels, stuck at the lower or the upper bound in all channels; 1 to 7 % of them (small) or 3 to 27 %."""

    name: str = "dead-pixel"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with some positions stuck; a higher level adds to those of the lower ones."""
        extent = sample.shape[1:]
        dead = rng.random(extent) < IMPULSE_SHARE.at(level, extent)
        stuck_at = (rng.random(extent) < 0.5).astype(np.float32)
        return np.where(dead, stuck_at, sample)


@final
@dataclass(frozen=True)
class Occlusion:
    """An opaque object of one shade in the middle of each cell, hiding 20, 40, 60, 80 or 100 % of it (ours)."""

    name: str = "occlusion"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample behind one object a cell, which grows with the level and keeps its shade.

        A value that an object's rim crosses is mixed by the share that is hidden, as a sensor would; so the share is
        exact in cells of any size, and in a cell of one value the object is a veil.
        """
        side_share = OBJECT_SHARE.at(level, grid.extent) ** (1 / len(grid.extent))
        along = [cells_along(n, size) for n, size in zip(grid.extent, grid.sizes[0], strict=True)]
        shades = rng.random(grid.counts[0], dtype=np.float32)[np.ix_(*(cell for cell, _, _ in along))]
        hidden: Array = reduce(np.multiply.outer, [_hidden(off, side * side_share) for _, off, side in along])
        return sample * (1 - hidden) + shades * hidden  # exact where nothing or all is hidden


def cells_along(values: int, size: int) -> tuple[Ints, Floats, Ints]:
    """Where the values along one axis lie in the cells of one grid.

    Args:
        values: how many there are.
        size: of a cell, in values; the last cell may be smaller.

    Returns:
        Three times (values,): the cell that holds each; how far its centre is from that cell's middle, in values; the
        side of that cell, in values.
    """
    at = np.arange(values)
    cell = at // size
    side = np.minimum(size, values - cell * size)
    return cell, at - cell * size + 0.5 - side / 2, side


def _hidden(off: Floats, width: Floats) -> Array:
    """(n,) the share of each value within an object of this width around the middle of its cell."""
    overlap = np.minimum(off + 0.5, width / 2) - np.maximum(off - 0.5, -width / 2)
    return np.clip(overlap, 0, 1).astype(np.float32)
