"""Shape that is bent: what a cell shows is pushed aside within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.distortions.occlude import cells_along
from brinkmap.distortions.severity import PUSH_SHARE
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["SmoothWarp"]

LEAST = 4
"""Values a cell must have along an axis that is warped: in fewer, next to nothing would move."""


@final
@dataclass(frozen=True)
class SmoothWarp:
    """Each cell's middle is pushed any one way by 5, 10, 15, 20 or 25 % of its side, its edges not at all (ours)."""

    name: str = "smooth-warp"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample bent in space (rank 2, and each frame of rank 3) or in time (rank 1).

        The push is the level's share of the cell's side, times one direction a cell, times sin^2 from edge to edge
        along every axis, time too. It is zero at the edges, so neighbours meet without a seam. It folds nothing: along
        a cell's direction it changes by at most pi times the share a value, .785, so values keep their order.

        Raises:
            InputError: the cells have fewer than 4 values along an axis that is warped.
        """
        extent, size = grid.extent, grid.sizes[0]
        axes = range(max(0, len(extent) - 2), len(extent))
        if min(size[axis] for axis in axes) < LEAST:
            raise InputError(
                f"distortion {self.name!r} needs cells of at least {LEAST} values along each axis of space (of time in "
                f"signals), these are {'x'.join(map(str, size))}: give patch={LEAST} or more, or leave it out."
            )
        along = [cells_along(n, p) for n, p in zip(extent, size, strict=True)]
        directions = rng.standard_normal((len(axes), *grid.counts[0]))
        directions /= np.linalg.norm(directions, axis=0)
        window = reduce(np.multiply.outer, [np.cos(np.pi * off / side) ** 2 for _, off, side in along])
        cells, share = np.ix_(*(cell for cell, _, _ in along)), PUSH_SHARE.at(level, extent)
        sides = np.ix_(*(side for _, _, side in along))
        for axis in axes:
            window = window * (sides[axis] >= LEAST)  # a narrower cell at the end of the extent stays as it is
        pushes = [
            share * window * direction[cells] * sides[axis] for axis, direction in zip(axes, directions, strict=True)
        ]
        return _pushed(sample, axes, pushes)


def _pushed(sample: Array, axes: Sequence[int], pushes: Sequence[np.ndarray]) -> Array:
    """The sample read beside each position, linear between values and constant beyond the sample's edges.

    Args:
        sample: `(c, *extent)`.
        axes: those of the extent that are warped.
        pushes: for each of these, `extent`: how far from each position it is read, in values.
    """
    extent = sample.shape[1:]
    index = np.arange(prod(extent)).reshape(extent)
    steps, shares = [], []
    for axis, push in zip(axes, pushes, strict=True):
        at, last = np.ogrid[tuple(slice(n) for n in extent)][axis], extent[axis] - 1
        push = np.clip(push, -at, last - at)
        whole = np.floor(push).astype(np.intp)
        step = prod(extent[axis + 1 :])
        index = index + whole * step
        steps.append(np.where(at + whole < last, step, 0))
        shares.append((push - whole).astype(np.float32))
    return _between(sample.reshape(len(sample), -1), index, steps, shares)


def _between(values: Array, index: Ints, steps: Sequence[Ints], shares: Sequence[Array]) -> Array:
    """`(c, *extent)`: values read at an index and, along each axis in turn, that share of a step beyond it."""
    if not steps:
        return values.take(index, axis=1)
    here = _between(values, index, steps[1:], shares[1:])
    there = _between(values, index + steps[0], steps[1:], shares[1:])
    return here + shares[0] * (there - here)
