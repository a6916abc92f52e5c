"""Patches: one or several regular grids over a sample, and the atoms where they overlap.

A cell is one patch of one grid. Where several patch sizes are given, cells of different grids overlap; the common
refinement of all grids cuts the extent into atoms, each owned by exactly one cell of every grid. What a plan says of
cells becomes what is shown in atoms: the finest occupied cell wins. With one grid, atoms are its cells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brinkmap.arrays import Ints
from brinkmap.errors import InputError

__all__ = ["Grid", "Patch", "default_patch", "in_values", "make_grid"]

Size = tuple[int, ...]
Patch = int | str | Sequence["int | str | Size"]

CELLS_AN_AXIS = {1: (64,), 2: (8, 8), 3: (4, 8, 8)}
"""How many cells an axis is cut into where no patch size is given."""


@dataclass(frozen=True)
class Grid:
    """Regular grids of patches over one extent, coarse to fine; edge cells may be smaller.

    Cells are numbered grid by grid, and within a grid in row-major order.
    """

    extent: Size
    sizes: tuple[Size, ...]
    """The patch size of each grid, one number an axis."""

    @cached_property
    def counts(self) -> tuple[Size, ...]:
        """Cells an axis, for each grid."""
        return tuple(tuple(-(-n // p) for n, p in zip(self.extent, size, strict=True)) for size in self.sizes)

    @cached_property
    def cells(self) -> int:
        """Cells of all grids together."""
        return sum(math.prod(count) for count in self.counts)

    @cached_property
    def atoms(self) -> int:
        """Pieces that no grid line cuts."""
        return math.prod(len(cuts) for cuts in self._cuts)

    @cached_property
    def owners(self) -> tuple[Ints, ...]:
        """For each grid, coarse to fine: (atoms,) the cell that holds each atom."""
        owners, first = [], 0
        for size, count in zip(self.sizes, self.counts, strict=True):
            along = [cuts // p for cuts, p in zip(self._cuts, size, strict=True)]
            owners.append((first + np.ravel_multi_index(np.meshgrid(*along, indexing="ij"), count)).ravel())
            first += math.prod(count)
        return tuple(owners)

    @cached_property
    def atom_of(self) -> Ints:
        """(positions,) the atom of each position of the extent, flattened in row-major order."""
        along = [
            np.searchsorted(cuts, np.arange(n), "right") - 1 for cuts, n in zip(self._cuts, self.extent, strict=True)
        ]
        shape = tuple(len(cuts) for cuts in self._cuts)
        return np.ravel_multi_index(np.meshgrid(*along, indexing="ij"), shape).ravel()

    @cached_property
    def positions(self) -> Ints:
        """(atoms, largest) the flat positions of each atom; smaller atoms repeat their last."""
        order = np.argsort(self.atom_of, kind="stable")
        sizes = np.bincount(self.atom_of, minlength=self.atoms)
        within = np.minimum(np.arange(sizes.max()), sizes[:, None] - 1)
        return order[(np.cumsum(sizes) - sizes)[:, None] + within]

    def values(self, channels: int) -> Ints:
        """(atoms, channels * largest) the flat indices of each atom's values in a sample `(channels, *extent)`."""
        offsets = np.arange(channels)[:, None] * math.prod(self.extent)
        return (self.positions[:, None, :] + offsets).reshape(self.atoms, -1)

    @cached_property
    def layer_of(self) -> Ints:
        """(cells,) the grid that each cell belongs to, 0 for the coarsest."""
        return np.repeat(np.arange(len(self.sizes)), [math.prod(count) for count in self.counts])

    @cached_property
    def layers(self) -> tuple[Grid, ...]:
        """Each grid by itself, coarse to fine."""
        return tuple(Grid(self.extent, (size,)) for size in self.sizes)

    def box(self, cell: int) -> tuple[slice, ...]:
        """Where a cell lies: one slice an axis."""
        for size, count in zip(self.sizes, self.counts, strict=True):
            if cell < math.prod(count):
                corner = np.unravel_index(cell, count)
                return tuple(
                    slice(int(i) * p, min(int(i) * p + p, n)) for i, p, n in zip(corner, size, self.extent, strict=True)
                )
            cell -= math.prod(count)
        raise IndexError(f"the grid has {self.cells} cells")

    def atom_box(self, atom: int) -> tuple[slice, ...]:
        """Where an atom lies: one slice an axis."""
        corner = np.unravel_index(atom, tuple(len(cuts) for cuts in self._cuts))
        ends = ([*cuts[1:], n] for cuts, n in zip(self._cuts, self.extent, strict=True))
        return tuple(slice(int(cuts[i]), int(end[i])) for i, cuts, end in zip(corner, self._cuts, ends, strict=True))

    def shown(self, marks: Ints) -> Ints:
        """What each atom shows: the mark of the finest occupied cell that holds it.

        Args:
            marks: (n, cells) one number a cell, 0 where it is not occupied.

        Returns:
            (n, atoms).
        """
        top = marks[:, self.owners[0]]
        for owner in self.owners[1:]:
            finer = marks[:, owner]
            top = np.where(finer > 0, finer, top)
        return top

    @cached_property
    def _cuts(self) -> list[Ints]:
        """Where atoms begin, for each axis."""
        along = zip(self.extent, *self.sizes, strict=True)
        return [np.unique(np.concatenate([np.arange(0, n, p) for p in sizes])) for n, *sizes in along]


