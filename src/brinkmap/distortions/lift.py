"""A user's plain function as a distortion: of a whole sample, or of what lies in one cell."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from brinkmap.arrays import RANKS, Array
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["CellFilter", "SampleFilter", "distortion", "lift"]

CellFunction = Callable[[Array, int, np.random.Generator], Array]
SampleFunction = Callable[[Array, int, np.random.Generator, "Grid"], Array]
LEVELS = 5


@final
@dataclass(frozen=True)
class SampleFilter:
    """A function of (sample, level, rng, grid), with what cannot be guessed stated beside it."""

    function: SampleFunction
    name: str
    levels: int = LEVELS
    ranks: tuple[int, ...] = RANKS
    natural: bool = True
    reads_grid: bool = False

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """What the function makes of the sample."""
        return self.function(sample, level, rng, grid)


@final
@dataclass(frozen=True)
class CellFilter:
    """A function of (content, level, rng) on what lies in one cell; a Python call a cell, so slower than a sample's."""

    function: CellFunction
    name: str
    levels: int = LEVELS
    ranks: tuple[int, ...] = RANKS
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """Every cell by itself, each with a generator of its own that is the same at all levels."""
        painting = sample.copy()
        for cell, seed in enumerate(rng.integers(2**63, size=grid.cells)):
            box = (slice(None), *grid.box(cell))
            content = sample[box]
            painted = self.function(content, level, np.random.default_rng(seed))
            if np.shape(painted) != content.shape or getattr(painted, "dtype", None) != np.float32:
                raise InputError(
                    f"distortion {self.name!r}, level {level}, cell {cell}: expected float32 of shape {content.shape}, "
                    f"got {getattr(painted, 'dtype', type(painted).__name__)} of shape {np.shape(painted)}. "
                    "Return the whole content, and .astype('float32')."
                )
            painting[box] = painted
        return painting


def distortion(
    *, name: str | None = None, levels: int = LEVELS, ranks: Sequence[int] = RANKS, natural: bool = True
) -> Callable[[Callable[..., Array]], SampleFilter | CellFilter]:
    """Decorates a function that distorts, so that it may stand wherever the name of a filter may.

    Args:
        name: what reports call it; the function's own name, with - for _, where not given.
        levels: its strongest level, from 1 on; level 0 is never asked for.
        ranks: the ranks of sample it works on: 1 signals, 2 pictures, 3 clips.
        natural: whether the world makes such a distortion by itself.

    Raises:
        InputError: the function takes neither (content, level, rng) nor (sample, level, rng, grid).

    >>> import numpy as np, brinkmap
    >>> @brinkmap.distortion(levels=3, ranks=(2,))
    ... def fog(content, level, rng):
    ...     return content + (1 - content) * np.float32(0.2 * level)
    >>> fog.name, fog.levels, fog.ranks
    ('fog', 3, (2,))
    """

    def decorated(function: Callable[..., Array]) -> SampleFilter | CellFilter:
        return lift(function, name=name, levels=levels, ranks=tuple(ranks), natural=natural)

    return decorated


def lift(function: Callable[..., Array], *, name: str | None = None, **stated: Any) -> SampleFilter | CellFilter:
    """A function as the distortion it is, told by how many arguments it takes.

    Args:
        function: of (content, level, rng) for one cell, or of (sample, level, rng, grid).
        name: what reports call it; the function's own name where not given.
        **stated: fields of the filter that differ from their defaults.

    Raises:
        InputError: it takes another number of arguments.
    """
    own = getattr(function, "__name__", type(function).__name__)
    kinds = {3: CellFilter, 4: SampleFilter}
    try:
        count = len(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        count = 0
    if count not in kinds:
        raise InputError(
            f"distortion: expected a function of (content, level, rng) for one cell, or of (sample, level, rng, grid), "
            f"got {own!r} with {count} arguments."
        )
    lifted = kinds[count](function, name or own.replace("_", "-"), **stated)
    object.__setattr__(lifted, "__doc__", function.__doc__)  # what `brinkmap list` shows of it
    return lifted
