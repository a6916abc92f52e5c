"""Which card to put on which cell, for the most that a linear forecast promises within a distance bound.

Over the cells of one grid gains and squared distances add up. For a price of distance each cell's best card is found
by itself; the price at which the bound is just met is found by bisection. That is the Lagrangian solution of the
multiple-choice knapsack; what room is left goes to the cells that would profit most from it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Knapsack", "best_codes"]

ROUNDS, HALVINGS = 2, 6
"""Cards that dominate their level are chosen at a price, then the price is found for these; and once more."""
REACH = 64.0
"""How far from the first guess the price is looked for, downwards and upwards."""
SLACK = 1e-6
"""Room for energies that are summed in float32 here and exactly in the engine."""
TINY = 1e-12


class Knapsack(NamedTuple):
    """What was packed."""

    codes: Tensor
    """(n, cells) int64."""
    energy: Tensor
    """(n,) squared L2."""


class _Shelf(NamedTuple):
    """The cards still in question: one a level and cell."""

    codes: Tensor
    """(n, levels, cells) int64."""
    gains: Tensor
    energy: Tensor

    def packed(self, price: Tensor) -> Tensor:
        """(n, cells) which level is best at prices (n,)."""
        values = self.gains - price[:, None, None] * self.energy
        return _highest(values, torch.arange(values.shape[1]))

    def spent(self, price: Tensor) -> Tensor:
        """(n,) the energy of what is best at prices (n,)."""
        return self.energy.gather(1, self.packed(price)[:, None])[:, 0].sum(dim=1)


def _highest(values: Tensor, numbers: Tensor, dim: int = 1) -> Tensor:
    """The number that belongs to the highest value along an axis that is not the last, the highest of equals.

    Args:
        values: (n, k, cells), or more axes.
        numbers: one a place along `dim`, shaped to stand before the axes that follow.
        dim: the axis.

    `argmax` is many times slower along such an axis than `amax`.
    """
    top = values.amax(dim=dim, keepdim=True)
    return ((values == top) * numbers[..., None].to(torch.int16)).amax(dim=dim).long()


def best_codes(gains: Tensor, energy: Tensor, max_l2: Tensor, levels: Tensor) -> Knapsack:
    """The codes of the greatest total gain within the bound.

    Args:
        gains: (n, codes, cells) what each promises; code 0 promises 0.
        energy: (n, codes, cells) squared L2 of each; 0 for code 0.
        max_l2: (n,) infinite for none.
        levels: (levels, width) the codes of each level, repeated where it has fewer; the first row is all 0.
    """
    limit = max_l2**2 * (1 - SLACK)
    free = _highest(gains, torch.arange(gains.shape[1]))
    promised, spent = (one.gather(1, free[:, None])[:, 0].sum(dim=1) for one in (gains, energy))
    price = promised / (2 * torch.minimum(limit, spent) + TINY)  # where gains are linear and distance free to choose
    for round_ in range(ROUNDS):
        shelf = _shelf(gains, energy, price, levels)
        cheap, dear = _bracket(shelf, price, limit, REACH if round_ == 0 else 4.0)
        price = dear
    codes, energies = _filled(shelf, cheap, dear, limit)
    roomy = spent <= limit
    return Knapsack(
        torch.where(roomy[:, None], free, codes),
        torch.where(roomy, spent, energies),
    )


def _shelf(gains: Tensor, energy: Tensor, price: Tensor, levels: Tensor) -> _Shelf:
    """For each level and cell the card that is worth most at this price."""
    values = (gains - price[:, None, None] * energy)[:, levels.flatten()].unflatten(1, levels.shape)
    codes = _highest(values, levels, dim=2)
    return _Shelf(codes, gains.gather(1, codes), energy.gather(1, codes))


def _bracket(shelf: _Shelf, price: Tensor, limit: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Two prices close to one another: at the lower too much may be spent, at the higher it is within the limit."""
    cheap, dear = price / reach, price * reach
    for _ in range(HALVINGS):
        between = (cheap * dear).sqrt()
        fits = shelf.spent(between) <= limit
        dear, cheap = torch.where(fits, between, dear), torch.where(fits, cheap, between)
    return cheap, dear


def _filled(shelf: _Shelf, cheap: Tensor, dear: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """What the higher price buys, and of what the lower price adds to that as much as there is room for."""
    base, wished = shelf.packed(dear), shelf.packed(cheap)
    base = torch.where((shelf.spent(dear) <= limit)[:, None], base, 0)
    energy = shelf.energy.gather(1, base[:, None])[:, 0]
    more = shelf.energy.gather(1, wished[:, None])[:, 0] - energy
    worth = (shelf.gains.gather(1, wished[:, None]) - shelf.gains.gather(1, base[:, None]))[:, 0]
    order = torch.where(more > 0, worth / (more + TINY), -torch.inf).argsort(dim=1, descending=True, stable=True)
    room = (limit - energy.sum(dim=1))[:, None]
    fits = more.clamp(min=0).gather(1, order).cumsum(dim=1) <= room
    upgraded = torch.zeros_like(fits).scatter(1, order, fits) & (more > 0)
    level = torch.where(upgraded, wished, base)
    chosen = shelf.energy.gather(1, level[:, None])[:, 0].sum(dim=1)
    return shelf.codes.gather(1, level[:, None])[:, 0], chosen
