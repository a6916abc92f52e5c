"""What an answer is worth to a classifier that learns from rewards, and what is taken off to steady the learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor

from brinkmap.errors import InputError

__all__ = [
    "Balanced",
    "Baseline",
    "Constant",
    "ExpectedReward",
    "MeanReward",
    "NoBaseline",
    "Repeated",
    "RewardSchedule",
]


class RewardSchedule(Protocol):
    """Pure: the same answers get the same rewards."""

    def __call__(self, right: Tensor, labels: Tensor, mistakes: Tensor) -> Tensor:
        """What each answer earns.

        Args:
            right: (n,) bool, whether the sampled class is the label.
            labels: (n,) int64.
            mistakes: (n,) int64, how often in a row the sample was answered wrongly before.

        Returns:
            (n,) float32.
        """


@final
@dataclass(frozen=True)
class Constant:
    """The paper's: +1 for a right answer, -1 for a wrong one (Gupta 2020, section 2)."""

    right: float = 1.0
    wrong: float = -1.0

    def __call__(self, right: Tensor, labels: Tensor, mistakes: Tensor) -> Tensor:
        """The same for every sample."""
        return torch.where(right, self.right, self.wrong)


@final
@dataclass(frozen=True)
class Repeated:
    """A penalty that grows with every mistake in a row on the same sample, as the paper suggests (sections 2 and 5)."""

    growth: float = 0.5
    """What each earlier mistake adds to the penalty of 1."""
    most: int = 4
    """Earlier mistakes that count."""

    def __call__(self, right: Tensor, labels: Tensor, mistakes: Tensor) -> Tensor:
        """+1, or -1 and more."""
        return torch.where(right, 1.0, -1.0 - self.growth * mistakes.clamp(max=self.most))


@final
@dataclass(frozen=True)
class Balanced:
    """Rewards and penalties of +-1 times a weight of the class, for data in which some are rare."""

    weights: tuple[float, ...]
    """One a class."""

    @classmethod
    def of(cls, labels: Sequence[int] | Tensor, classes: int) -> Balanced:
        """Weights that make every class count the same in the data: n / (classes * its number).

        Raises:
            InputError: a class has no sample.
        """
        counts = torch.bincount(torch.as_tensor(labels), minlength=classes)
        if (counts == 0).any():
            missing = torch.nonzero(counts == 0).flatten().tolist()
            raise InputError(
                f"balanced rewards: no sample of class {missing}. Leave it out, or give Balanced(weights)."
            )
        return cls(tuple((counts.sum() / (classes * counts)).tolist()))

    def __call__(self, right: Tensor, labels: Tensor, mistakes: Tensor) -> Tensor:
        """Plus or minus the label's weight."""
        return torch.where(right, 1.0, -1.0) * torch.tensor(self.weights, device=labels.device)[labels]


class Baseline(Protocol):
    """What is taken off a reward; the expected gradient stays, since it does not depend on the sample's own action."""

    def __call__(self, rewards: Tensor, chances: Tensor, if_right: Tensor, if_wrong: Tensor) -> Tensor:
        """What to take off.

        Args:
            rewards: (n,) as earned.
            chances: (n,) the probability of answering right.
            if_right: (n,) what a right answer would have earned.
            if_wrong: (n,) what a wrong one would have.

        Returns:
            (n,) float32.
        """


@final
@dataclass(frozen=True)
class NoBaseline:
    """Nothing, as in the paper."""

    def __call__(self, rewards: Tensor, chances: Tensor, if_right: Tensor, if_wrong: Tensor) -> Tensor:
        """Zeros."""
        return torch.zeros_like(rewards)


@final
@dataclass(frozen=True)
class MeanReward:
    """The mean of the other samples' rewards in the batch; 0 where there is no other."""

    def __call__(self, rewards: Tensor, chances: Tensor, if_right: Tensor, if_wrong: Tensor) -> Tensor:
        """One for each sample."""
        return (rewards.sum() - rewards) / max(len(rewards) - 1, 1)


@final
@dataclass(frozen=True)
class ExpectedReward:
    """What the network itself expects to earn on the sample; known exactly, since an episode is one answer.

    Steadies the gradient most at the outset, when nearly every answer is wrong; once most are right it no longer does.
    """

    def __call__(self, rewards: Tensor, chances: Tensor, if_right: Tensor, if_wrong: Tensor) -> Tensor:
        """One for each sample."""
        return chances * if_right + (1 - chances) * if_wrong
