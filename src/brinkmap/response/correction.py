"""The response model put right for one sample: a ridge regression on what it sees of it, from the answers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from brinkmap.response.chunks import chunks
from brinkmap.response.looks import Model

__all__ = ["MEMORY", "RIDGE", "Correction", "Corrections"]

MEMORY, REMEMBERED = 64, 192
"""Answers of each sample that are kept, the latest; the second where features tell places apart."""
RIDGE = 0.01
"""Weight of the penalty, as a share of the mean squared distance of what was asked from the clean sample."""
AWAY = 0.5
"""Share of what the model got wrong about the clean sample that is expected elsewhere, before any answer from there."""
COMMON = 0.3
"""Weight of what an answer says of all that is away from the clean sample, as a share of the same mean square."""
HELD = 16.0
"""How much more of a correction rests on what is seen at each place than on the means over all places."""
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
        return Correction(*(one[rows] for one in self))


class Corrections:
    """What the model gets wrong about each sample: an offset, and what is linear in the features from the clean one on.

    For every slot, the weights W and the row b minimise |F W + b - R|^2 + k |W|^2 + l |b|^2 over the answers kept: F
    are the features of what was asked less those of the clean sample, R the victim's log-probabilities minus the
    model's less AWAY times the same at the clean sample; k is a share of the mean squared row of F, and k / l another,
    so that the scale of the features does not matter. The clean sample itself is not among the answers: models fall
    short of the victim's margins and of their falls alike, so that about half of what is missing there is missing where
    a flip is near (docs/design/0003-response-agent.md).
    Of a `Placed` model the features of both kinds are first brought to one scale, those of places to HELD times the
    mean squared row.

    Args:
        slots: how many samples are held.
        features: what the model sees.
        classes: of the victim.
        own: how many of the features are means; the others are those of places. None for all.
    """

    def __init__(self, slots: int, features: int, classes: int, own: int | None = None) -> None:
        own = features if own is None else own
        self._memory = memory = MEMORY if own == features else REMEMBERED
        self._kinds = [slice(0, features)] if own == features else [slice(0, own), slice(own, features)]
        self._shares = [1.0] if own == features else [1 / (1 + HELD), HELD / (1 + HELD)]
        self._origin, self._offset = torch.zeros(slots, features), torch.zeros(slots, classes)
        self._features = torch.zeros(slots, memory, features)
        self._products = torch.zeros(len(self._kinds), slots, memory, memory)
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
        self._products[:, slots] = 0
        for kept in (self._features, self._residuals, self._weights, self._common):
            kept[slots] = 0

    def of(self, slots: Tensor) -> Correction:
        """What is known of these slots (n,)."""
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
            here, at = slots[rows], place[rows]
            for kind, products in zip(self._kinds, self._products, strict=True):
                seen = self._features[here][:, :, kind]
                new = (seen @ seen[torch.arange(len(here)), at][:, :, None])[:, :, 0]
                products[here, at], products[here, :, at] = new, new
            weights, common = self._fitted(here)
            self._weights[here[:count]], self._common[here[:count]] = weights[:count], common[:count]

    def _fitted(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (n, features, classes), and what is common (n, classes)."""
        gram, scale = self._gram(slots)
        dual = torch.linalg.solve(gram, self._residuals[slots])
        weights = scale[:, :, None] * (self._features[slots].transpose(1, 2) @ dual)
        return weights, COMMON * (self._here(slots)[:, :, None] * dual).sum(dim=1)

    def _gram(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """(n, memory, memory) of the answers kept, and (n, features) the squared scale that makes its mean diagonal 1.

        Empty rows are zero, but for the penalty, and weigh nothing.
        """
        kept, here = self._count[slots].clamp(min=1, max=self._memory), self._here(slots)
        gram = RIDGE * torch.eye(self._memory) + COMMON * here[:, :, None] * here[:, None]
        scales = []
        for share, kind, products in zip(self._shares, self._kinds, self._products[:, slots], strict=True):
            scale = share * kept / (products.diagonal(dim1=1, dim2=2).sum(dim=1) + TINY)
            gram = gram + scale[:, None, None] * products
            scales.append(scale[:, None].expand(-1, kind.stop - kind.start))
        return gram, torch.cat(scales, dim=1)

    def _here(self, slots: Tensor) -> Tensor:
        """(n, memory) 1 where an answer is kept."""
        return (torch.arange(self._memory) < self._count[slots][:, None]).float()
