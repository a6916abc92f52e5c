"""Values that are lost: dead sensor elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.severity import IMPULSE_SHARE

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["DeadPixel"]


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
