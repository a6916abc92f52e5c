"""Loss of focus or of bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from scipy.ndimage import gaussian_filter

from brinkmap.arrays import Array
from brinkmap.distortions.severity import BLUR_SIGMA

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["GaussianBlur"]


@final
@dataclass(frozen=True)
class GaussianBlur:
    """Gaussian blur, sigma .4 to 1 value (small samples) or 1 to 6 (large); reads beyond its cell, so no seam."""

    name: str = "gaussian-blur"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample blurred in space (rank 2, and each frame of rank 3) or in time (rank 1)."""
        extent = sample.shape[1:]
        axes = tuple(range(sample.ndim - min(len(extent), 2), sample.ndim))
        return gaussian_filter(sample, BLUR_SIGMA.at(level, extent), axes=axes, mode="nearest")
