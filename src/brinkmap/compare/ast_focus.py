"""AstFocus: gradients of the margin along noise in a few frames and one window, chosen by what paid before.

Source: Wei et al. 2023, arXiv:2301.00896, written from the paper: one agent chooses frames, another a window of the
picture, and NES looks only there; both are rewarded with how far the margin fell. What is ours: each agent is a table
of preferences for this one clip, moved by policy gradient (REINFORCE with a running baseline), where the paper has two
networks trained with PPO on features of the clip; steps and bound are those of `nes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import check_one_bound, check_unrounded
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.gradient_free import estimate, stride_at
from brinkmap.compare.leeway import Leeway

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["AstFocusAttack", "Focus"]

RATE = 0.5
"""Of the preferences, in units of a standardised reward."""
KEPT = 0.7
"""Of the running mean and variance of rewards, at each step."""


@final
@dataclass(frozen=True)
class AstFocusAttack:
    """AstFocus: NES within frames and a window that are chosen by what paid before; owns its loop, unnatural."""

    pairs: int = 5
    """Directions a step, each looked along both ways; 30 in the paper."""
    stride: float = 0.06
    """As for `nes`."""
    sigma: float = 0.001
    places: int = 7
    """Windows along each side of the picture, as in the paper; fewer on small pictures."""
    window: float = 0.5
    """Side of a window as a share of the picture's."""
    needs_scores: bool = True
    ranks: tuple[int, ...] = (3,)

    def check(self, run: Run) -> None:
        """As for NES.

        Raises:
            InputError: no bound or two of them, or samples are rounded before the victim sees them.
        """
        check_one_bound("ast-focus", run)
        check_unrounded("ast-focus", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Descend until the criterion is met or the budget is spent."""
        leeway, focus = Leeway.of(oracle, sample, run), Focus(sample.shape, self.places, self.window)
        change, margin, stride = leeway.none, leeway.clean_margin, stride_at(run.budget, self.stride)
        while margin >= 0:
            drawn = partial(_normal_within, sample.shape, focus.draw(oracle.rng))
            gradient = estimate(leeway, change, self.pairs, self.sigma, drawn)
            change = leeway.project(change - stride * leeway.steepest(gradient))
            before, margin = margin, leeway.margin(change)
            focus.reward(before - margin)


class Focus:
    """Where to look: a preference for each frame and for each window, and how they are learned.

    Args:
        shape: (c, frames, height, width).
        places: windows along each side.
        window: side of one, as a share.
    """

    def __init__(self, shape: tuple[int, ...], places: int, window: float) -> None:
        _, self._frames, *picture = shape
        self._sides = [max(1, round(window * n)) for n in picture]
        self._corners = [
            np.unique(np.linspace(0, n - side, places).round().astype(int))
            for n, side in zip(picture, self._sides, strict=True)
        ]
        self._picture = tuple(picture)
        self.temporal = np.zeros(self._frames)
        self.spatial = np.zeros(tuple(map(len, self._corners)))
        self._mean, self._square = 0.0, 0.0

    def draw(self, rng: np.random.Generator) -> Floats:
        """(1, frames, height, width) 1 in the frames and the window that are chosen, 0 elsewhere."""
        self._share = 1 / (1 + np.exp(-self.temporal))
        self._taken = rng.random(self._frames) < self._share
        if not self._taken.any():
            self._taken[int(rng.integers(self._frames))] = True
        odds = np.exp(self.spatial - self.spatial.max())
        self._odds = odds / odds.sum()
        self._place = np.unravel_index(int(rng.choice(odds.size, p=self._odds.ravel())), odds.shape)
        mask = np.zeros((1, self._frames, *self._picture))
        rows, columns = (
            slice(own[at], own[at] + side)
            for own, at, side in zip(self._corners, self._place, self._sides, strict=True)
        )
        mask[:, self._taken, rows, columns] = 1
        return mask

    def reward(self, fall: float) -> None:
        """Move both preferences up the gradient of the choice's probability, by how much better it did than usual."""
        spread = np.sqrt(max(self._square - self._mean**2, 0.0))
        advantage = float(np.clip((fall - self._mean) / (spread + 1e-6 + abs(self._mean)), -1, 1))
        self._mean = KEPT * self._mean + (1 - KEPT) * fall
        self._square = KEPT * self._square + (1 - KEPT) * fall**2
        self.temporal += RATE * advantage * (self._taken - self._share)
        self.spatial -= RATE * advantage * self._odds
        self.spatial[self._place] += RATE * advantage


def _normal_within(shape: tuple[int, ...], mask: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(mask * rng.standard_normal(shape))
