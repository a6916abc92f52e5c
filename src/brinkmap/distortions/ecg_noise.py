"""What adds to an ECG for as long as it lasts: a wandering baseline, mains hum, muscle.

Strengths are decibels below the beats (`ecg_scale`), so no unit of voltage is needed, only the sampling rate. What each
looks like follows the list of contaminants in Clifford, Azuaje & McSharry 2006, Advanced Methods and Tools for ECG Data
Analysis, section 3.6.1, after Friesen et al. 1990, doi:10.1109/10.43620.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.distortions.ecg_scale import beat_height, decibels, noise_rms, rate_of
from brinkmap.distortions.protocol import Family, Medium
from brinkmap.distortions.taper import cells_of, with_change
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["BaselineWander", "Emg", "Powerline", "baseline_wander", "emg", "powerline"]

OTHERWISE = "leave it out"

WANDER_HZ = (0.05, 0.5)
WANDER_SINES = 5
WANDER_LEAST_S = 0.1
WANDER_RAMP_S = 1.0

MAINS_HZ = (50, 60)
MAINS_OFF_HZ = 0.2
MAINS_HARMONICS = 5
MAINS_STRONGEST_DB = 6
MAINS_LEAST_S = 0.04

MUSCLE_HZ = (20, 150)
MUSCLE_HIGHEST_OF_RATE = 0.45
MUSCLE_LEAST_RATE_HZ = 70
MUSCLE_TURN_S = (0.03, 0.07)
"""How long a burst lasts, and the time between two."""
MUSCLE_BETWEEN = 0.2
"""How strong the noise is between bursts: muscle is never silent."""
MUSCLE_LEAST_S = 0.04


@final
@dataclass(frozen=True)
class BaselineWander:
    """A slow drift of the baseline: sinusoids of 0.05 to 0.5 Hz, in each lead at phases of its own; 24 to 0 dB.

    It comes and goes over half a cell, or 1 s where that is less: a drift that came within 20 ms would be a jump.
    """

    rate_hz: float
    name: str = "baseline-wander"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample on a drifting baseline; the power of the drift is the level's in every cell."""
        cells = cells_of(grid, self.rate_hz, self.name, WANDER_LEAST_S, OTHERWISE)
        frequencies = rng.uniform(*WANDER_HZ, WANDER_SINES)
        phases = rng.uniform(0, 2 * np.pi, (len(sample), WANDER_SINES, 1))
        drift = np.cos(np.outer(2 * np.pi * frequencies, cells.seconds) + phases).sum(axis=1)
        drift = cells.of_unit_power(drift, cells.counts) * cells.window(WANDER_RAMP_S, share=0.5)
        return with_change(sample, drift * noise_rms(beat_height(sample, self.rate_hz), decibels(level)))


@Family
def baseline_wander(medium: Medium) -> list[BaselineWander]:
    """A slow drift of an ECG's baseline, 0.05 to 0.5 Hz, at 24 to 0 dB (natural; needs the sampling rate)."""
    return [BaselineWander(rate_of(medium, "baseline-wander"))]


