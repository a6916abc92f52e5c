"""Which class the next plan is made towards."""

from __future__ import annotations

from typing import final

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.objective import log_probabilities

__all__ = ["ANY", "Aims"]

ANY = -1
"""Towards whichever other class is nearest."""
FREE = 2
"""Plans that are made towards any class, before single ones are tried: most samples have flipped by then."""
LEAST_LEAD = 1e-3
"""Nats that a lead counts as at least."""


@final
class Aims:
    """Towards any class at first; then towards single ones, each as often as it is near.

    A model that is wrong about one class's direction may be right about another's; with any class wanted, every plan of
    a sample ends with the same one. A class is as near as the smallest lead over it that any answer has shown, and the
    next aim is the one of the least lead times tries: so tries are shared out as one over the leads.

    Args:
        slots: how many samples are held.
        classes: of the victim; 0 where nothing but any class will do.

    Source of the idea: Gowal et al. 2019, arXiv:1910.09338, where all other classes are attacked one by one.
    """

    def __init__(self, slots: int, classes: int) -> None:
        self._leads = np.full((slots, classes), np.inf)
        self._tries = np.zeros((slots, classes + 1), np.int64)  # the last is ANY
        self._own = np.zeros(slots, np.int64)

    def begin(self, slots: Ints, answers: Array, own: Ints) -> None:
        """New samples are in these slots.

        Args:
            slots: (n,).
            answers: (n, classes) to the clean samples.
            own: (n,) the classes to be left.
        """
        self._own[slots], self._tries[slots], self._leads[slots] = own, 0, np.inf
        self.learn(slots, answers)

    def learn(self, slots: Ints, answers: Array) -> None:
        """Take note of how near the classes were in answers (n, classes), one a slot."""
        if not self._leads.shape[1]:
            return
        logs, rows = log_probabilities(answers).astype(np.float64), np.arange(len(slots))
        leads = np.maximum(logs[rows, self._own[slots]][:, None] - logs, LEAST_LEAD)
        leads[rows, self._own[slots]] = np.inf
        self._leads[slots] = np.minimum(self._leads[slots], leads)

    def next(self, slots: Ints) -> Ints:
        """(n,) the classes that the next plans of these samples are made towards, or ANY."""
        if not self._leads.shape[1]:
            return np.full(len(slots), ANY)
        leads, tries = self._leads[slots], self._tries[slots]
        last, leads = leads.shape[1], np.concatenate([leads, leads.min(axis=1, keepdims=True)], axis=1)
        aim = np.where(tries.sum(axis=1) < FREE, last, np.argmin(leads * (tries + 1), axis=1))
        self._tries[slots, aim] += 1
        return np.where(aim == last, ANY, aim)
