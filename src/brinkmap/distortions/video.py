"""What only happens to clips: frames lost, held or blended, light that flickers, sensor faults that stay or travel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from brinkmap.arrays import Array
from brinkmap.distortions.severity import BRIGHTNESS, IMPULSE_SHARE, NOISE_SD

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = [
    "FixedPatternNoise",
    "Flicker",
    "FrameDrop",
    "FrameFreeze",
    "RollingNoise",
    "StuckPixel",
    "TemporalBlur",
]

# Of time there is no published table of five strengths, so these three are ours.
LOSS_SHARE = (0.1, 0.2, 0.35, 0.5, 0.7)
"""Share of the frames that are lost."""
HOLD_FRAMES = (2, 4, 8, 16, 32)
"""Frames shown for one. Each divides the next, so a level adds held frames to those of the one below: with 2, 3, 4, 6
and 8 a clip of 4 frames loses frames 1 and 3, then 1 and 2, and half the clips of noise come out nearer than before."""
BLUR_FRAMES = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Sigma of the Gaussian over time, in frames."""
BEATS = (0.1, 0.4)
"""Cycles a frame at which lamps alias: 100 Hz light gives 1/6 at 24 frames a second and 1/3 at 30, 120 Hz light 1/5 at
25 and 2/5 at 50. Where mains and camera agree the beat is too slow to see, and left out."""
BAND_ROWS = 1.5
"""Sigma of the Gaussian that makes bands of independent rows: what rolls is a beat of the mains or of a switching
supply with the readout, and so smooth; single rows look like a broken decoder."""
MOST_ROWS_A_FRAME = 4
"""How far the bands travel at most from one frame to the next."""


@final
@dataclass(frozen=True)
class FrameDrop:
    """Frames lost in transmission, 10 to 70 %: the last received one stays on screen. The first always arrives."""

    name: str = "frame-drop"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """Each frame as last received; a higher level loses the frames of the lower ones and more."""
        frames = np.arange(sample.shape[1])
        received = rng.random(len(frames)) >= LOSS_SHARE[level - 1]
        return sample.take(np.maximum.accumulate(np.where(received, frames, 0)), axis=1)


@final
@dataclass(frozen=True)
class FrameFreeze:
    """A lower frame rate: every frame held for 2, 4, 8, 16 or 32. Levels beyond the length of a clip are one still."""

    name: str = "frame-freeze"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """Each frame as the last one that is a multiple of the hold."""
        hold = HOLD_FRAMES[level - 1]
        return sample.take(np.arange(sample.shape[1]) // hold * hold, axis=1)


@final
@dataclass(frozen=True)
class TemporalBlur:
    """A slow sensor or compression that blends frames: Gaussian over time, sigma .5 to 3 frames."""

    name: str = "temporal-blur"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample blurred in time alone."""
        return gaussian_filter1d(sample, BLUR_FRAMES[level - 1], axis=1, mode="nearest")


@final
@dataclass(frozen=True)
class Flicker:
    """Mains-driven light beating with the frame rate: gain 1 +- .05 to .3 (small samples) or .1 to .5 (large).

    No strengths of flicker are published: the amplitudes are those of brightness.
    """

    name: str = "flicker"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample times a sinusoid over the frames, of one frequency and phase for all levels."""
        beat, phase = rng.uniform(*BEATS), rng.uniform(0, 2 * math.pi)
        wave = np.sin(2 * math.pi * beat * np.arange(sample.shape[1]) + phase)
        gain = 1 + BRIGHTNESS.at(level, sample.shape[1:]) * wave
        return sample * gain.astype(np.float32)[:, None, None]


@final
@dataclass(frozen=True)
class RollingNoise:
    """Bands of interference that roll down the picture, standard deviations .04 to .10 (small samples) or .08 to .38.

    One value a row in all channels, 1 to 4 rows further down in each frame. No strengths of such bands are published:
    the deviations are those of independent noise.
    """

    name: str = "rolling-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample plus one draw of bands, the same draw and speed at every level."""
        frames, height = sample.shape[1:3]
        rows = gaussian_filter1d(rng.standard_normal(height, dtype=np.float32), BAND_ROWS, mode="wrap")
        speed = rng.integers(1, MOST_ROWS_A_FRAME, endpoint=True)
        shown = rows[(np.arange(height) - speed * np.arange(frames)[:, None]) % height]
        lost = math.sqrt(2 * BAND_ROWS * math.sqrt(math.pi))  # how much the blur took of the rows' deviation
        deviation = NOISE_SD.at(level, sample.shape[1:]) * lost
        return sample + np.float32(deviation) * shown[:, :, None]


@final
@dataclass(frozen=True)
class StuckPixel:
    """Pixels stuck at the lower or the upper bound in all channels and frames; 1 to 7 % (small samples) or 3 to 27 %.

    One sensor's defects: `dead-pixel` draws other positions for each frame, as transmission errors do.
    """

    name: str = "stuck-pixel"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with some positions stuck; a higher level adds to those of the lower ones."""
        picture = sample.shape[2:]
        stuck = rng.random(picture) < IMPULSE_SHARE.at(level, sample.shape[1:])
        stuck_at = (rng.random(picture) < 0.5).astype(np.float32)
        return np.where(stuck, stuck_at, sample)


@final
@dataclass(frozen=True)
class FixedPatternNoise:
    """Gaussian noise that all frames share, as uneven pixels make it; .04 to .10 (small samples) or .08 to .38."""

    name: str = "fixed-pattern-noise"
    levels: int = 5
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample plus one picture of noise, the same at every level."""
        channels, _, *picture = sample.shape
        noise = rng.standard_normal((channels, 1, *picture), dtype=np.float32)
        return sample + np.float32(NOISE_SD.at(level, sample.shape[1:])) * noise
