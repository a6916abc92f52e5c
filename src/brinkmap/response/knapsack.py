"""Which card to put on which cell, for the most that a linear forecast promises within a distance bound.

Over the cells of one grid gains and squared distances add up. For a price of distance, each cell's best card is found
by itself; the price at which the bound is just met is found by bisection. That is the Lagrangian solution of the
multiple-choice knapsack, optimal up to the last cell.
"""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array, Floats, Ints

__all__ = ["best_codes", "gains_of"]

HALVINGS = 24
SLACK = 1e-6
"""Room for energies that are summed in float32 here and exactly in the engine."""


def gains_of(gradient: Array, paintings: Array, clean: Array, values: Ints) -> Array:
    """What a linear forecast says each card would take off the margin, cell by cell.

    Args:
        gradient: (n, values) of the margin, at any point.
        paintings: (n, codes, values) the sample under each code; code 0 is the clean sample.
        clean: (n, values).
        values: (cells, largest) the flat indices of each cell's values; smaller cells repeat their last.

    Returns:
        (n, codes, cells) float32, 0 for code 0.
    """
    product = -(paintings - clean[:, None]) * gradient[:, None]
    cell_of = np.empty(clean.shape[1], np.intp)
    cell_of[values] = np.arange(len(values))[:, None]
    if len(values) == clean.shape[1]:
        return product[:, :, values[:, 0]]
    order = np.argsort(cell_of, kind="stable")
    starts = np.searchsorted(cell_of[order], np.arange(len(values)))
    return np.add.reduceat(product[:, :, order], starts, axis=2)


def best_codes(gains: Array, energy: Floats, max_l2: Floats) -> Ints:
    """The codes of the greatest total gain within the bound.

    Args:
        gains: (n, codes, cells) what each promises; code 0 promises 0.
        energy: (n, codes, cells) squared L2 of each; 0 for code 0.
        max_l2: (n,) infinite for none.

    Returns:
        (n, cells) int16, within the bound.
    """
    limit = max_l2**2 * (1 - SLACK)
    costs = energy.astype(np.float32)
    cheap, dear = np.zeros(len(gains)), np.full(len(gains), _dearest(gains, costs))
    free = np.argmax(gains, axis=1)
    spent = _taken(costs, free)
    best = np.where((spent <= limit)[:, None], free, 0)
    open_rows = np.flatnonzero(spent > limit)
    for _ in range(HALVINGS):
        if not len(open_rows):
            break
        price = np.sqrt(np.maximum(cheap[open_rows], 1e-9) * dear[open_rows])
        codes = np.argmax(gains[open_rows] - price[:, None, None].astype(np.float32) * costs[open_rows], axis=1)
        fits = _taken(costs[open_rows], codes) <= limit[open_rows]
        best[open_rows[fits]] = codes[fits]
        dear[open_rows[fits]] = price[fits]
        cheap[open_rows[~fits]] = price[~fits]
    return best.astype(np.int16)


def _dearest(gains: Array, energy: Array) -> float:
    """A price at which nothing is worth its distance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(energy > 0, gains / energy, 0)
    return float(max(worth.max(initial=0.0), 1e-6)) * 2


def _taken(energy: Array, codes: Ints) -> Floats:
    """(n,) the squared L2 of codes (n, cells)."""
    return np.take_along_axis(energy, codes[:, None], axis=1)[:, 0].sum(axis=1, dtype=np.float64)
