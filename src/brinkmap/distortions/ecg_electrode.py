"""What a badly held electrode does for part of a second: it moves, it pops, it comes off.

Each happens once in every cell, within a stretch of at least 100 ms, so cells have to be that long. Durations and
heights follow the list of contaminants in Clifford, Azuaje & McSharry 2006, Advanced Methods and Tools for ECG Data
Analysis, section 3.6.1, after Friesen et al. 1990, doi:10.1109/10.43620.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.distortions.ecg_scale import baseline, beat_height, decibels, noise_rms, rate_of
from brinkmap.distortions.protocol import Family, Medium
from brinkmap.distortions.taper import Cells, cells_of, raised_cosine, with_change

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = [
    "ElectrodeFlat",
    "ElectrodePop",
    "ElectrodeRail",
    "MotionArtifact",
    "electrode_detachment",
    "electrode_pop",
    "motion_artifact",
]

LEAST_S = 0.1

BUMP_LONGEST_S = 0.5
BUMP_SWINGS = 4
"""Cosines in a bump's shape: of 0, 1, 2 and 3 half periods."""
BUMP_LEAN = 0.7
"""How much the others weigh, in standard deviations, beside the first."""
BUMP_FASTEST_HZ = 4.0
"""Where the weight of a cosine has fallen to 1 / e; the bump's own rise and fall add to that."""

POP_RISE_S = 0.01
POP_DECAY_S = (0.1, 0.3)

CONTACT_LONGEST_S = 1.0
CONTACT_RAMP_S = (0.01, 0.02)


@final
@dataclass(frozen=True)
class MotionArtifact:
    """An electrode is pulled: one smooth bump of 100 to 500 ms, up to about 10 Hz; 24 to 0 dB within the bump.

    Its place and shape are random, and whether it goes up or down in a lead. It can mimic a beat, which is why it
    troubles ECG analysers most (nst(1), "Noise records").
    """

    rate_hz: float
    name: str = "motion-artifact"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one bump in every cell, at the same time in all leads."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, "take bare-motion, which may be shorter")
        bumps = self._bumps(cells, rng) * _signs(len(sample), cells, rng)
        return with_change(sample, bumps * noise_rms(beat_height(sample, self.rate_hz), decibels(level)))

    def _bumps(self, cells: Cells, rng: np.random.Generator) -> Floats:
        """(1, time) one in each cell, of mean square 1 while it lasts."""
        at = cells.stretches(LEAST_S, BUMP_LONGEST_S, rng)
        lasts = np.maximum(at.lasts, 1 / self.rate_hz)
        half_periods = np.arange(BUMP_SWINGS)[:, None]
        weights = BUMP_LEAN * rng.standard_normal((BUMP_SWINGS, len(lasts)))
        weights[0] = 1
        weights *= np.exp(-((half_periods / (2 * lasts * BUMP_FASTEST_HZ)) ** 2))
        along = np.clip((cells.into - cells.per_value(at.begins)) / cells.per_value(lasts), 0, 1)
        swing = (cells.per_value(weights) * np.cos(np.pi * half_periods * along)).sum(axis=0)
        bumps = (np.sin(np.pi * along) ** 2 * swing * cells.long_enough)[None]
        return cells.of_unit_power(bumps, lasts * self.rate_hz)


@Family
def motion_artifact(medium: Medium) -> list[MotionArtifact]:
    """An electrode is pulled: a smooth bump of 100 to 500 ms, at 24 to 0 dB (natural; needs the sampling rate)."""
    return [MotionArtifact(rate_of(medium, "motion-artifact"))]


