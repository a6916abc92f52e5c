"""Noise of the sensor: independent from value to value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.severity import NOISE_SD

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["GaussianNoise"]


@final
@dataclass(frozen=True)
class GaussianNoise:
    """True Gaussian noise, standard deviations .04 to .10 (small samples) or .08 to .38 (large)."""

    name: str = "gaussian-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample plus one draw of noise, the same draw at every level."""
        deviation = NOISE_SD.at(level, sample.shape[1:])
        return sample + np.float32(deviation) * rng.standard_normal(sample.shape, dtype=np.float32)
