"""Resolution that is lost: blocks of values with one value each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.distortions.severity import RESOLUTION_LEFT

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["Pixelate"]


@final
@dataclass(frozen=True)
class Pixelate:
    """Blocks of one mean value, 95 to 65 % as many along an axis as values (small samples) or 60 to 25 % (large)."""

    name: str = "pixelate"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with blocks in space (rank 2, and each frame of rank 3) or in time (rank 1)."""
        extent = sample.shape[1:]
        left = [RESOLUTION_LEFT.at(one, extent) for one in (level, *range(level + 1, self.levels + 1))][::-1]
        for axis in range(sample.ndim - min(len(extent), 2), sample.ndim):
            values = sample.shape[axis]
            sample = _averaged(sample, axis, _blocks(values, tuple(max(1, int(values * share)) for share in left)))
        return sample


def _averaged(sample: Array, axis: int, starts: Ints) -> Array:
    """The sample with each block along an axis at its mean."""
    widths = np.diff(starts, append=sample.shape[axis])
    alone = (-1,) + (1,) * (sample.ndim - 1 - axis)
    means = np.add.reduceat(sample, starts, axis=axis) / widths.reshape(alone).astype(np.float32)
    return np.repeat(means, widths, axis=axis)


@lru_cache(maxsize=256)
def _blocks(values: int, counts: tuple[int, ...]) -> Ints:
    """Where the blocks along an axis start; each level's blocks are cut out of those of the next coarser one.

    The published corruption lays every level's raster anew, so that a level may change less than the one below it
    where an edge happens to lie within a block. Blocks within blocks cannot: averaging over them is a chain of
    projections. The counts are the published ones, and so is the raster of the coarsest level: a value belongs to the
    block that its centre lies in, as in Pillow's BOX.

    Args:
        values: how many there are along the axis.
        counts: how many blocks, from the coarsest level to the one wanted.
    """
    edges = (2 * values * np.arange(counts[0] + 1) + counts[0] - 1) // (2 * counts[0])
    for count in counts[1:]:
        while len(edges) <= count:
            widths = np.diff(edges)
            widest = np.flatnonzero(widths == widths.max())
            kept = max(0, len(edges) - 1 + len(widest) - count)
            cut = np.delete(widest, (2 * np.arange(kept) + 1) * len(widest) // max(1, 2 * kept))  # kept ones evenly
            edges = np.sort(np.append(edges, edges[cut] + widths[cut] // 2))
    starts = edges[:-1]
    starts.flags.writeable = False
    return starts
