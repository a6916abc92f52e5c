"""RL-CAM: an agent masks the most relevant region, takes masks back where they are not needed, coarse to fine.

After "RL-CAM: visual explanations for convolutional networks using reinforcement learning" (CVPR workshops 2023), of
which no code and no figure is public: the two actions, the Gaussian pyramid, patches tied to the receptive field and
the use of probabilities alone are theirs, the rest is ours. What is learned are action values: by how much hiding a
cell lowers the class's log odds, for each place in it. They begin with what hiding it alone does (or with its parent's,
one level up), and move towards what is seen each time it is acted on, in whatever state. Nothing is trained ahead.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.errors import BudgetSpent
from brinkmap.explain.asking import log_odds
from brinkmap.explain.field import owners
from brinkmap.explain.fills import Blurred, Fill, Flat, shown

__all__ = ["RLCam"]


PYRAMID: tuple[Fill, ...] = (Blurred(1 / 8), Blurred(1 / 4), Blurred(1 / 2), Flat())
"""What a mask may show, from fine to coarse."""


@final
@dataclass(frozen=True)
class RLCam:
    """Masks until the class is given up, then takes back whatever the decision does not need, level by level."""

    levels: tuple[int, ...] = (4, 8, 16, 32)
    """Cells along each axis, coarse to fine; the coarsest should be about as large as a receptive field."""
    learning_rate: float = 0.5
    name: str = "rl-cam"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """The values, with what is masked in the end above all else; None where no mask changed the decision."""
        masking = _Masking(oracle, sample, target, self.learning_rate)
        flipped = False
        with contextlib.suppress(BudgetSpent):
            if not masking.climb():
                return None
            for cells in self.levels:
                masking.descend(cells)
                flipped = flipped or masking.forward()
                if not flipped:
                    break
                masking.reverse()
        return masking.heat if flipped or masking.flipped else None


class _Masking:
    """One sample's mask, and the values of the present level's cells."""

    def __init__(self, oracle: Oracle, sample: Array, target: int, rate: float) -> None:
        self.oracle, self.sample, self.target, self.rate = oracle, sample, target, rate
        extent = sample.shape[1:]
        self.extent, self.flipped = extent, False
        self.hidden: np.ndarray = np.zeros(extent, bool)
        self.worth: Floats = np.zeros(extent)
        self.seen: list[Floats] = []
        self.clean_score = self.score = float(log_odds(oracle.answer[None], target)[0])

    @property
    def heat(self) -> Floats:
        """Values scaled to 0..1, and 1 more where the mask is."""
        worth = np.mean([*self.seen, self.worth], axis=0)
        return np.maximum(worth, 0) / max(float(worth.max()), np.finfo(float).tiny) * (1 + self.hidden)

    def climb(self) -> bool:
        """Up the pyramid, until what a mask shows is too coarse for the class; returns whether any level is."""
        for fill in PYRAMID:
            self.filled = fill(self.sample)
            if self._asked(np.ones((1, *self.extent), bool))[0].argmax() != self.target:
                return True
        return False

    def descend(self, cells: int) -> None:
        """To the next level: finer cells, each as valuable as its parent until it is acted on."""
        if np.any(self.worth):
            self.seen.append(self.worth.copy())
        self.owner = owners(self.extent, cells)
        if not self.seen:
            self._look_at_all(int(self.owner.max()) + 1)

    def forward(self) -> bool:
        """Mask the most valuable cell, again and again; returns whether the class was given up."""
        order = self._cells(~self.hidden, descending=True)
        for cell in order:
            here = self.owner == cell
            self._act(self.hidden | here, here)
            if self.flipped:
                return True
        return False

    def reverse(self) -> None:
        """Take back the least valuable masked cells, each only if the class is still given up without it."""
        for cell in self._cells(self.hidden, descending=False):
            here = (self.owner == cell) & self.hidden
            before, score = self.hidden, self.score
            self._act(self.hidden & ~here, here)
            if not self.flipped:
                self.hidden, self.score, self.flipped = before, score, True

    def _cells(self, where: np.ndarray, *, descending: bool) -> list[int]:
        cells = np.unique(self.owner[where])
        values = np.array([self.worth[self.owner == cell].mean() for cell in cells])
        order = np.argsort(-values if descending else values, kind="stable")
        return [int(cell) for cell in cells[order]]

    def _act(self, hidden: np.ndarray, changed: np.ndarray) -> None:
        """Put a mask to the victim; the changed cell's value moves towards what the change brought."""
        answers = self._asked(hidden[None])
        score = float(log_odds(answers, self.target)[0])
        brought = abs(score - self.score) if (score < self.score) == bool(hidden[changed].any()) else 0.0
        self.worth[changed] += self.rate * (brought / changed.sum() - self.worth[changed])
        self.hidden, self.score = hidden, score
        self.flipped = bool(answers[0].argmax() != self.target)

    def _look_at_all(self, cells: int) -> None:
        """The coarsest level's first values: each cell masked alone, as far as a third of the queries go."""
        few = self.oracle.rng.permutation(cells)[: max(self.oracle.remaining // 3, 1)]
        answers = self._asked(np.stack([self.owner == cell for cell in few]))
        for cell, score in zip(few, log_odds(answers, self.target), strict=True):
            here = self.owner == cell
            self.worth[here] = (self.clean_score - score) / here.sum()

    def _asked(self, hidden: np.ndarray) -> Array:
        return self.oracle.probe(shown(self.sample, self.filled, hidden.astype(np.float64)))
