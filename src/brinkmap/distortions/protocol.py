"""What a distortion is: the contract in words and types, and how one name may stand for several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from brinkmap.arrays import Array

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["Distortion", "Family", "Medium", "reads_grid"]


@dataclass(frozen=True)
class Medium:
    """What the samples are that a distortion is made for."""

    shape: tuple[int, ...]
    """`(c, *extent)` of one sample."""
    rate_hz: float | None = None
    """Values a second along the extent's first axis; None where the victim does not say."""


@runtime_checkable
class Distortion(Protocol):
    """A filter: pure in (sample, level, rng). Painting twice with equal generators gives the same bits.

    One more attribute is read where a distortion has it: `reads_grid` (True: what it paints depends on where the cells
    are, as tapers do; it is then given one grid at a time, each painting with the cells of one size).
    """

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
            grid: where the cells are, for filters that say `reads_grid`; without that all sizes of `patch` at once.

        Returns:
            `(c, *extent)` float32; values outside 0..1 are clipped by the renderer, and the share is recorded.
        """


def reads_grid(distortion: Distortion) -> bool:
    """Whether what it paints depends on where the cells are."""
    return bool(getattr(distortion, "reads_grid", False))


class Family:
    """One name for the distortions that fit a medium: `tint` is every pattern of signs over the sample's channels.

    Decorates a function `f(medium) -> distortions`, whose docstring describes the family.
    """

    def __init__(self, members: Callable[[Medium], Sequence[Distortion]]) -> None:
        self.__doc__ = members.__doc__
        self._members = members

    def members(self, medium: Medium) -> tuple[Distortion, ...]:
        """The distortions for such samples.

        Raises:
            InputError: they need what the medium does not say, such as its sampling rate.
        """
        return tuple(self._members(medium))
