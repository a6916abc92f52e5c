"""The palette: each sample as each card would make it, painted when first needed, and plans rendered from it.

Rendering only ever copies: a value comes from the clean sample or from one painting, so the same plan gives the same
bits whatever the path to it, and taking a distortion away restores the original exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from brinkmap.arrays import Array, Bounds, Floats, Ints, on_steps
from brinkmap.errors import InputError
from brinkmap.plan.cards import Cards
from brinkmap.plan.copying import AtomCopier
from brinkmap.plan.grid import Grid
from brinkmap.plan.inks import Inks
from brinkmap.seeding import paint_generator

__all__ = ["Canvas", "Palette"]

POOL_BYTES = 2 * 2**30
"""Memory for paintings; the least recently used are forgotten and painted again, to the same bits."""


@dataclass(frozen=True)
class Canvas:
    """What a painting is made on: everything but the sample itself."""

    shape: tuple[int, ...]
    """`(c, *extent)` of a sample."""
    bounds: Bounds
    grid: Grid
    cards: Cards
    seed: int
    quantise: int | None = None
    """Bits a value is stored with (8 for picture files); None for float32."""

    @property
    def size(self) -> int:
        """Values of one sample."""
        return math.prod(self.shape)

    @property
    def span(self) -> float:
        """From the lower bound to the upper: distances are divided by it."""
        return self.bounds[1] - self.bounds[0]

    @cached_property
    def inks(self) -> Inks:
        """What an atom can show."""
        return Inks(self.cards, self.grid)

    def paint(self, sample: Array, index: int, ink: int) -> tuple[Array, np.ndarray]:
        """The whole sample in one ink.

        Args:
            sample: `shape`, within the bounds.
            index: the sample's index, which seeds the painting.
            ink: from 1 on; with one patch size, the card's code.

        Returns:
            The painting `shape` float32, clipped and on the grid of `quantise`, and where clipping moved a value.

        Raises:
            InputError: the distortion failed, or returned another shape, dtype or NaN.
        """
        distortion, level = self.cards.card(self.inks.code(ink))
        scaled = self._scaled(sample).view()
        scaled.flags.writeable = False
        rng = paint_generator(self.seed, index, distortion.name)
        try:
            painted = distortion.paint(scaled, level, rng, self.inks.grid_for(ink))
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"distortion {distortion.name!r}, level {level}: {type(error).__name__}: {error}. "
                "brinkmap.testing.check_distortion tells all that is wrong with it."
            ) from error
        self._check(painted, distortion.name, level)
        within = np.clip(painted, np.float32(0), np.float32(1))
        raw = self._raw(within)
        if raw is not within:  # what was left alone must keep the sample's own bits, whatever the scaling rounds to
            raw = np.where(painted == scaled, sample, raw)
        return raw, within != painted

    def render(self, sample: Array, index: int, codes: Ints) -> tuple[Array, np.ndarray]:
        """One plan rendered from scratch: what `Palette` renders step by step, to the same bits.

        Args:
            sample: `shape`, clean.
            index: the sample's index.
            codes: (cells,).

        Returns:
            The modified sample, and where clipping moved a value.
        """
        shown = self.inks.shown(codes[None])[0][self.grid.atom_of].reshape(self.shape[1:])
        image, clipped = sample.copy(), np.zeros(self.shape, bool)
        for ink in np.unique(shown[shown > 0]):
            painting, lost = self.paint(sample, index, int(ink))
            here = np.broadcast_to(shown == ink, self.shape)
            image[here], clipped[here] = painting[here], lost[here]
        return image, clipped

    def snap(self, sample: Array) -> Array:
        """The sample on the grid of `quantise`: what a file of that many bits would hold."""
        return sample if self.quantise is None else self._raw(self._scaled(sample))

    def _scaled(self, sample: Array) -> Array:
        if self.bounds == (0.0, 1.0):
            return sample
        scaled = (sample - np.float32(self.bounds[0])) / np.float32(self.span)
        return np.clip(scaled, np.float32(0), np.float32(1), out=scaled)

    def _raw(self, scaled: Array) -> Array:
        low, high = self.bounds
        if self.quantise is not None:
            steps = 2**self.quantise - 1
            return on_steps(np.rint(scaled * np.float32(steps)).astype(np.uint16), steps, self.bounds)
        if self.bounds == (0.0, 1.0):
            return scaled
        return np.clip(scaled * np.float32(self.span) + np.float32(low), np.float32(low), np.float32(high))

    def _check(self, painted: Array, name: str, level: int) -> None:
        if not isinstance(painted, np.ndarray) or painted.shape != self.shape or painted.dtype != np.float32:
            got = (getattr(painted, "shape", None), str(getattr(painted, "dtype", type(painted).__name__)))
            raise InputError(
                f"distortion {name!r}, level {level}: expected float32 of shape {self.shape}, got {got[1]} of shape "
                f"{got[0]}. Return the whole sample, and .astype('float32')."
            )
        if not np.isfinite(painted.sum()):
            raise InputError(f"distortion {name!r}, level {level}: painted NaN or infinity. Keep its values finite.")


class Palette:
    """The paintings of many samples at once, one slot a sample, with the energy each ink adds to each atom.

    Args:
        canvas: what is painted on.
        slots: how many samples are held.
        needs_peak: whether the largest change in each atom is wanted too (a Linf bound).
    """

    def __init__(self, canvas: Canvas, slots: int, *, needs_peak: bool = False) -> None:
        inks, atoms = len(canvas.inks), canvas.grid.atoms
        self.canvas = canvas
        self.clean = np.zeros((slots, canvas.size), np.float32)
        self.energy = np.zeros((slots, inks + 1, atoms))
        """(slots, inks, atoms) float64: squared L2 that an ink adds in an atom, on samples scaled to 0..1."""
        self.peak = np.zeros((slots, inks + 1, atoms)) if needs_peak else None
        self.clipped = np.zeros((slots, inks + 1, atoms), np.int32)
        """(slots, inks, atoms) values that clipping moved."""
        self._index = np.zeros(slots, np.int64)
        self._built = np.zeros((slots, inks + 1), bool)
        capacity = max(inks, min(slots * inks, POOL_BYTES // (4 * canvas.size)))
        self._pool = np.empty((capacity, canvas.size), np.float32)
        self._row = np.full((slots, inks + 1), -1, np.int64)
        self._holds = np.full((capacity, 2), -1, np.int64)
        self._used = np.zeros(capacity, np.int64)
        self._empty = list(range(capacity))[::-1]
        self._tick = 1
        self._copier = AtomCopier(canvas.grid, canvas.shape)

    def load(self, slot: int, sample: Array, index: int) -> None:
        """Put another sample into a slot and forget what was painted there."""
        self.clean[slot] = sample.ravel()
        self._index[slot] = index
        self._built[slot] = False
        self._built[slot, 0] = True
        self._empty += self._row[slot][self._row[slot] >= 0].tolist()
        self._row[slot] = -1

    def prepare(self, slots: Ints, codes: Ints) -> None:
        """Paint what is missing, so that `energy` and `peak` hold for these codes.

        Args:
            slots: (n,).
            codes: (n, cells).
        """
        wanted = np.zeros_like(self._built)
        wanted[slots[:, None], self.canvas.inks.of(codes)] = True
        for slot, ink in np.argwhere(wanted & ~self._built):
            self._paint(int(slot), int(ink))

    def painting(self, slot: int, ink: int) -> Array:
        """(values,) a slot's whole sample in one ink."""
        self._bring(np.array([[slot, ink]]))
        return cast("Array", self._pool[self._row[slot, ink]])

    def squared_l2(self, slots: Ints, shown: Ints) -> Floats:
        """(n,) float64 squared L2 of what the atoms show, scaled to 0..1; exact, for atoms do not overlap."""
        shares = self.energy[slots[:, None], shown, np.arange(shown.shape[1])]
        # In C order whatever NumPy chose for the selection: or the last bit would depend on how many slots there are.
        return np.ascontiguousarray(shares).sum(axis=1)

    def share_clipped(self, slot: int, shown: Ints) -> float:
        """The share of a slot's values that clipping moved, for what its atoms show."""
        return float(self.clipped[slot, shown, np.arange(len(shown))].sum() / self.canvas.size)

    def render(self, slots: Ints, before: Ints, after: Ints, images: Array, into: Ints | None = None) -> None:
        """Change rendered samples in place from what they show to what they should.

        Args:
            slots: (n,).
            before, after: (n, atoms) the inks shown now and wanted.
            images: (n, values) the samples as rendered for `before`.
            into: (n,) the row of each sample in `images`, where there are other rows too.
        """
        into = np.arange(len(slots)) if into is None else into
        rows, atoms = np.nonzero(before != after)
        inks = after[rows, atoms].astype(np.int64)
        clean = inks == 0
        self._copier.copy(images, into[rows[clean]], atoms[clean], self.clean, slots[rows[clean]])
        rows, atoms, inks = rows[~clean], atoms[~clean], inks[~clean]
        if not len(rows):
            return
        wells = np.ravel_multi_index((slots[rows], inks), self._row.shape)
        needed = np.unique(wells)
        for start in range(0, len(needed), len(self._pool)):
            part = needed[start : start + len(self._pool)]
            self._bring(np.stack(np.unravel_index(part, self._row.shape), axis=1))
            here = (wells >= part[0]) & (wells <= part[-1])
            source = self._row[slots[rows[here]], inks[here]]
            self._copier.copy(images, into[rows[here]], atoms[here], self._pool, source)

    def _bring(self, pairs: Ints) -> None:
        """Have the paintings of these (slot, ink) pairs in the pool; there are no more of them than it holds."""
        self._tick += 1
        present = self._row[pairs[:, 0], pairs[:, 1]]
        self._used[present[present >= 0]] = self._tick
        for slot, ink in pairs[present < 0]:
            self._paint(int(slot), int(ink))

    def _paint(self, slot: int, ink: int) -> None:
        canvas = self.canvas
        clean = self.clean[slot]
        painting, clipped = canvas.paint(clean.reshape(canvas.shape), int(self._index[slot]), ink)
        row = self._empty.pop() if self._empty else self._least_recently_used()
        self._pool[row] = painting.ravel()
        self._holds[row], self._row[slot, ink], self._used[row] = (slot, ink), row, self._tick
        if self._built[slot, ink]:
            return
        change = painting.ravel().astype(np.float64) - clean
        if canvas.span != 1:
            change /= canvas.span
        change = change.reshape(canvas.shape[0], -1)
        squares = np.einsum("cp,cp->p", change, change)
        self.energy[slot, ink] = np.bincount(canvas.grid.atom_of, weights=squares, minlength=canvas.grid.atoms)
        if self.peak is not None:
            self.peak[slot, ink] = np.abs(change).max(axis=0)[canvas.grid.positions].max(axis=1)
        self.clipped[slot, ink] = 0
        if clipped.any():
            lost = clipped.reshape(canvas.shape[0], -1).sum(axis=0)
            self.clipped[slot, ink] = np.bincount(canvas.grid.atom_of, lost, canvas.grid.atoms)
        self._built[slot, ink] = True

    def _least_recently_used(self) -> int:
        row = int(np.argmin(self._used))
        self._row[tuple(self._holds[row])] = -1
        return row
