"""Which class the next plan is made towards."""

from __future__ import annotations

from typing import final

import numpy as np

from brinkmap.arrays import Array, Ints

__all__ = ["ANY", "Aims"]

ANY = -1
"""Towards whichever other class is nearest."""
FREE = 2
"""Plans that are made towards any class, before others are tried in turn: most samples have flipped by then."""


@final
class Aims:
    """Towards any class at first, and from then on towards the likeliest others in turn, and any again.

    A model that is wrong about one class's direction may be right about another's; with any class wanted, every plan of
    a sample ends with the same one.

    Args:
        slots: how many samples are held.
        count: other classes that are tried; 0 for none.

    Source of the idea: Gowal et al. 2019, arXiv:1910.09338, where all other classes are attacked one by one.
    """

    def __init__(self, slots: int, count: int) -> None:
        self._rivals, self._plans = np.zeros((slots, count), np.int64), np.zeros(slots, np.int64)

    def begin(self, slots: Ints, answers: Array, own: Ints) -> None:
        """New samples are in these slots.

        Args:
            slots: (n,).
            answers: (n, classes) to the clean samples.
            own: (n,) the classes to be left.
        """
        others = answers.astype(np.float64)
        others[np.arange(len(slots)), own] = -np.inf
        self._rivals[slots] = np.argsort(-others, axis=1, kind="stable")[:, : self._rivals.shape[1]]
        self._plans[slots] = 0

    def next(self, slots: Ints) -> Ints:
        """(n,) the classes that the next plans of these samples are made towards, or ANY."""
        turn = np.maximum(self._plans[slots] - FREE, 0) % (self._rivals.shape[1] + 1)
        self._plans[slots] += 1
        return np.where(turn > 0, self._rivals[slots, turn - 1], ANY) if self._rivals.size else np.full(len(slots), ANY)
