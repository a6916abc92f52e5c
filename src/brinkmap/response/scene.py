"""What a batch of samples could be made into: every card on every cell, as the response model needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Ints
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, Palette

__all__ = ["Scene", "View"]

GREY = 0.5


@dataclass(frozen=True)
class View:
    """Some samples of a scene."""

    clean: Tensor
    """(n, values) on the scale 0..1."""
    change: Tensor
    """(n, codes, largest, cells) what each code adds to each cell's values; 0 for code 0 and for repeated values."""
    energy: Tensor
    """(n, codes, cells) squared L2."""
    values: Tensor
    """(largest, cells) the flat indices of each cell's values; smaller cells repeat their last."""
    levels: Tensor
    """(levels, width) the codes of each level; the first row is code 0."""
    shape: tuple[int, ...]

    def render(self, codes: Tensor) -> Tensor:
        """(n, c, *extent) the samples under codes (n, cells)."""
        images = self.clean.clone().index_add_(1, self.values.flatten(), self._added(codes).flatten(1))
        return images.view(len(codes), *self.shape)

    def squared(self, codes: Tensor) -> Tensor:
        """(n, cells) squared L2 of each cell under codes (n, cells)."""
        return self.energy.gather(1, codes[:, None])[:, 0]

    def apart(self, codes: Tensor) -> Tensor:
        """(n, codes, cells) squared L2 from what codes (n, cells) show to what each code would, cell by cell."""
        return (self.change - self._added(codes)[:, None]).square().sum(dim=2)

    def _added(self, codes: Tensor) -> Tensor:
        """(n, largest, cells) what codes (n, cells) add to each cell's values."""
        return self.change.gather(1, codes[:, None, None].expand(-1, -1, len(self.values), -1))[:, 0]

    def gains(self, gradient: Tensor) -> Tensor:
        """(n, codes, cells) by how much each code lowers what has this gradient (n, values), to first order."""
        slopes = gradient[:, self.values.flatten()].view(len(gradient), 1, *self.values.shape)
        return -(self.change * slopes).sum(dim=2)


class Scene:
    """Samples in slots with everything that a plan can choose from.

    Args:
        canvas: shape, bounds, grid, cards.
        slots: how many samples are held.
        blind: show grey instead of the clean sample.

    Raises:
        InputError: the canvas has several patch sizes.
    """

    def __init__(self, canvas: Canvas, slots: int, *, blind: bool = False) -> None:
        if len(canvas.grid.sizes) > 1:
            raise InputError(f"patch: this agent takes one patch size, got {len(canvas.grid.sizes)}. Give one.")
        values = canvas.grid.values(canvas.shape[0])
        self.canvas, self._blind = canvas, blind
        self._values = torch.from_numpy(np.ascontiguousarray(values.T)).long()
        self._levels = torch.from_numpy(_by_level(canvas.cards.pairs))
        self._once = _first_mentions(values).T
        codes, cells = len(canvas.cards) + 1, canvas.grid.cells
        self._clean = torch.zeros(slots, canvas.size)
        self._change = torch.zeros(slots, codes, values.shape[1], cells)
        self._energy = torch.zeros(slots, codes, cells)

    def load(self, slot: int, palette: Palette) -> None:
        """Take a sample with all its paintings from a palette that holds it in the same slot."""
        inks = range(1, len(self.canvas.cards) + 1)
        self._take(slot, [palette.clean[slot], *(palette.painting(slot, ink) for ink in inks)])

    def paint(self, slot: int, sample: Array, index: int) -> None:
        """Paint every card of a sample (c, *extent), where no palette holds it."""
        inks = range(1, len(self.canvas.cards) + 1)
        paintings = (self.canvas.paint(sample, index, ink)[0] for ink in inks)
        self._take(slot, [sample.ravel(), *(painting.ravel() for painting in paintings)])

    def _take(self, slot: int, paintings: Sequence[Array]) -> None:
        low, span = np.float32(self.canvas.bounds[0]), np.float32(self.canvas.span)
        scaled = torch.from_numpy((np.stack(paintings) - low) / span)
        self._clean[slot] = GREY if self._blind else scaled[0]
        change = (scaled - scaled[0])[:, self._values] * self._once
        self._change[slot] = change
        self._energy[slot] = change.square().sum(dim=1)

    def view_of(self, slots: Ints) -> View:
        """The samples in slots that are given as numbers."""
        return self.view(torch.from_numpy(np.asarray(slots, np.int64)))

    def change_of(self, slots: Tensor, codes: Tensor) -> Tensor:
        """(n, values) what codes (n, cells) add to the samples in these slots."""
        view = self.view(slots)
        return view.render(codes).flatten(1) - view.clean

    def view(self, slots: Tensor) -> View:
        """The samples in these slots (n,)."""
        return View(
            self._clean[slots], self._change[slots], self._energy[slots], self._values, self._levels, self.canvas.shape
        )


def _first_mentions(values: Ints) -> Tensor:
    """(cells, largest) 1 where a value is named for the first time in its cell, 0 where it is repeated."""
    repeated = np.zeros(values.shape, bool)
    repeated[:, 1:] = np.sort(values, axis=1)[:, 1:] == np.sort(values, axis=1)[:, :-1]
    order = np.argsort(values, axis=1, kind="stable")
    once = np.ones(values.shape, np.float32)
    np.put_along_axis(once, order, np.where(repeated, np.float32(0), np.float32(1)), axis=1)
    return torch.from_numpy(once)


def _by_level(pairs: Ints) -> Ints:
    """(levels + 1, width) the codes of each level, a level's last repeated where it has fewer than the others."""
    of_level = [np.flatnonzero(pairs[:, 1] == level) for level in range(int(pairs[:, 1].max()) + 1)]
    width = max(map(len, of_level))
    return np.stack([np.pad(codes, (0, width - len(codes)), mode="edge") for codes in of_level]).astype(np.int64)
