"""How sure a frugal plan is to be: bolder after one that held, and safer after one that failed."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Ints

__all__ = ["Safety"]

MORE, LESS = 1.5, 0.7
"""What it is multiplied with after a frugal plan that failed, and after one that held."""
LEAST, MOST = 0.05, 20.0
"""Nats between which it stays."""


@final
class Safety:
    """The nats wanted beyond the criterion, sample by sample.

    Args:
        slots: how many samples.
        first: nats to begin with.
    """

    def __init__(self, slots: int, first: float) -> None:
        self._first, self._nats = first, torch.zeros(slots)

    def begin(self, slots: Ints) -> None:
        """New samples are in these slots."""
        self._nats[slots] = self._first

    def of(self, slots: Ints) -> Tensor:
        """(n,) what the next plans are to have."""
        return self._nats[slots]

    def learn(self, slots: Ints, held: np.ndarray) -> None:
        """Whether proposals (n,) held."""
        factor = torch.from_numpy(np.where(held, LESS, MORE)).float()
        self._nats[slots] = (self._nats[slots] * factor).clamp(LEAST, MOST)
