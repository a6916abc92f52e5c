"""The response model put right for one sample: a ridge regression on what it sees of it, from the answers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from brinkmap.response.chunks import chunks
from brinkmap.response.looks import Model

__all__ = ["MEMORY", "RIDGE", "Correction", "Corrections"]

MEMORY, REMEMBERED = 64, 192
"""Answers of each sample that are kept, the latest; the second where features say what each cell holds."""
RIDGE = 0.1
"""Weight of the penalty, as a share of the mean squared distance of what was asked from the clean sample."""
AWAY = 0.5
"""Share of what the model got wrong about the clean sample that is expected elsewhere, before any answer from there."""
COMMON = 0.3
"""Weight of what an answer says of all that is away from the clean sample, as a share of the same mean square."""
HELD = 16.0
"""How much more of a correction rests on what the sample holds in its cells than on the network's features."""
TINY = 1e-12


class Correction(NamedTuple):
    """What is added to the model's logits for some samples."""

    origin: Tensor
    """(n, features) of the clean samples."""
    offset: Tensor
    """(n, classes) what the model gets wrong about these samples, whatever is done to them."""
    weights: Tensor
    """(n, features, classes)."""

    def of(self, features: Tensor) -> Tensor:
        """(n, classes) for features (n, features)."""
        return self.offset + torch.bmm((features - self.origin)[:, None], self.weights)[:, 0]

    @classmethod
    def none(cls, net: Model, count: int) -> Correction:
        """The model of `count` samples left as it is."""
        width, classes = net.head.in_features, net.head.out_features
        return cls(torch.zeros(count, width), torch.zeros(count, classes), torch.zeros(count, width, classes))

    def rows(self, rows: Tensor) -> Correction:
        """Only these rows."""
        return Correction(self.origin[rows], self.offset[rows], self.weights[rows])


class Corrections:
    """What the model gets wrong about each sample: an offset, and what is linear in the features from the clean one on.

    For every slot, the weights W and the row b minimise |F W + b - R|^2 + k |W|^2 + l |b|^2 over the answers kept: F
    are the features of what was asked less those of the clean sample, R the victim's log-probabilities minus the
    model's less AWAY times the same at the clean sample; k is a share of the mean squared row of F, and k / l another,
    so that the scale of the features does not matter. The clean sample itself is not among the answers: models fall
    short of the victim's margins and of their falls alike, so that about half of what is missing there is missing where
    a flip is near (docs/design/0003-response-agent.md).
    Of a `Grounded` model the features of both kinds are first brought to one scale, those about cells to HELD times the
    mean squared row.

    Args:
        slots: how many samples are held.
        features: what the model sees.
        classes: of the victim.
        own: how many of the features are the network's; the others say what cells hold. None for all.
    """

    def __init__(self, slots: int, features: int, classes: int, own: int | None = None) -> None:
        self._own = features if own is None else own
        self._memory = memory = MEMORY if self._own == features else REMEMBERED
        self._origin, self._offset = torch.zeros(slots, features), torch.zeros(slots, classes)
        self._features = torch.zeros(slots, memory, features)
        self._residuals = torch.zeros(slots, memory, classes)
        self._count = torch.zeros(slots, dtype=torch.long)
        self._weights = torch.zeros(slots, features, classes)
        self._common = torch.zeros(slots, classes)

    def begin(self, slots: Tensor, features: Tensor, residuals: Tensor) -> None:
        """Start anew with these slots, from the answers to their clean samples.

        Args:
            slots: (n,).
            features: (n, features).
            residuals: (n, classes) the victim's log-probabilities minus the model's own.
        """
        self._origin[slots], self._offset[slots] = features, AWAY * residuals
        self._count[slots] = 0
        for kept in (self._features, self._residuals, self._weights, self._common):
            kept[slots] = 0

    def of(self, slots: Tensor) -> Correction:
        """What is known of these slots."""
        return Correction(self._origin[slots], self._offset[slots] + self._common[slots], self._weights[slots])

    def learn(self, slots: Tensor, features: Tensor, residuals: Tensor) -> None:
        """Take in one answer for each of these slots.

        Args:
            slots: (n,) each at most once.
            features: (n, features) of what was asked.
            residuals: (n, classes) the victim's log-probabilities minus the model's own.
        """
        place = self._count[slots] % self._memory
        self._features[slots, place] = features - self._origin[slots]
        self._residuals[slots, place] = residuals - self._offset[slots]
        self._count[slots] += 1
        for rows, count in chunks(len(slots)):
            weights, common = self._fitted(slots[rows])
            self._weights[slots[rows[:count]]], self._common[slots[rows[:count]]] = weights[:count], common[:count]

    def _fitted(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (n, features, classes), and what is common to all answers (n, classes)."""
        seen, missed = self._features[slots], self._residuals[slots]  # empty rows are zero and weigh nothing
        kept = self._count[slots].clamp(max=self._memory)
        scale = self._scale(seen)
        scaled = seen * scale[:, None]
        mean_square = (scaled.square().sum(dim=(1, 2)) / kept + TINY)[:, None, None]
        here = (torch.arange(self._memory) < kept[:, None]).float()[:, :, None]
        gram = scaled @ scaled.transpose(1, 2) + COMMON * mean_square * (here @ here.transpose(1, 2))
        dual = torch.linalg.solve(gram + RIDGE * mean_square * torch.eye(self._memory), missed)
        common = COMMON * mean_square[:, 0] * (here * dual).sum(dim=1)
        return scale[:, :, None] * (scaled.transpose(1, 2) @ dual), common

    def _scale(self, seen: Tensor) -> Tensor:
        """(n, features) what each feature is multiplied with, so that both kinds weigh what they should."""
        n, _, features = seen.shape
        if features == self._own:
            return torch.ones(n, features)
        network, cells = (part.square().sum(dim=(1, 2)) + TINY for part in seen.tensor_split([self._own], dim=2))
        scale = torch.stack([network.rsqrt(), (cells / HELD).rsqrt()], dim=1)
        return scale.repeat_interleave(torch.tensor([self._own, features - self._own]), dim=1)
