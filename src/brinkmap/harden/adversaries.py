"""What a classifier under training is shown: the samples, or what an attack of this very step makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from brinkmap.errors import InputError

__all__ = ["FGSM", "PGD", "Adversary", "Unchanged", "slope"]


class Adversary(Protocol):
    """Changes samples against a network, within their range."""

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """What the network is to be shown.

        Args:
            net: to logits; left in the mode it is in.
            samples: (n, c, *extent) on 0..1.
            labels: (n,) int64.
            generator: whatever is random comes from it.

        Returns:
            (n, c, *extent) on 0..1.
        """


@final
@dataclass(frozen=True)
class Unchanged:
    """The samples themselves."""

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """As they are."""
        return samples


@final
@dataclass(frozen=True)
class FGSM:
    """One step along the signs of the gradient of cross-entropy (Goodfellow et al. 2015, arXiv:1412.6572)."""

    epsilon: float = 8 / 255
    """The Linf distance, on 0..1."""

    def __post_init__(self) -> None:
        _check_epsilon(self.epsilon)

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """At the distance, or at the end of the range."""
        return (samples + self.epsilon * slope(net, samples, labels).sign()).clamp(0, 1)


@final
@dataclass(frozen=True)
class PGD:
    """Several such steps from a random start, each brought back within the distance.

    Source: Madry et al. 2018, arXiv:1706.06083; the numbers are Gupta's (5 steps of 2/255 within 8/255).
    """

    epsilon: float = 8 / 255
    """The Linf distance, on 0..1."""
    stride: float = 2 / 255
    steps: int = 5

    def __post_init__(self) -> None:
        _check_epsilon(self.epsilon)
        if self.steps < 1:
            raise InputError(f"steps: expected at least 1, got {self.steps}.")

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Within the distance."""
        start = torch.empty_like(samples).uniform_(-self.epsilon, self.epsilon, generator=generator)
        now = (samples + start).clamp(0, 1)
        for _ in range(self.steps):
            now = now + self.stride * slope(net, now, labels).sign()
            now = torch.clamp(now, samples - self.epsilon, samples + self.epsilon).clamp(0, 1)
        return now


def slope(net: nn.Module, samples: Tensor, labels: Tensor) -> Tensor:
    """(n, c, *extent) the gradient of each sample's cross-entropy; the network is asked in evaluation mode."""
    given = samples.detach().clone().requires_grad_()
    with _at_rest(net):
        loss = functional.cross_entropy(net(given), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, given)
    return gradient


@contextmanager
def _at_rest(net: nn.Module) -> Iterator[None]:
    """Dropout off, and batch statistics left alone: what is made is made against the network as it will be used."""
    before = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(before)


def _check_epsilon(epsilon: float) -> None:
    if not 0 < epsilon <= 1:
        raise InputError(f"epsilon: expected a distance above 0 and up to 1, got {epsilon}. 8/255 is 0.0314.")
