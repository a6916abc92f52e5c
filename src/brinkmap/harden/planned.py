"""Our attack where it need not guess: plans of patches made by the gradient of the network under training itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from brinkmap.errors import InputError
from brinkmap.harden.adversaries import slope
from brinkmap.plan import make_grid

__all__ = ["Planned"]

TINY = 1e-12


@final
@dataclass(frozen=True)
class Planned:
    """The plan that a model-based agent makes when its model of the network is the network: shifted cells, within L2.

    Every sample gets a grid and a level of its own. Each channel of a cell is shifted by the level towards where the
    loss grows, and cells are taken in the order of gain per distance until the bound is met, as an attack within a
    bound on L2 takes them. What is chosen follows a running sum of gradients (dual averaging), as plans do.

    Source: the planner of `brinkmap.agents.response`, which knows only a model; here on whole batches, of one filter.
    """

    max_l2: float = 1.0
    """The distance of each sample at most, on samples scaled to 0..1."""
    patches: tuple[int, ...] = (1,)
    """Sides of the cells, one drawn for each batch."""
    levels: tuple[float, float] = (0.1, 0.5)
    """Between which the shift is drawn for each sample."""
    steps: int = 2
    """Gradients taken."""

    def __post_init__(self) -> None:
        low, high = self.levels
        if not 0 < low <= high <= 1:
            raise InputError(f"levels: expected two shifts above 0 and up to 1, got {self.levels}.")
        if not self.max_l2 > 0:
            raise InputError(f"max_l2: expected a distance above 0, got {self.max_l2}.")
        if self.steps < 1 or not self.patches or min(self.patches) < 1:
            raise InputError(f"steps and patches: expected at least 1 each, got {self.steps} and {self.patches}.")

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Within the distance and the range."""
        low, high = self.levels
        level = low + (high - low) * torch.rand(len(samples), 1, 1, generator=generator)
        drawn = int(torch.randint(len(self.patches), (), generator=generator))
        cells = _cells(tuple(samples.shape[2:]), self.patches[drawn])
        flat, now, total = samples.flatten(2), samples, torch.zeros(())
        for _ in range(self.steps):
            gradient = slope(net, now, labels).flatten(2)
            total = total + gradient / (gradient.norm(dim=(1, 2), keepdim=True) + TINY)
            moved = (flat + level * _summed(total, cells)[..., cells].sign()).clamp(0, 1) - flat
            gain, energy = (_summed(one.sum(dim=1), cells) for one in (total * moved, moved**2))
            now = (flat + moved * self._kept(gain, energy)[:, None, cells]).view_as(samples)
        return now

    def _kept(self, gain: Tensor, energy: Tensor) -> Tensor:
        """(n, cells) 1 for those that are taken."""
        order = torch.argsort(gain / (energy.sqrt() + TINY), dim=1, descending=True)
        fits = energy.gather(1, order).cumsum(dim=1) <= self.max_l2**2
        return torch.zeros_like(gain).scatter(1, order, fits.to(gain.dtype))


def _summed(values: Tensor, cells: Tensor) -> Tensor:
    """(..., cells) sums over the positions of each cell, of (..., positions)."""
    shape = (*values.shape[:-1], int(cells[-1]) + 1)
    return values.new_zeros(shape).index_add(values.dim() - 1, cells, values)


@cache
def _cells(extent: tuple[int, ...], patch: int) -> Tensor:
    """(positions,) the cell of each, in the grid that attacks have; the last position is of the last cell."""
    grid = make_grid([min(patch, max(extent))], extent)
    return torch.from_numpy(np.asarray(grid.atom_of, np.int64).ravel())