def default_patch(extent: Size) -> Size:
    """The patch size where none is given: 64 cells in time, 8 x 8 in a picture, 4 x 8 x 8 in a clip."""
    return tuple(-(-n // cells) for n, cells in zip(extent, CELLS_AN_AXIS[len(extent)], strict=True))


def make_grid(patch: Patch | None, extent: Size) -> Grid:
    """The grid behind what a user writes.

    Args:
        patch: None for the default; 4 for 4 along every axis; "2x8x8" for one number an axis; a sequence of these (or
            of tuples, one number an axis) for several grids at once.
        extent: the sample's extent.

    Raises:
        InputError: a size that is no positive number, has another number of axes, or is given twice.
    """
    wanted: Sequence[int | str | Size]
    if patch is None:
        wanted = [default_patch(extent)]
    elif isinstance(patch, str) or not isinstance(patch, Iterable):
        wanted = [patch]
    else:
        wanted = list(patch)
    sizes = sorted({_size(one, extent) for one in wanted}, key=lambda size: (-math.prod(size), size))
    if not wanted or len(sizes) != len(wanted):
        raise InputError(f"patch: expected one or more different patch sizes, got {patch!r}.")
    return Grid(extent, tuple(sizes))


def in_values(patch: Patch | None, rank: int, rate_hz: float | None) -> Patch | None:
    """The same patch sizes, with lengths in milliseconds as the nearest whole number of values.

    Args:
        patch: as for `make_grid`, and `50ms` for a signal or `100msx8x8` for a clip: along the first axis, time.
        rank: axes of the extent.
        rate_hz: values a second along the first axis.

    Raises:
        InputError: milliseconds of what has no rate or no time axis, or less than half a value.

    >>> in_values(("50ms", 8), 1, 300.0)
    (15, 8)
    """
    if isinstance(patch, str):
        return _in_values(patch, rank, rate_hz)
    if isinstance(patch, Iterable):
        return tuple(_in_values(one, rank, rate_hz) if isinstance(one, str) else one for one in patch)
    return patch


def _in_values(patch: str, rank: int, rate_hz: float | None) -> int | str:
    timed = re.fullmatch(r"(\d+(?:\.\d+)?) ?ms((?:x\d+)*)", patch)
    if timed is None:
        return patch
    if rank == 2 or timed[2].count("x") != rank - 1:
        raise InputError(
            f"patch: milliseconds are for time: 50ms in a signal, 100msx8x8 in a clip; got {patch!r} for {rank} axes."
        )
    if rate_hz is None:
        raise InputError(
            f"patch: {patch} needs the victim's sampling rate: wrap(model, rate_hz=360), or --rate-hz 360."
        )
    values = round(float(timed[1]) * rate_hz / 1000)
    if values < 1:
        raise InputError(
            f"patch: {patch} is {float(timed[1]) * rate_hz / 1000:.2g} of a value at {rate_hz:g} Hz; one value lasts "
            f"{1000 / rate_hz:.3g} ms. Give at least that."
        )
    return f"{values}{timed[2]}" if timed[2] else values


def _size(patch: int | str | Size, extent: Size) -> Size:
    if isinstance(patch, str):
        if not re.fullmatch(r"\d+(x\d+)*", patch):
            raise InputError(f"patch: expected a number such as 4, or one an axis such as 2x8x8, got {patch!r}.")
        size: Size = tuple(int(part) for part in patch.split("x"))
        size = size * len(extent) if len(size) == 1 else size
    else:
        size = tuple(patch) if isinstance(patch, Iterable) else (patch,) * len(extent)
    if len(size) != len(extent) or not all(isinstance(p, (int, np.integer)) and p > 0 for p in size):
        raise InputError(
            f"patch: expected {len(extent)} positive numbers, whole ones, for extent {extent}, got {patch!r}."
        )
    return tuple(min(int(p), n) for p, n in zip(size, extent, strict=True))
