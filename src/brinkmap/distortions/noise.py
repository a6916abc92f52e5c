"""Noise of the sensor and of the line: independent from value to value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.ecg_scale import decibels, noise_rms, nothing
from brinkmap.distortions.severity import IMPULSE_SHARE, NOISE_SD, SPECKLE_SD

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["GaussianNoise", "ImpulseNoise", "SpeckleNoise"]


@final
@dataclass(frozen=True)
class GaussianNoise:
    """True Gaussian noise, deviations .04 to .10 (small pictures) or .08 to .38 (large); 24 to 0 dB in signals."""

    name: str = "gaussian-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample plus one draw of noise, the same draw at every level.

        What a deviation means to the eye of a picture's range says nothing of a signal, whose bounds are as wide as its
        amplifier: there it is decibels below the range of each lead.
        """
        noise = rng.standard_normal(sample.shape, dtype=np.float32)
        if sample.ndim > 2:
            return sample + np.float32(NOISE_SD.at(level, sample.shape[1:])) * noise
        height = np.ptp(sample, axis=1, keepdims=True)
        return sample + noise_rms(height, decibels(level)).astype(np.float32) * noise


@final
@dataclass(frozen=True)
class ImpulseNoise:
    """Salt and pepper, each value of each channel by itself; 1 to 7 % of them (small samples) or 3 to 27 % (large)."""

    name: str = "impulse-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with some values hit; a higher level adds to those of the lower ones."""
        hit = rng.random(sample.shape) < IMPULSE_SHARE.at(level, sample.shape[1:])
        bound = (rng.random(sample.shape) < 0.5).astype(np.float32)
        return np.where(hit, bound, sample)


@final
@dataclass(frozen=True)
class SpeckleNoise:
    """Noise in proportion to the value, deviations .06 to .2 of it (small samples, signals) or .15 to .6 (large)."""

    name: str = "speckle-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with each value up or down by a share of itself, drawn once for all levels."""
        deviation = np.float32(SPECKLE_SD.at(level, sample.shape[1:]))
        return sample + (sample - nothing(sample)) * (deviation * rng.standard_normal(sample.shape, dtype=np.float32))
