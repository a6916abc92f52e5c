"""What a classifier is trained towards: the labels, or rewards for answers that it draws from its own softmax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, final

import torch
from torch import Tensor
from torch.nn import functional

from brinkmap.harden.rewards import Baseline, Constant, NoBaseline, RewardSchedule

__all__ = ["CrossEntropy", "Objective", "Outcome", "PolicyGradient"]


class Outcome(NamedTuple):
    """What an objective makes of a batch."""

    loss: Tensor
    """A scalar to be lowered."""
    right: Tensor
    """(n,) bool, which answers were right."""
    reward: float
    """The mean reward of these answers; of +1 and -1 where the objective has none."""


class Objective(Protocol):
    """Anything that tells from logits and labels which way to go."""

    def __call__(self, logits: Tensor, labels: Tensor, mistakes: Tensor, generator: torch.Generator) -> Outcome:
        """The loss of a batch.

        Args:
            logits: (n, classes).
            labels: (n,) int64.
            mistakes: (n,) int64, how often in a row each sample was answered wrongly before.
            generator: whatever is random comes from it.
        """


@final
@dataclass(frozen=True)
class CrossEntropy:
    """The usual loss."""

    def __call__(self, logits: Tensor, labels: Tensor, mistakes: Tensor, generator: torch.Generator) -> Outcome:
        """Answers are the likeliest classes."""
        right = logits.argmax(dim=1) == labels
        return Outcome(functional.cross_entropy(logits, labels), right, float(2 * right.float().mean() - 1))


@final
@dataclass(frozen=True)
class PolicyGradient:
    """-(1/n) sum log p(a|s) R for a class a drawn from the softmax: REINFORCE with one step an episode.

    Source: Gupta 2020 (SVRHM workshop, NeurIPS), equation 1; Williams 1992.
    """

    rewards: RewardSchedule = field(default_factory=Constant)
    """What an answer earns."""
    baseline: Baseline = field(default_factory=NoBaseline)
    """What is taken off to steady the learning; the paper takes nothing off."""

    def __call__(self, logits: Tensor, labels: Tensor, mistakes: Tensor, generator: torch.Generator) -> Outcome:
        """Answers are drawn."""
        logs = functional.log_softmax(logits, dim=1)
        chances = logs.detach().exp()
        drawn = torch.multinomial(chances, 1, generator=generator)
        right = drawn.squeeze(1) == labels
        earned = self.rewards(right, labels, mistakes)
        off = self.baseline(
            earned,
            chances.gather(1, labels[:, None]).squeeze(1),
            self.rewards(torch.ones_like(right), labels, mistakes),
            self.rewards(torch.zeros_like(right), labels, mistakes),
        )
        loss = -(logs.gather(1, drawn).squeeze(1) * (earned - off)).mean()
        return Outcome(loss, right, float(earned.mean()))
