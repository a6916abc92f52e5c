"""Maps that know nothing of the victim: what any explanation has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.explain.field import field_of

__all__ = ["Centre", "Chance"]


@final
@dataclass(frozen=True)
class Chance:
    """A smooth random surface."""

    length: float = 0.1
    """How far it resembles itself, as a share of an axis."""
    name: str = "random"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """Nothing is asked."""
        grid = field_of(sample.shape[1:])
        return grid.spread(grid.surfaces(oracle.rng.standard_normal((1, grid.size)), self.length))[0]


@final
@dataclass(frozen=True)
class Centre:
    """A Gaussian in the middle of the extent: photographers and cardiologists centre what matters."""

    width: float = 0.25
    """Standard deviation, as a share of each axis."""
    name: str = "centre"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """Nothing is asked."""
        along = [((np.arange(n) + 0.5) / n - 0.5) / self.width for n in sample.shape[1:]]
        return np.exp(-0.5 * sum(one**2 for one in np.meshgrid(*along, indexing="ij")))
