"""How weights follow the gradient: the paper's way, one that needs fewer epochs, and one that can end at any time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol, final

import torch
from torch import nn

__all__ = ["Modern", "Optimiser", "Published", "Steady"]


class Optimiser(Protocol):
    """A torch optimiser and the learning rate of every step."""

    @property
    def open_ended(self) -> bool:
        """Whether rates do not depend on how many steps there will be, so that a training can be prolonged."""

    def begin(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """For these parameters."""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of the step-th of so many steps, counted from 0."""


@final
@dataclass(frozen=True)
class Published:
    """RMSprop as Keras has it, with the settings of Gupta 2020: rate 1e-4, falling by 1e-6 of itself a step."""

    first: float = 1e-4
    decay: float = 1e-6
    open_ended: ClassVar[bool] = True

    def begin(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Keras forgets a tenth of the squares a step and adds 1e-7."""
        return torch.optim.RMSprop(parameters, lr=self.first, alpha=0.9, eps=1e-7)

    def rate(self, step: int, steps: int) -> float:
        """Hyperbolic; does not depend on how many steps there will be."""
        return self.first / (1 + self.decay * step)


@final
@dataclass(frozen=True)
class Modern:
    """AdamW, its rate rising over the first tenth of the steps and falling as a cosine after that."""

    most: float = 1e-3
    warm_up: float = 0.1
    weight_decay: float = 5e-4
    open_ended: ClassVar[bool] = False

    def begin(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """With the usual memories."""
        return torch.optim.AdamW(parameters, lr=self.most, weight_decay=self.weight_decay)

    def rate(self, step: int, steps: int) -> float:
        """From nearly nothing to nearly nothing."""
        share = (step + 1) / max(steps, 1)
        if share < self.warm_up:
            return self.most * share / self.warm_up
        return self.most * 0.5 * (1 + math.cos(math.pi * (share - self.warm_up) / (1 - self.warm_up)))


@final
@dataclass(frozen=True)
class Steady:
    """AdamW, its rate rising over the first steps and staying there: for trainings whose end is not known."""

    most: float = 5e-4
    warm_up: int = 100
    """Steps."""
    weight_decay: float = 5e-4
    open_ended: ClassVar[bool] = True

    def begin(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """With the usual memories."""
        return torch.optim.AdamW(parameters, lr=self.most, weight_decay=self.weight_decay)

    def rate(self, step: int, steps: int) -> float:
        """Does not depend on how many steps there will be."""
        return self.most * min(1.0, (step + 1) / max(self.warm_up, 1))
