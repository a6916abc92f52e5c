"""Copies of atoms between arrays of samples: the one thing that rendering does."""

from __future__ import annotations

from typing import final

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.plan.grid import Grid

__all__ = ["AtomCopier"]

BY_BOX_FROM = 512
"""Values of an atom from which it is copied as a box: above, index arrays cost more than a call an atom."""


@final
class AtomCopier:
    """Copies atoms of samples `shape`, each the same atom of a row of one array to a row of another.

    Args:
        grid: whose atoms.
        shape: `(c, *extent)` of a sample.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...]) -> None:
        self._shape = shape
        large = int(np.prod(shape)) >= BY_BOX_FROM * grid.atoms
        self._boxes = [grid.atom_box(atom) for atom in range(grid.atoms)] if large else None
        self._values = None if large else grid.values(shape[0])

    def copy(self, images: Array, rows: Ints, atoms: Ints, source: Array, source_rows: Ints) -> None:
        """Write into `images[rows[k]]` the atom `atoms[k]` of `source[source_rows[k]]`, for every k.

        Args:
            images: (n, values) written to.
            rows: (k,).
            atoms: (k,).
            source: (m, values).
            source_rows: (k,).
        """
        if not len(rows):
            return
        if self._values is not None:
            values = self._values[atoms]
            images[rows[:, None], values] = source[source_rows[:, None], values]
            return
        assert self._boxes is not None
        assert images.flags.c_contiguous  # else the reshaped array would be a copy
        into, out_of = images.reshape(-1, *self._shape), source.reshape(-1, *self._shape)
        order = np.argsort(atoms, kind="stable")
        wanted, starts = np.unique(atoms[order], return_index=True)
        for atom, part in zip(wanted, np.split(order, starts[1:]), strict=True):
            box = (slice(None), *self._boxes[atom])
            into[(rows[part], *box)] = out_of[(source_rows[part], *box)]
