"""A model whose features are followed by what it sees place by place, so that corrections can tell places apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from brinkmap.response.looks import Model
from brinkmap.response.net import averaged

__all__ = ["Placed", "Places"]

MOST = {1: 16, 2: 4, 3: 2}
"""Places an axis, by rank: an attack has some hundred answers to say what each place is worth."""
POOL: dict[int, Callable[[Tensor, Any], Tensor]] = {
    1: functional.adaptive_avg_pool1d, 2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d,
}  # fmt: skip


class Places(Model, Protocol):
    """A model that can say what its features are the mean of."""

    def places(self, samples: Tensor) -> Tensor:
        """(n, features, *places)."""
        ...


@final
class Placed(nn.Module):
    """A model whose features are followed by the same features at each place that they are the mean of.

    The head gives them no weight, so that the model says what it said. But a correction that is linear in them learns
    from a sample's own answers where in the sample which feature counts. The gradients that it can add are made of what
    the network has learned to see, and lie much nearer to what is missing than directions in general: of what separates
    a CIFAR-10 victim's gradient from the model's, 50 answers along such directions find 12 to 19 % of the square,
    along smooth ones 3 to 8 %, along any 1.6 % (benchmarks/directions.py).

    Args:
        model: the network as it is looked through.
        shape: (c, *extent) of a sample.
    """

    def __init__(self, model: Places, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.own = model, model.head.in_features
        with torch.no_grad():
            seen = model.places(torch.full((1, *shape), 0.5)).shape[2:]
        self._sides = [min(side, MOST[len(seen)]) for side in seen]
        width = self.own * (1 + math.prod(self._sides))
        self.head = skip_init(nn.Linear, width, model.head.out_features)  # nothing is drawn from torch's generator
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.weight[:, : self.own] = model.head.weight
            self.head.bias.copy_(model.head.bias)
        self.head.requires_grad_(False)

    def features(self, samples: Tensor) -> Tensor:
        """(n, own * (1 + places)) of samples (n, c, *extent)."""
        places = self.model.places(samples)
        mean = averaged(places)
        if list(places.shape[2:]) != self._sides:
            places = POOL[len(self._sides)](places, self._sides)
        return torch.cat([mean, places.flatten(1)], dim=1)
