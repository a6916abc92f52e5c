"""The distance bound, held exactly: adds are trimmed, the least important first, until the render is within it."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Floats, Ints
from brinkmap.plan.palette import Palette

__all__ = ["KEEP", "REMOVE", "apply", "fit", "proposing"]

KEEP, REMOVE = 0, 1
"""Proposal codes; from 2 on they add the card `code - 1`."""
SLACK = 1e-12
"""Relative room left for the rounding of a sum of float64 energies, so that no result is over its bound by an ulp."""


def apply(codes: Ints, proposals: Ints) -> Ints:
    """The codes after a proposal: kept, removed or replaced cell by cell.

    Args:
        codes: (n, cells) the incumbent.
        proposals: (n, cells) 0 keep, 1 remove, 2.. add card 1..
    """
    return np.where(proposals == KEEP, codes, np.maximum(proposals - 1, 0)).astype(codes.dtype)


def proposing(codes: Ints, wanted: Ints) -> Ints:
    """(n, cells) int16 the proposal that turns one plan into another: what `apply` takes back.

    Args:
        codes: (n, cells) the incumbent.
        wanted: (n, cells) the codes that there are to be.
    """
    return np.where(wanted == codes, KEEP, np.where(wanted == 0, REMOVE, wanted + 1)).astype(np.int16)


FLOAT32_ULP = 2.0**-23
"""Room for the float32 rounding of values up to 1: `x + 8/255 - x` is not 8/255."""


def fit(
    palette: Palette, slots: Ints, codes: Ints, proposals: Ints, order: Ints, max_l2: Floats, max_linf: float | None
) -> Ints:
    """The codes after as much of each proposal as its bound allows, distances measured on samples scaled to 0..1.

    Removals come first, then the adds in their order, as long a prefix of them as stays within the bound. An add
    whose own change exceeds the Linf bound is left out.

    Args:
        palette: prepared for the codes of the incumbents and of the proposals.
        slots: (n,) where each sample is held.
        codes: (n, cells) the incumbents, within the bound.
        proposals: (n, cells).
        order: (n, cells) where each cell stands in its agent's order, the least for the most important.
        max_l2: (n,) float64, infinite for none.
        max_linf: one for all; None for none.
    """
    if max_linf is not None:
        proposals = _without_peaks(palette, slots, proposals, max_linf)
    wanted = apply(codes, proposals)
    limit = max_l2**2 * (1 - SLACK)
    if np.isinf(limit).all():
        return wanted
    over = np.flatnonzero(palette.squared_l2(slots, palette.canvas.inks.shown(wanted)) > limit)
    if len(over):
        wanted[over] = _trim(palette, slots[over], codes[over], proposals[over], order[over], limit[over])
    return wanted


def _without_peaks(palette: Palette, slots: Ints, proposals: Ints, max_linf: float) -> Ints:
    assert palette.peak is not None
    inks = palette.canvas.inks.of(np.maximum(proposals - 1, 0))
    refused = np.zeros(proposals.shape, bool)
    for owner in palette.canvas.grid.owners:
        peaks = palette.peak[slots[:, None], inks[:, owner], np.arange(len(owner))]
        rows, atoms = np.nonzero(peaks > max_linf + FLOAT32_ULP)
        refused[rows, owner[atoms]] = True
    return np.where(refused, KEEP, proposals)


def _trim(palette: Palette, slots: Ints, codes: Ints, proposals: Ints, order: Ints, limit: Floats) -> Ints:
    """The longest prefix of the adds that the limit allows, after the removals."""
    inks, cells = palette.canvas.inks, codes.shape[1]
    base = apply(codes, np.where(proposals == REMOVE, REMOVE, KEEP))
    squared = palette.squared_l2(slots, inks.shown(base))
    # Taking a fine cell away can uncover a stronger coarse one: where that breaks the bound, nothing is removed.
    broken = squared > limit
    base[broken] = codes[broken]
    squared[broken] = palette.squared_l2(slots[broken], inks.shown(codes[broken]))
    adds = proposals > REMOVE
    place = np.empty(adds.shape, np.intp)
    ranked = np.argsort(order, axis=1, kind="stable")  # agents may rank cells equal: no machine's sort may decide
    np.put_along_axis(place, ranked, np.arange(cells)[None], axis=1)
    final = apply(base, np.where(adds, proposals, KEEP))
    growth = _growth(palette, slots, inks.of(base), inks.of(final), place, adds)
    within = squared[:, None] + np.cumsum(growth, axis=1) <= limit[:, None]
    longest = np.where(within.any(axis=1), cells - np.argmax(within[:, ::-1], axis=1), 0)
    kept = np.where(adds & (place < longest[:, None]), final, base)
    # Where adds cover one another the running sum may rise far above the limit and come back rounded.
    over = palette.squared_l2(slots, inks.shown(kept)) > limit
    kept[over] = base[over]
    return kept


def _growth(palette: Palette, slots: Ints, base: Ints, final: Ints, place: Ints, adds: np.ndarray) -> Floats:
    """(n, cells) by how much the squared L2 grows with the add at each place of the order, from inks to inks.

    An atom changes when one of its owners is added, and only if no finer owner covers it by then.
    """
    grid, (n, cells) = palette.canvas.grid, base.shape
    when = np.where(adds, place, -1)
    growth = np.zeros((n, cells))
    rows, atoms = np.arange(n)[:, None], np.arange(grid.atoms)
    for owner in grid.owners:
        moment = when[:, owner]
        before, after = (_shown_at(grid.owners, base, final, when, moment - late) for late in (1, 0))
        energy = palette.energy[slots[:, None], after, atoms] - palette.energy[slots[:, None], before, atoms]
        happens = moment >= 0
        np.add.at(growth, (np.broadcast_to(rows, moment.shape)[happens], moment[happens]), energy[happens])
    return growth


def _shown_at(owners: tuple[Ints, ...], base: Ints, final: Ints, when: Ints, moment: Ints) -> Ints:
    """What each atom shows once the adds up to a moment of its own have been made: the finest occupied owner."""
    shown = np.zeros(moment.shape, base.dtype)
    for owner in owners:
        ink = np.where(when[:, owner] <= moment, final[:, owner], base[:, owner])
        shown = np.where(ink > 0, ink, shown)
    return shown