@final
@dataclass(frozen=True)
class ElectrodePop:
    """Contact is lost for a moment: a jump within 10 ms that decays with a time constant of 0.1 to 0.3 s.

    The jump is 1/16, 1/8, 1/4, 1/2 and all of the height of the beats (24 to 0 dB below it), up or down in each lead,
    and it has decayed when the cell ends.
    """

    rate_hz: float
    name: str = "electrode-pop"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one pop in every cell, at least 100 ms before its end, at the same time in all leads."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, "leave it out")
        pops = self._pops(cells, rng) * _signs(len(sample), cells, rng)
        return with_change(sample, pops * beat_height(sample, self.rate_hz) * 10 ** (-decibels(level) / 20))

    def _pops(self, cells: Cells, rng: np.random.Generator) -> Floats:
        """(1, time) one in each cell, from 0 to 1 and back to 0."""
        begins = rng.random(len(cells.lasts)) * np.maximum(cells.lasts - LEAST_S, 0)
        decays = rng.uniform(*POP_DECAY_S, len(cells.lasts))
        since = cells.into - cells.per_value(begins)
        left = np.exp(-np.maximum(since, 0) / cells.per_value(decays))
        left -= cells.per_value(np.exp(-(cells.lasts - begins) / decays))
        pops = (raised_cosine(since, POP_RISE_S) * left * cells.long_enough)[None]
        return pops / cells.per_value(np.maximum(cells.peaks(pops), np.finfo(float).tiny))


@Family
def electrode_pop(medium: Medium) -> list[ElectrodePop]:
    """Contact is lost for a moment: a jump and its decay in 0.1 to 0.3 s (natural; needs the sampling rate)."""
    return [ElectrodePop(rate_of(medium, "electrode-pop"))]


@final
@dataclass(frozen=True)
class ElectrodeFlat:
    """An electrode comes off: all leads sink to their baselines for 100 to 1000 ms; 20 to 100 % of the way.

    The ramps take 10 to 20 ms. `lead-dropout` loses one lead, and for the whole cell.
    """

    rate_hz: float
    name: str = "electrode-flat"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one stretch in every cell flat, or nearly, at the median of the lead."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, "take bare-detached, which may be shorter")
        return with_change(sample, _lost(cells, rng) * (level / self.levels) * (baseline(sample) - sample))


@final
@dataclass(frozen=True)
class ElectrodeRail:
    """An electrode comes off and the amplifier saturates for 100 to 1000 ms; 20 to 100 % of the way.

    Its rails lie one height of the beats above and below the baseline, or at the victim's bounds if these are nearer.
    """

    rate_hz: float
    name: str = "electrode-rail"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one stretch in every cell pulled to a rail, the upper or the lower in each lead."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, "take bare-detached, which may be shorter")
        lost = _lost(cells, rng) * (level / self.levels)
        height = beat_height(sample, self.rate_hz) * _signs(len(sample), cells, rng)
        return with_change(sample, lost * (np.clip(baseline(sample) + height, 0, 1) - sample))


@Family
def electrode_detachment(medium: Medium) -> list[ElectrodeFlat | ElectrodeRail]:
    """An electrode comes off for 0.1 to 1 s, to a flat line or to saturation (natural; needs the sampling rate)."""
    rate_hz = rate_of(medium, "electrode-detachment")
    return [ElectrodeFlat(rate_hz), ElectrodeRail(rate_hz)]


def _lost(cells: Cells, rng: np.random.Generator) -> Floats:
    """(time,) how far contact is lost: 1 within one stretch of each cell, 0 outside."""
    at = cells.stretches(LEAST_S, CONTACT_LONGEST_S, rng)
    ramps = rng.uniform(*CONTACT_RAMP_S, len(at.lasts))
    since = cells.into - cells.per_value(at.begins)
    to_edge = np.minimum(since, cells.per_value(at.lasts) - since)
    return raised_cosine(to_edge, cells.per_value(ramps)) * cells.long_enough


def _signs(leads: int, cells: Cells, rng: np.random.Generator) -> Floats:
    """(leads, time) -1 or 1 for each lead and cell."""
    return cells.per_value(np.where(rng.random((leads, len(cells.counts))) < 0.5, -1.0, 1.0))
