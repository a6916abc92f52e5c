"""Cards: every (distortion, level) in order, and the plans written with them.

Inside the engine a cell holds one code: 0 for none, k for the k-th card. Outside, a plan is `(cells, 2)`: the
distortion's position in the arsenal and the level, both 0 where the cell is clean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brinkmap.arrays import Ints
from brinkmap.distortions.protocol import Distortion

__all__ = ["Cards"]


@dataclass(frozen=True)
class Cards:
    """The (distortion, level) pairs of an arsenal: all levels of the first distortion, then of the second, ..."""

    distortions: tuple[Distortion, ...]

    def __len__(self) -> int:
        """How many cards there are; codes run from 1 to this."""
        return len(self.pairs) - 1

    @cached_property
    def pairs(self) -> Ints:
        """(cards + 1, 2) the plan entry of each code: distortion and level; row 0 is none."""
        rows = [(0, 0)]
        rows += [(d, level) for d, one in enumerate(self.distortions) for level in range(1, one.levels + 1)]
        return np.array(rows, np.int16)

    @cached_property
    def first_of(self) -> Ints:
        """(distortions,) the code of each distortion's level 1."""
        return np.cumsum([1, *self.levels[:-1]])

    @cached_property
    def levels(self) -> Ints:
        """(distortions,) how many levels each distortion has."""
        return np.array([one.levels for one in self.distortions])

    def plan(self, codes: Ints) -> Ints:
        """Codes `(..., cells)` as a plan `(..., cells, 2)`."""
        return self.pairs[codes]

    def codes(self, plan: Ints) -> Ints:
        """A plan `(..., cells, 2)` as codes `(..., cells)`."""
        plan = np.asarray(plan)
        codes = self.first_of[plan[..., 0]] + plan[..., 1] - 1
        return np.where(plan[..., 1] > 0, codes, 0).astype(np.int16)

    def card(self, code: int) -> tuple[Distortion, int]:
        """The distortion and the level of a code from 1 on."""
        distortion, level = self.pairs[code]
        return self.distortions[distortion], int(level)

    def weaker(self, codes: Sequence[int] | Ints) -> Ints:
        """The same distortion one level down, for each code; 0 where it was at level 1 or none."""
        codes = np.asarray(codes)
        return np.where(self.pairs[codes][..., 1] > 1, codes - 1, 0).astype(np.int16)
