"""The ECG noises of the RLAB slides as these name them: whole cells of any length, without tapers, for comparison.

The slides use cells of 3.33 to 50 ms at 300 Hz, which is 1 to 15 values, and call them motion artifacts and a detached
device. An electrode that moves or comes off does so for 100 ms and more, and not with square edges: these are not
natural, and `motion-artifact` and `electrode-detachment` are what they stand for. The slides give no amplitudes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.ecg_scale import decibels, noise_rms
from brinkmap.distortions.taper import with_change

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["BareDetached", "BareMotion"]

SHARE_OF_OFFSET = 0.8
"""How much of the power is the offset of the cell; the rest is noise from value to value."""


@final
@dataclass(frozen=True)
class BareMotion:
    """The slides' motion artifact: each cell jumps up or down, with noise on it; 24 to 0 dB. Square edges: not natural.

    The decibels are against the range of the whole lead, so no sampling rate is needed.
    """

    name: str = "bare-motion"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = False
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with an offset for every lead and cell, and Gaussian noise."""
        ((size,),) = grid.sizes
        leads, time = sample.shape
        signs = np.where(rng.random((leads, -(-time // size))) < 0.5, -1.0, 1.0)[:, np.arange(time) // size]
        noise = rng.standard_normal((leads, time))
        motion = np.sqrt(SHARE_OF_OFFSET) * signs + np.sqrt(1 - SHARE_OF_OFFSET) * noise
        height = np.ptp(sample.astype(np.float64), axis=1, keepdims=True)
        return with_change(sample, motion * noise_rms(height, decibels(level)))


@final
@dataclass(frozen=True)
class BareDetached:
    """The slides' detached device: a flat line at the lower bound, 20 to 100 % of the way. Square-edged: unnatural."""

    name: str = "bare-detached"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = False

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample drawn towards its lower bound."""
        return sample * np.float32(1 - level / self.levels)
