"""Square attack: random square-shaped updates at the full distance, the model-free peer that every agent must beat.

Source: Andriushchenko et al. 2020, arXiv:1912.00049, algorithms 1 to 3; the schedule of the square's size is
stretched to the budget. Written from the paper, for samples of any rank: a square is a box with equal sides.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import ROUNDING, check_one_bound
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["SquareAttack"]

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Iterations out of 10,000 at which the square's share of the sample is halved (section 4.1 of the paper)."""


@final
@dataclass(frozen=True)
class SquareAttack:
    """Square attack under an L2 or a Linf bound, with its schedule set to the budget; owns its loop, unnatural."""

    share: float = 0.8
    """Share of the sample that the first squares cover: .8 as in AutoAttack; the paper has .1 (L2) and .05 (Linf)."""
    needs_scores: bool = True

    def check(self, run: Run) -> None:
        """That there is a distance to search at.

        Raises:
            InputError: not exactly one of `max_l2` and `max_linf` is given.
        """
        check_one_bound("square", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Search until the criterion is met or the budget is spent."""
        low, high = oracle.bounds
        clean = (sample.astype(np.float64) - low) / (high - low)
        radius = (oracle.max_l2 or run.max_linf or 0.0) * (1 - ROUNDING)
        norm = _L2(clean, radius, oracle.rng) if run.max_linf is None else _Linf(clean, radius, oracle.rng)
        best, margin = norm.start(), np.inf
        proposal = best
        for step in itertools.count():  # until the oracle raises BudgetSpent
            answer = oracle.ask((proposal * (high - low) + low).astype(np.float32)[None])
            now = float(oracle.margins(answer)[0])
            if now < margin:
                best, margin = proposal, now
            side = _side(self._share_at(step, run.budget), clean.shape)
            proposal = norm.step(best, side)

    def _share_at(self, step: int, budget: int) -> float:
        scaled = step * 10_000 / budget
        return self.share / 2 ** sum(scaled > moment for moment in HALVINGS)


def _side(share: float, shape: tuple[int, ...]) -> int:
    """The odd side, at least 3, of a box that covers this share of the extent; less where an axis is shorter."""
    extent = shape[1:]
    side = max(3, round((share * math.prod(extent)) ** (1 / len(extent))))
    return min(side + 1 - side % 2, *extent)


def _box(side: int, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, ...]:
    corner = [int(rng.integers(0, n - side + 1)) for n in shape[1:]]
    return (slice(None), *(slice(i, i + side) for i in corner))


@dataclass
class _Linf:
    """Algorithm 2: a box takes plus or minus the radius in each channel."""

    clean: np.ndarray
    radius: float
    rng: np.random.Generator

    def start(self) -> np.ndarray:
        """Stripes along all axes but the last."""
        shape = self.clean.shape
        stripes = self.radius * _signs(self.rng, (shape[0], *[1] * (len(shape) - 2), shape[-1]))
        return np.clip(self.clean + stripes, 0, 1)

    def step(self, best: np.ndarray, side: int) -> np.ndarray:
        """The best so far with one box set to plus or minus the radius."""
        box = _box(side, self.clean.shape, self.rng)
        offsets = self.radius * _signs(self.rng, (len(best), *[1] * (best.ndim - 1)))
        proposal = best.copy()
        proposal[box] = np.clip(self.clean[box] + offsets, 0, 1)
        return proposal


@dataclass
class _L2:
    """Algorithm 3: what a second box holds is moved into the first, shaped as two opposed pyramids."""

    clean: np.ndarray
    radius: float
    rng: np.random.Generator

    def start(self) -> np.ndarray:
        """A tiling of pyramids with random signs, scaled to the radius."""
        shape, change = self.clean.shape, np.zeros_like(self.clean)
        side = max(1, max(shape[1:]) // 5)
        tiles = np.ndindex(*(-(-n // side) for n in shape[1:]))
        for tile in tiles:
            box = (slice(None), *(slice(i * side, i * side + side) for i in tile))
            part = change[box]
            change[box] = (
                self._random_signs() * _opposed(side, len(shape) - 1, self.rng)[tuple(map(slice, part.shape[1:]))]
            )
        return self._project(change)

    def step(self, best: np.ndarray, side: int) -> np.ndarray:
        """The best so far with what two boxes hold, and what is unused, gathered in the first of them."""
        change = best - self.clean
        first, second = (_box(side, self.clean.shape, self.rng) for _ in range(2))
        axes = tuple(range(1, change.ndim))
        covered = np.zeros(change.shape[1:], bool)
        covered[first[1:]] = covered[second[1:]] = True
        unused = max(0.0, self.radius**2 - float(np.sum(change**2)))
        available = np.sqrt(np.sum(change**2 * covered, axis=axes, keepdims=True) + unused / len(change))
        length = np.sqrt(np.sum(change[first] ** 2, axis=axes, keepdims=True))
        direction = self._random_signs() * _opposed(side, change.ndim - 1, self.rng) + change[first] / (length + 1e-10)
        direction /= np.sqrt(np.sum(direction**2, axis=axes, keepdims=True)) + 1e-10
        change = change.copy()
        change[second] = 0
        change[first] = direction * available
        return self._project(change)

    def _random_signs(self) -> np.ndarray:
        return _signs(self.rng, (len(self.clean), *[1] * (self.clean.ndim - 1)))

    def _project(self, change: np.ndarray) -> np.ndarray:
        """Scaled to the radius, then clipped: clipping only brings a sample nearer to the clean one."""
        return np.clip(self.clean + change * (self.radius / (np.sqrt(np.sum(change**2)) + 1e-10)), 0, 1)


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 2, shape) * 2.0 - 1.0


def _opposed(side: int, rank: int, rng: np.random.Generator) -> np.ndarray:
    """Two pyramids side by side, one up and one down, along a random axis; unit length."""
    return _opposed_along(side, rank, int(rng.integers(rank)))


@functools.cache
def _opposed_along(side: int, rank: int, axis: int) -> np.ndarray:
    halves = [_pyramid((*[side] * axis, n, *[side] * (rank - axis - 1))) for n in (side // 2, side - side // 2)]
    eta = np.concatenate([halves[0], -halves[1]], axis=axis)
    return eta / np.linalg.norm(eta)


def _pyramid(shape: tuple[int, ...]) -> np.ndarray:
    """Nested boxes around the middle, the one reaching k steps from it weighing 1 / (k + 1) squared; unit length."""
    if not all(shape):
        return np.zeros(shape)
    distances = np.meshgrid(*(np.abs(np.arange(n) - n // 2) for n in shape), indexing="ij")
    weights = 1.0 / np.arange(1, max(shape) // 2 + 2) ** 2
    reached = np.cumsum(weights[::-1])[::-1]
    pyramid = reached[np.maximum.reduce(distances)]
    return pyramid / np.linalg.norm(pyramid)
