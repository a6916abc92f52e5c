"""Leeway: by how much a sample may be changed, and what the victim makes of it; one margin at a time.

Questions go to the victim one by one, not as the batches that papers draw: what is asked after a flip would be paid
for and of no use. It costs no speed, since the questions of all samples under attack are pooled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from brinkmap.agents.distance import limits
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.transfer import unit
from brinkmap.run import Run

__all__ = ["Leeway"]


@dataclass(frozen=True)
class Leeway:
    """The changes of one sample that are allowed: within the victim's range, and the run's distances where it has any.

    Changes are float64 `(c, *extent)`, on samples scaled to 0..1. A value that is not changed keeps its bits.
    """

    oracle: Oracle
    sample: Array
    """(c, *extent) clean, in the victim's own units."""
    max_l2: float
    """Infinite where the run has no such bound."""
    max_linf: float
    """Likewise."""

    @classmethod
    def of(cls, oracle: Oracle, sample: Array, run: Run) -> Leeway:
        """What a run leaves one sample."""
        return cls(oracle, sample, *limits(oracle, run))

    @property
    def clean_margin(self) -> float:
        """In nats; paid for with the clean look."""
        return float(self.oracle.margins(self.oracle.answer[None])[0])

    @property
    def none(self) -> Floats:
        """No change at all."""
        return np.zeros(self.sample.shape)

    def project(self, change: Floats) -> Floats:
        """Clipped to the Linf bound, scaled to the L2 bound, then clipped to the range, which only shortens it."""
        change = np.clip(change, -self.max_linf, self.max_linf)
        length = float(np.linalg.norm(change))
        if length > self.max_l2:
            change = change * (self.max_l2 / length)
        low, high = self.oracle.bounds
        sample = self.sample.astype(np.float64)
        return np.clip(change, (low - sample) / (high - low), (high - sample) / (high - low))

    def steepest(self, slope: Floats) -> Floats:
        """The change of the bound's full size that goes farthest up a slope: along it in L2, its signs in Linf."""
        if math.isinf(self.max_linf):
            return self.max_l2 * unit(slope)
        return self.max_linf * np.sign(slope)

    def change_to(self, image: Array) -> Floats:
        """What an image differs from the sample by."""
        low, high = self.oracle.bounds
        return (image.astype(np.float64) - self.sample) / (high - low)

    def image(self, change: Floats) -> Array:
        """(c, *extent) float32, the changed sample in the victim's own units."""
        low, high = self.oracle.bounds
        return np.clip(self.sample + change * (high - low), low, high).astype(np.float32)

    def margin(self, change: Floats) -> float:
        """What the victim says of a change: its margin in nats, for one query.

        Raises:
            BudgetSpent: no query is left.
        """
        return float(self.oracle.margins(self.oracle.ask(self.image(change)[None]))[0])