@final
@dataclass(frozen=True)
class Powerline:
    """Mains hum within 0.2 Hz of 50 or 60 Hz, with harmonics up to the fifth that fall off as 1 / k^2; 30 to 6 dB.

    At 6 dB a sinusoid is half as high from peak to peak as the beats, the most that the literature gives; each level is
    twice the one below it.
    """

    rate_hz: float
    mains_hz: int
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def __post_init__(self) -> None:
        """Refuses a rate at which such a hum is not seen.

        Raises:
            InputError: the mains are not below half the sampling rate.
        """
        least = _least_rate(self.mains_hz)
        if self.rate_hz <= least:
            raise InputError(
                f"distortion {self.name!r} needs a sampling rate above {least:g} Hz, got {self.rate_hz:g} Hz, at which "
                "that hum is not seen. Leave it out."
            )

    @property
    def name(self) -> str:
        """`powerline-50` or `powerline-60`."""
        return f"powerline-{self.mains_hz}"

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one hum through all cells and leads, as high in a lead as its beats are."""
        cells = cells_of(grid, self.rate_hz, self.name, MAINS_LEAST_S, OTHERWISE)
        harmonics = np.arange(1, MAINS_HARMONICS + 1)
        frequencies = harmonics * (self.mains_hz + rng.uniform(-MAINS_OFF_HZ, MAINS_OFF_HZ))
        phases = rng.uniform(0, 2 * np.pi, (MAINS_HARMONICS, 1))
        amplitudes = np.where(frequencies < self.rate_hz / 2, 1 / harmonics**2, 0)
        hum = amplitudes @ np.cos(np.outer(2 * np.pi * frequencies, cells.seconds) + phases)
        hum *= cells.window() / np.sqrt(np.sum(amplitudes**2) / 2)
        below = decibels(level) + MAINS_STRONGEST_DB
        return with_change(sample, hum * noise_rms(beat_height(sample, self.rate_hz), below))


@Family
def powerline(medium: Medium) -> list[Powerline]:
    """Mains hum of 50 and of 60 Hz with harmonics, at 30 to 6 dB (natural; needs the sampling rate)."""
    rate_hz = rate_of(medium, "powerline")
    seen = [mains_hz for mains_hz in MAINS_HZ if rate_hz > _least_rate(mains_hz)]
    return [Powerline(rate_hz, mains_hz) for mains_hz in seen or MAINS_HZ]


def _least_rate(mains_hz: int) -> float:
    """Twice the highest that the mains come to: at such a rate or below they are not seen."""
    return 2 * (mains_hz + MAINS_OFF_HZ)


@final
@dataclass(frozen=True)
class Emg:
    """Muscle noise: Gaussian, 20 to 150 Hz (or 0.45 of the rate), in bursts of about 50 ms; 24 to 0 dB."""

    rate_hz: float
    name: str = "emg"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def __post_init__(self) -> None:
        """Refuses a rate that leaves muscle noise no band.

        Raises:
            InputError: it is below 70 Hz.
        """
        if self.rate_hz < MUSCLE_LEAST_RATE_HZ:
            raise InputError(
                f"distortion {self.name!r} needs a sampling rate of at least {MUSCLE_LEAST_RATE_HZ} Hz, got "
                f"{self.rate_hz:g} Hz: muscle noise lies above {MUSCLE_HZ[0]} Hz. Leave it out."
            )

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with each lead's own muscle noise, of the level's power in every cell; bursts in all leads."""
        cells = cells_of(grid, self.rate_hz, self.name, MUSCLE_LEAST_S, OTHERWISE)
        noise = self._in_band(self._bursts(cells.seconds, rng) * rng.standard_normal(sample.shape))
        noise = cells.of_unit_power(noise, cells.counts) * cells.window()
        return with_change(sample, noise * noise_rms(beat_height(sample, self.rate_hz), decibels(level)))

    def _bursts(self, seconds: Floats, rng: np.random.Generator) -> Floats:
        """(time,) 1 in bursts and less between them."""
        ends = np.cumsum(rng.uniform(*MUSCLE_TURN_S, int(seconds[-1] / MUSCLE_TURN_S[0]) + 2))
        return np.where((np.searchsorted(ends, seconds) + rng.integers(2)) % 2, 1.0, MUSCLE_BETWEEN)

    def _in_band(self, noise: Floats) -> Floats:
        frequencies = np.fft.rfftfreq(noise.shape[1], 1 / self.rate_hz)
        lowest, highest = MUSCLE_HZ
        inside = (frequencies >= lowest) & (frequencies <= min(highest, MUSCLE_HIGHEST_OF_RATE * self.rate_hz))
        return np.fft.irfft(np.fft.rfft(noise) * inside, noise.shape[1])


@Family
def emg(medium: Medium) -> list[Emg]:
    """Muscle noise of 20 to 150 Hz in bursts of 50 ms, at 24 to 0 dB (natural; needs the sampling rate)."""
    return [Emg(rate_of(medium, "emg"))]
