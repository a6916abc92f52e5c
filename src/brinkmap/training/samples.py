"""Training samples without end: those given, moved about a little, each made again from its number alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.seeding import training_generator

__all__ = ["Variants"]

SHIFT = 1 / 8
"""Largest shift, as a share of an axis."""


@dataclass(frozen=True)
class Variants:
    """Variants of some samples, numbered from 0; the same number is always the same array.

    Args:
        samples: (n, c, *extent) float32.
        seed: of the training.
        shift: whether they are shifted along every axis, mirrored at the edges.
        flip: whether half of them are flipped along the last axis.
    """

    samples: Array
    seed: int = 0
    shift: bool = True
    flip: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """`(c, *extent)`."""
        return self.samples.shape[1:]

    def source(self, number: int) -> int:
        """Which sample a variant is made of: all in turn, in an order that changes every time round."""
        turn, place = divmod(number, len(self.samples))
        return int(_order(self.seed, turn, len(self.samples))[place])

    def __getitem__(self, number: int) -> Array:
        """One variant, `(c, *extent)`."""
        sample = self.samples[self.source(number)]
        rng = training_generator(self.seed, "variant", number)
        if self.shift:
            sample = _shifted(sample, rng)
        if self.flip and rng.random() < 0.5:
            sample = sample[..., ::-1]
        return np.ascontiguousarray(sample)


@lru_cache(maxsize=4)
def _order(seed: int, turn: int, count: int) -> Ints:
    return training_generator(seed, "order", turn).permutation(count)


def _shifted(sample: Array, rng: np.random.Generator) -> Array:
    reach = [int(n * SHIFT) for n in sample.shape[1:]]
    moved = np.pad(sample, [(0, 0), *((r, r) for r in reach)], mode="symmetric")
    corner = [int(rng.integers(0, 2 * r + 1)) for r in reach]
    return moved[(slice(None), *(slice(at, at + n) for at, n in zip(corner, sample.shape[1:], strict=True)))]
