"""A model that also sees what its sample holds in each cell, so that corrections can say what the network cannot."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from brinkmap.plan import Canvas
from brinkmap.response.looks import Model

__all__ = ["Grounded", "few_enough"]

MOST = 1024
"""Numbers about cells at most: an attack has some hundred answers to say what they are worth."""


def few_enough(canvas: Canvas) -> bool:
    """Whether a grid has so few cells that answers can tell what each is worth."""
    return canvas.shape[0] * canvas.grid.cells <= MOST


@final
class Grounded(nn.Module):
    """A response model whose features are followed by the sample's mean values in each cell.

    The head gives them no weight, so that the model says what it said. But a correction that is linear in them learns
    from a sample's own answers which way the margin falls in each cell, where the network's last features, trained on
    other samples, hold no such direction.

    Args:
        model: the network as it is looked through.
        canvas: with one grid; says which cell each value belongs to.
    """

    def __init__(self, model: Model, canvas: Canvas) -> None:
        super().__init__()
        self.model, self.own = model, model.head.in_features
        self._cell_of = torch.from_numpy(canvas.grid.atom_of).long()
        self._cells = canvas.grid.cells
        self._weight = self._cell_of.bincount().float().rsqrt()[self._cell_of]  # an even change keeps its L2
        width = self.own + canvas.shape[0] * self._cells
        self.head = skip_init(nn.Linear, width, model.head.out_features)  # nothing is drawn from torch's generator
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.weight[:, : self.own] = model.head.weight
            self.head.bias.copy_(model.head.bias)
        self.head.requires_grad_(False)

    def features(self, samples: Tensor) -> Tensor:
        """(n, own + channels * cells) of samples (n, c, *extent)."""
        values = samples.flatten(2) * self._weight
        held = values.new_zeros(*values.shape[:2], self._cells).index_add(2, self._cell_of, values)
        return torch.cat([self.model.features(samples), held.flatten(1)], dim=1)
