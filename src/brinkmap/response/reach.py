"""How far a plan may go, and where a frugal one begins."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Floats, Ints
from brinkmap.plan import Canvas

__all__ = ["Reach", "first_l2"]

FIRST_RMS = 0.018
"""Change a value, root mean square, of what is asked first where no bound is set."""
SHRINK, ROOM = 0.85, 0.98
"""Shares of the incumbent's distance that refining tries first, and that a refined plan has at most."""
GROW = 1.2
"""Of the incumbent's distance, where a frugal plan tries first as long as nothing has flipped."""
FURTHER, FIRST_FURTHER = 1.5, 3.0
"""Where no bound is set, how far a plan goes beyond the incumbent at most, and the first beyond where it begins: a
model that has just been wrong would send the next plan much too far."""
LOOSER = 1.1
"""What that is multiplied with for every plan in a row that failed: at the same distance the next may fail as well."""


def first_l2(canvas: Canvas) -> float:
    """The distance of what is asked first where no bound is set."""
    return float(FIRST_RMS * canvas.size**0.5)


@final
class Reach:
    """The distances between which the next plans of each sample are looked for.

    Args:
        slots: how many samples.
        first: the distance that a frugal plan tries first where there is no incumbent.
    """

    def __init__(self, slots: int, first: float) -> None:
        self._first = first
        self._max_l2, self._failed = torch.zeros(slots), torch.zeros(slots)

    def begin(self, slots: Ints, max_l2: Floats) -> None:
        """New samples with these bounds (n,) are in these slots; infinite for none."""
        self._max_l2[slots], self._failed[slots] = torch.from_numpy(max_l2).float(), 0

    def bounded(self, slots: Ints) -> Tensor:
        """(n,) bool: which have a bound."""
        return self._max_l2[slots].isfinite()

    def of(self, slots: Ints, l2: Tensor, refining: Tensor) -> tuple[Tensor, Tensor]:
        """How far plans may go, (n,), and where frugal ones begin, (n,).

        Args:
            slots: (n,).
            l2: (n,) of the incumbents.
            refining: (n,) bool, whether distortion is taken away again.
        """
        none_yet, bound = l2 == 0, self._max_l2[slots]
        free = torch.where(none_yet, self._first * FIRST_FURTHER, l2 * FURTHER) * LOOSER ** self._failed[slots]
        most = torch.where(refining, l2 * ROOM, torch.where(bound.isinf(), free, bound))
        begin = torch.where(refining, l2 * SHRINK, torch.where(none_yet, self._first, l2 * GROW))
        return most, torch.minimum(begin, most)

    def learn(self, slots: Ints, held: np.ndarray) -> None:
        """Whether proposals (n,) held."""
        self._failed[slots] = torch.where(torch.from_numpy(held), 0, self._failed[slots] + 1)
