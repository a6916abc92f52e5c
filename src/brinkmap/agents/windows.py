"""Proposals that need no model: what a box of the sample holds is gathered in another, coarse boxes before fine.

The move is that of the Square attack (arXiv:1912.00049, algorithm 3) at half its pace, with sine waves for pyramids,
and with one thing it lacks: a move that raised the margin by more than moves usually do is tried the other way round.
"""

from __future__ import annotations

import math
from typing import final

import numpy as np

from brinkmap.agents.square import HALVINGS
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.plan import Canvas

__all__ = ["Windows"]

COARSEST = 0.8
"""Share of the extent that the first boxes cover."""
PACE = 0.5
"""Of the halvings of Square's boxes: smaller steps pay less than they do there, because cards are coarse."""
NARROWEST = 3
"""Values along an axis of the smallest box, where the axis has as many."""
TILES = 5
"""Along the longest axis of the first proposal."""
TELLING = 1.5
"""A rise of the margin that is worth turning round, in mean changes of that sample's margin."""
REMEMBERED = 0.8
"""Of the mean change, one answer later."""
FINEST_BOXES = 6.0
"""Halvings of the share that boxes of one card may cover at the end of the budget."""
TINY = 1e-12


@final
class Windows:
    """Moves for samples in slots, each remembering its sample's last.

    Args:
        canvas: shape, grid and cards.
        slots: how many samples are held.
    """

    def __init__(self, canvas: Canvas, slots: int) -> None:
        self._canvas = canvas
        self._last = np.zeros((slots, canvas.size), np.float32)
        self._turned, self._turn = np.zeros((2, slots), bool)
        self._usual = np.zeros(slots)

    def begin(self, slots: Ints) -> None:
        """Forget what these slots held."""
        self._turned[slots] = self._turn[slots] = False
        self._usual[slots] = 0

    def turning(self, slots: Ints) -> np.ndarray:
        """(n,) bool: the next move is the last one the other way round."""
        return self._turn[slots]

    def direction(self, slot: int, change: Array, l2: float, progress: float, rng: np.random.Generator) -> Array:
        """Where to go from the incumbent, at the full distance.

        Args:
            slot: which.
            change: (values,) what the incumbent adds to the sample.
            l2: the bound.
            progress: share of the budget that is spent.
            rng: the sample's.

        Returns:
            (values,) of unit length.
        """
        turned = self._turned[slot] = self._turn[slot]
        self._turn[slot] = False
        if turned:
            return _unit(2 * change - self._last[slot])
        return self.move(change, l2, progress, rng)

    def move(self, change: Array, l2: float, progress: float, rng: np.random.Generator) -> Array:
        """A new move, whatever the last one was; arguments and result as for `direction`."""
        if not change.any():
            return _unit(self._tiling(rng))
        held = change.reshape(self._canvas.shape).astype(np.float64)
        share = COARSEST / 2 ** sum(PACE * progress * 10_000 > moment for moment in HALVINGS)
        first, second = (self._box(share, rng) for _ in range(2))
        covered = np.zeros(held.shape[1:], bool)
        covered[first] = covered[second] = True
        axes = tuple(range(1, held.ndim))
        unused = max(0.0, l2**2 - float(np.sum(held**2)))
        energy = np.sum(held**2 * covered, axis=axes, keepdims=True) + unused / len(held)
        inside = held[(slice(None), *first)]
        wave = _wave(inside.shape[1:], rng) * _signs(rng, held)
        wave += inside / (np.sqrt(np.sum(inside**2, axis=axes, keepdims=True)) + 1e-10)
        wave *= np.sqrt(energy) / (np.sqrt(np.sum(wave**2, axis=axes, keepdims=True)) + TINY)
        moved = held.copy()
        moved[(slice(None), *second)] = 0
        moved[(slice(None), *first)] = wave
        return _unit(moved)

    def boxed(self, progress: float, rng: np.random.Generator) -> Ints:
        """(cells,) codes of one random card in a random box of cells, 0 elsewhere: for samples without a bound."""
        [counts] = self._canvas.grid.counts
        cards = self._canvas.cards
        halvings = rng.uniform(0, 1 + FINEST_BOXES * progress)
        kind = int(rng.integers(len(cards.levels)))
        level = int(rng.integers(cards.levels[kind]))
        codes = np.zeros(counts, np.int64)
        codes[_corner_box([max(1, round(n * 2 ** (-halvings / len(counts)))) for n in counts], counts, rng)] = (
            cards.first_of[kind] + level
        )
        return codes.ravel()

    def learn(self, slots: Ints, changes: Array, rises: Floats, accepted: np.ndarray) -> None:
        """What moves have brought.

        Args:
            slots: (n,) whose last proposal was a move.
            changes: (n, values) what was asked adds to the samples.
            rises: (n,) nats by which the margin is higher than the incumbent's.
            accepted: (n,) bool.
        """
        usual = self._usual[slots]
        self._turn[slots] = ~accepted & ~self._turned[slots] & (usual > 0) & (rises > TELLING * usual)
        self._last[slots] = changes
        self._usual[slots] = REMEMBERED * usual + (1 - REMEMBERED) * np.abs(rises)

    def _box(self, share: float, rng: np.random.Generator) -> tuple[slice, ...]:
        extent = self._canvas.shape[1:]
        part = share ** (1 / len(extent))
        return _corner_box([min(n, max(NARROWEST, round(n * part))) for n in extent], extent, rng)

    def _tiling(self, rng: np.random.Generator) -> Floats:
        """Waves side by side with random signs."""
        shape = self._canvas.shape
        side, drawn = max(1, max(shape[1:]) // TILES), np.zeros(shape)
        for tile in np.ndindex(*(-(-n // side) for n in shape[1:])):
            part = drawn[(slice(None), *(slice(i * side, i * side + side) for i in tile))]
            part += _wave(part.shape[1:], rng) * _signs(rng, part)
        return drawn


def _corner_box(sides: list[int], extent: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, ...]:
    corner = [int(rng.integers(0, n - side + 1)) for side, n in zip(sides, extent, strict=True)]
    return tuple(slice(at, at + side) for at, side in zip(corner, sides, strict=True))


def _wave(sides: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A hill and a valley side by side along a random axis, of unit length."""
    along = int(rng.integers(len(sides)))
    wave = np.ones(sides)
    for axis, side in enumerate(sides):
        turns = 2 if axis == along and side > 1 else 1
        hill = np.sin(math.pi * turns * (np.arange(side) + 0.5) / side)
        wave *= hill.reshape([-1 if one == axis else 1 for one in range(len(sides))])
    return wave / (np.linalg.norm(wave) + TINY)


def _signs(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    """(channels, 1, ...) of plus and minus one."""
    return rng.integers(0, 2, (len(like), *[1] * (like.ndim - 1))) * 2.0 - 1.0


def _unit(values: np.ndarray) -> Array:
    flat = values.ravel()
    return (flat / (np.linalg.norm(flat) + TINY)).astype(np.float32)
