"""Inks: what an atom can show. One for each card, and more where one card paints differently by the size of its cells.

A distortion that reads the grid (a taper ends at its cell's edges) looks another way in cells of another size. With
several patch sizes its cards have one ink for each of them; all other cards have one. With one patch size an ink is a
card's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brinkmap.arrays import Ints
from brinkmap.distortions.protocol import reads_grid
from brinkmap.plan.cards import Cards
from brinkmap.plan.grid import Grid

__all__ = ["Inks"]


@dataclass(frozen=True)
class Inks:
    """The inks of an arsenal on a grid, numbered from 1; 0 is the clean sample."""

    cards: Cards
    grid: Grid

    def __len__(self) -> int:
        """How many inks there are."""
        return len(self._origin) - 1

    @cached_property
    def table(self) -> Ints:
        """(layers, codes) the ink of a code in a cell of each grid, coarse to fine."""
        table = np.tile(np.arange(len(self.cards) + 1, dtype=np.int16), (len(self.grid.sizes), 1))
        reading = np.flatnonzero([reads_grid(one) for one in self.cards.distortions])
        codes = 1 + np.flatnonzero(np.isin(self.cards.pairs[1:, 0], reading))
        for layer in range(1, len(table)):
            table[layer, codes] = len(self.cards) + 1 + (layer - 1) * len(codes) + np.arange(len(codes))
        return table

    @cached_property
    def _origin(self) -> Ints:
        """(inks + 1, 2) the layer and the code of each ink, the coarsest layer of those that share it."""
        origin = np.zeros((int(self.table.max()) + 1, 2), np.int64)
        for layer in reversed(range(len(self.table))):
            origin[self.table[layer]] = np.stack(
                [np.full(self.table.shape[1], layer), np.arange(self.table.shape[1])], 1
            )
        return origin

    def of(self, codes: Ints) -> Ints:
        """(n, cells) codes as inks."""
        return codes if len(self) == len(self.cards) else self.table[self.grid.layer_of, codes]

    def shown(self, codes: Ints) -> Ints:
        """(n, atoms) the ink that each atom shows when cells hold these codes (n, cells)."""
        return self.grid.shown(self.of(codes))

    def code(self, ink: int) -> int:
        """The code of the card behind an ink."""
        return int(self._origin[ink, 1])

    def grid_for(self, ink: int) -> Grid:
        """What its distortion is told of the cells: those of one size where it reads them, else all."""
        layer, code = self._origin[ink]
        return self.grid.layers[layer] if reads_grid(self.cards.card(int(code))[0]) else self.grid
