"""What makes an ECG larger or smaller about its baseline: breathing, and a lead that drops out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.ecg_scale import baseline, rate_of
from brinkmap.distortions.protocol import Family, Medium
from brinkmap.distortions.taper import cells_of, with_change

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["LeadDropout", "Respiration", "lead_dropout", "respiration"]

BREATHS_HZ = (0.15, 0.3)
DEEPEST = 0.15
LEAST_S = 0.04
OTHERWISE = "leave it out"


@final
@dataclass(frozen=True)
class Respiration:
    """Breathing turns the heart's axis: beats grow and shrink at 0.15 to 0.3 Hz, by 3, 6, 9, 12 and 15 %.

    Each cell holds a moment of fullest or of emptiest breath, so that none is left as it was.

    Source: rates and the 15 % as for the drift by respiration in Clifford, Azuaje & McSharry 2006, section 3.6.1.
    """

    rate_hz: float
    name: str = "respiration"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with its distance from each lead's median made larger and smaller, in all leads alike."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, OTHERWISE)
        frequency = rng.uniform(*BREATHS_HZ)
        fullest = rng.random(len(cells.lasts)) * cells.lasts
        signs = np.where(rng.random(len(cells.lasts)) < 0.5, -1.0, 1.0)
        breath = np.cos(2 * np.pi * frequency * (cells.into - cells.per_value(fullest))) * cells.per_value(signs)
        gain = DEEPEST * level / self.levels * breath * cells.window()
        return with_change(sample, gain * (sample - baseline(sample)))


@Family
def respiration(medium: Medium) -> list[Respiration]:
    """Beats grow and shrink with breathing, by 3 to 15 % (natural; needs the sampling rate)."""
    return [Respiration(rate_of(medium, "respiration"))]


@final
@dataclass(frozen=True)
class LeadDropout:
    """One lead, another in each cell, fades to its baseline for the whole cell; 20 to 100 % of the way.

    A cable or a channel fails, and the other leads do not see it; with one lead it is always that one. When an
    electrode comes off (`electrode-flat`), all leads are lost, and for a part of the cell.
    """

    rate_hz: float
    name: str = "lead-dropout"
    levels: int = 5
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one lead in every cell flat, or nearly, at its median."""
        cells = cells_of(grid, self.rate_hz, self.name, LEAST_S, OTHERWISE)
        lost = rng.integers(len(sample), size=len(cells.lasts))
        share = (np.arange(len(sample))[:, None] == lost[cells.of]) * cells.window() * (level / self.levels)
        return with_change(sample, share * (baseline(sample) - sample))


@Family
def lead_dropout(medium: Medium) -> list[LeadDropout]:
    """One lead fades to its baseline for the whole cell (natural; needs the sampling rate)."""
    return [LeadDropout(rate_of(medium, "lead-dropout"))]
