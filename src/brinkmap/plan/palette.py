"""The palette: each sample as each card would make it, painted when first needed, and plans rendered from it.

Rendering only ever copies: a value comes from the clean sample or from one painting, so the same plan gives the same
bits whatever the path to it, and taking a distortion away restores the original exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from brinkmap.arrays import Array, Bounds, Floats, Ints, on_steps
from brinkmap.errors import InputError
from brinkmap.plan.cards import Cards
from brinkmap.plan.grid import Grid
from brinkmap.seeding import paint_generator

__all__ = ["Canvas", "Palette"]

POOL_BYTES = 2**30
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

    def paint(self, sample: Array, index: int, code: int) -> tuple[Array, np.ndarray]:
        """The whole sample under one card.

        Args:
            sample: `shape`, within the bounds.
            index: the sample's index, which seeds the painting.
            code: the card.

        Returns:
            The painting `shape` float32, clipped and on the grid of `quantise`, and where clipping moved a value.

        Raises:
            InputError: the distortion returned another shape, dtype or NaN.
        """
        distortion, level = self.cards.card(code)
        scaled = self._scaled(sample).view()
        scaled.flags.writeable = False
        painted = distortion.paint(scaled, level, paint_generator(self.seed, index, distortion.name), self.grid)
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
        shown = self.grid.shown(codes[None])[0][self.grid.atom_of].reshape(self.shape[1:])
        image, clipped = sample.copy(), np.zeros(self.shape, bool)
        for code in np.unique(shown[shown > 0]):
            painting, lost = self.paint(sample, index, int(code))
            here = np.broadcast_to(shown == code, self.shape)
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
    """The paintings of many samples at once, one slot a sample, with the energy each card adds to each atom.

    Args:
        canvas: what is painted on.
        slots: how many samples are held.
        needs_peak: whether the largest change in each atom is wanted too (a Linf bound).
    """

    def __init__(self, canvas: Canvas, slots: int, *, needs_peak: bool = False) -> None:
        cards, atoms = len(canvas.cards), canvas.grid.atoms
        self.canvas = canvas
        self.clean = np.zeros((slots, canvas.size), np.float32)
        self.energy = np.zeros((slots, cards + 1, atoms))
        """(slots, codes, atoms) float64: squared L2 that a code adds in an atom, on samples scaled to 0..1."""
        self.peak = np.zeros((slots, cards + 1, atoms)) if needs_peak else None
        self.clipped = np.zeros((slots, cards + 1, atoms), np.int32)
        """(slots, codes, atoms) values that clipping moved."""
        self._index = np.zeros(slots, np.int64)
        self._built = np.zeros((slots, cards + 1), bool)
        capacity = max(cards, min(slots * cards, POOL_BYTES // (4 * canvas.size)))
        self._pool = np.empty((capacity, canvas.size), np.float32)
        self._row = np.full((slots, cards + 1), -1, np.int64)
        self._holds = np.full((capacity, 2), -1, np.int64)
        self._used = np.zeros(capacity, np.int64)
        self._empty = list(range(capacity))[::-1]
        self._tick = 1
        self._values = canvas.grid.values(canvas.shape[0])

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
        wanted[slots[:, None], codes] = True
        for slot, code in np.argwhere(wanted & ~self._built):
            self._paint(int(slot), int(code))

    def squared_l2(self, slots: Ints, shown: Ints) -> Floats:
        """(n,) float64 squared L2 of what the atoms show, scaled to 0..1; exact, for atoms do not overlap."""
        return self.energy[slots[:, None], shown, np.arange(shown.shape[1])].sum(axis=1)

    def share_clipped(self, slot: int, shown: Ints) -> float:
        """The share of a slot's values that clipping moved, for what its atoms show."""
        return float(self.clipped[slot, shown, np.arange(len(shown))].sum() / self.canvas.size)

    def render(self, slots: Ints, before: Ints, after: Ints, images: Array) -> None:
        """Change rendered samples in place from what they show to what they should.

        Args:
            slots: (n,).
            before, after: (n, atoms) the codes shown now and wanted.
            images: (n, values) the samples as rendered for `before`.
        """
        rows, atoms = np.nonzero(before != after)
        codes = after[rows, atoms].astype(np.int64)
        clean = codes == 0
        self._copy(images, rows[clean], atoms[clean], self.clean, slots[rows[clean]])
        rows, atoms, codes = rows[~clean], atoms[~clean], codes[~clean]
        if not len(rows):
            return
        cards = np.ravel_multi_index((slots[rows], codes), self._row.shape)
        needed = np.unique(cards)
        for start in range(0, len(needed), len(self._pool)):
            part = needed[start : start + len(self._pool)]
            self._bring(np.stack(np.unravel_index(part, self._row.shape), axis=1))
            here = (cards >= part[0]) & (cards <= part[-1])
            source = self._row[slots[rows[here]], codes[here]]
            self._copy(images, rows[here], atoms[here], self._pool, source)

    def _copy(self, images: Array, rows: Ints, atoms: Ints, source: Array, source_rows: Ints) -> None:
        values = self._values[atoms]
        images[rows[:, None], values] = source[source_rows[:, None], values]

    def _bring(self, pairs: Ints) -> None:
        """Have the paintings of these (slot, code) pairs in the pool; there are no more of them than it holds."""
        self._tick += 1
        present = self._row[pairs[:, 0], pairs[:, 1]]
        self._used[present[present >= 0]] = self._tick
        for slot, code in pairs[present < 0]:
            self._paint(int(slot), int(code))

    def _paint(self, slot: int, code: int) -> None:
        canvas = self.canvas
        clean = self.clean[slot]
        painting, clipped = canvas.paint(clean.reshape(canvas.shape), int(self._index[slot]), code)
        row = self._empty.pop() if self._empty else self._least_recently_used()
        self._pool[row] = painting.ravel()
        self._holds[row], self._row[slot, code], self._used[row] = (slot, code), row, self._tick
        if self._built[slot, code]:
            return
        change = painting.ravel().astype(np.float64) - clean
        if canvas.span != 1:
            change /= canvas.span
        change = change.reshape(canvas.shape[0], -1)
        squares = np.einsum("cp,cp->p", change, change)
        self.energy[slot, code] = np.bincount(canvas.grid.atom_of, weights=squares, minlength=canvas.grid.atoms)
        if self.peak is not None:
            self.peak[slot, code] = np.abs(change).max(axis=0)[canvas.grid.positions].max(axis=1)
        self.clipped[slot, code] = 0
        if clipped.any():
            lost = clipped.reshape(canvas.shape[0], -1).sum(axis=0)
            self.clipped[slot, code] = np.bincount(canvas.grid.atom_of, lost, canvas.grid.atoms)
        self._built[slot, code] = True

    def _least_recently_used(self) -> int:
        row = int(np.argmin(self._used))
        self._row[tuple(self._holds[row])] = -1
        return row
