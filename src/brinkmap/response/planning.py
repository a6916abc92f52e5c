"""Plans made in the response model, where queries are free: the margin's gradient, and what a plan can make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.response.correction import Correction
from brinkmap.response.knapsack import best_codes, gains_of
from brinkmap.response.net import ResponseNet

__all__ = ["CHUNK", "Forecast", "Sheet", "Task", "features_of", "forecast", "plan"]

CHUNK = 32
"""Rows of every pass through the network, padded: so what one sample gets does not depend on the others."""


@dataclass(frozen=True)
class Sheet:
    """What a batch of samples could be made into."""

    paintings: Array
    """(n, codes, values) under each code, on the scale 0..1; code 0 is clean."""
    energy: Floats
    """(n, codes, cells) squared L2 of each code in each cell."""
    values: Ints
    """(cells, largest) the flat indices of each cell's values."""
    cell_of: Ints
    """(values,) the cell of each."""
    shape: tuple[int, ...]

    @property
    def clean(self) -> Array:
        """(n, values)."""
        return self.paintings[:, 0]

    def render(self, codes: Ints) -> Array:
        """(n, values) the samples under plans (n, cells)."""
        return np.take_along_axis(self.paintings, codes[:, None, self.cell_of].astype(np.intp), axis=1)[:, 0]


@dataclass(frozen=True)
class Forecast:
    """What the model says of some images."""

    margins: Array
    """(n,) the reference's lead in nats."""
    gradient: Array
    """(n, values) of the margin."""


def forecast(
    net: ResponseNet, correction: Correction, images: Array, references: Ints, shape: tuple[int, ...]
) -> Forecast:
    """The corrected model's margin and its gradient.

    Args:
        net: the model, in eval mode.
        correction: of the n samples.
        images: (n, values).
        references: (n,) the class to be left.
        shape: of a sample.
    """
    margins, gradients = [], []
    for rows, count, asked in _chunks(images, shape):
        features = net.features(asked.requires_grad_())
        logits = net.head(features)[:count] + correction.of(features[:count], rows)
        own = torch.from_numpy(references[rows])[:, None]
        others = logits.scatter(1, own, -torch.inf).amax(dim=1)
        margin = logits.gather(1, own)[:, 0] - others
        (gradient,) = torch.autograd.grad(margin.sum(), asked)
        margins.append(margin.detach().numpy())
        gradients.append(gradient[:count].reshape(count, -1).numpy())
    return Forecast(np.concatenate(margins), np.concatenate(gradients))


@dataclass(frozen=True)
class Task:
    """What is to be planned."""

    sheet: Sheet
    references: Ints
    """(n,) the classes to be left."""
    max_l2: Floats
    """(n,) infinite for none."""


def plan(
    net: ResponseNet, correction: Correction, task: Task, start: Array, push: Array, steps: int
) -> tuple[Ints, Array]:
    """The plans that the model thinks best after some steps of dual averaging within the bound.

    Every step adds the normalised gradient at the latest plan to a running sum, and takes the plan that is best for
    that sum; the best plan on the way counts.

    Args:
        net: the model.
        correction: of the samples.
        task: the samples.
        start: (n, values) where the first gradient is taken.
        push: (n, values) what the sum begins with: zero, or a random direction to explore.
        steps: gradients taken.

    Returns:
        Codes (n, cells), and the margins (n,) that the model forecasts for them.

    Source: Nesterov 2009, Primal-dual subgradient methods for convex problems, Math. Program. 120:221-259.
    """
    sheet, references, max_l2 = task.sheet, task.references, task.max_l2
    total = push.copy()
    best = np.zeros((len(start), len(sheet.values)), np.int16)
    least = np.full(len(start), np.inf, np.float32)
    seen = forecast(net, correction, start, references, sheet.shape)
    for _ in range(steps):
        total += seen.gradient / (np.linalg.norm(seen.gradient, axis=1, keepdims=True) + 1e-12)
        gains = gains_of(total, sheet.paintings, sheet.clean, sheet.values)
        codes = best_codes(gains, sheet.energy, max_l2)
        seen = forecast(net, correction, sheet.render(codes), references, sheet.shape)
        better = seen.margins < least
        best[better], least[better] = codes[better], seen.margins[better]
    return best, least


def features_of(net: ResponseNet, images: Array, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The model's last features (n, features) of images (n, values), and its own log-probabilities (n, classes)."""
    features = []
    with torch.no_grad():
        for _, count, asked in _chunks(images, shape):
            features.append(net.features(asked)[:count])
        found = torch.cat(features)
        return found, net.head(found).log_softmax(dim=1)


def _chunks(images: Array, shape: tuple[int, ...]) -> Iterator[tuple[slice, int, Tensor]]:
    """Which rows, how many they are, and these as samples, padded to a whole chunk."""
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        padded = np.zeros((CHUNK, *shape), np.float32)
        padded[: len(part)] = part.reshape(-1, *shape)
        yield slice(start, start + CHUNK), len(part), torch.from_numpy(padded)
