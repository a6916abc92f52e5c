"""What a distortion is: the contract in words and types, and how one name may stand for several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from brinkmap.arrays import Array

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["Distortion", "Family"]


@runtime_checkable
class Distortion(Protocol):
    """A filter: pure in (sample, level, rng). Painting twice with equal generators gives the same bits."""

    @property
    def name(self) -> str:
        """What reports, cards and command lines call it."""

    @property
    def levels(self) -> int:
        """The strongest level; level 0 is none and never painted."""

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks of sample it works on, out of 1, 2 and 3."""

    @property
    def natural(self) -> bool:
        """Whether the world makes such a distortion by itself; the norm track's filters are not natural."""

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The whole sample as it would look with every cell distorted.

        Args:
            sample: `(c, *extent)` float32, scaled so that the victim's bounds are 0 and 1; not to be written to.
            level: 1 to `levels`.
            rng: seeded by (run seed, sample index, name): the same for all levels and cells, so noise only grows.
            grid: where the cell edges are, for filters with tapers of their own.

        Returns:
            `(c, *extent)` float32; values outside 0..1 are clipped by the renderer, and the share is recorded.
        """


class Family:
    """One name for several distortions, made to fit the shape of the sample: `tint` is every pattern of signs.

    Decorates a function `f(shape) -> distortions`, whose docstring describes the family.
    """

    def __init__(self, members: Callable[[tuple[int, ...]], Sequence[Distortion]]) -> None:
        self.__doc__ = members.__doc__
        self._members = members

    def members(self, shape: tuple[int, ...]) -> tuple[Distortion, ...]:
        """The distortions for samples of this `(c, *extent)`."""
        return tuple(self._members(shape))
