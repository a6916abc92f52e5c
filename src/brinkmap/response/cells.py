"""What a policy sees of each cell, and the network that speaks of each: the same for signals, pictures and clips."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from brinkmap.arrays import Array, Floats
from brinkmap.env.observation import Observation
from brinkmap.errors import InputError
from brinkmap.objective import log_probabilities
from brinkmap.plan import KEEP, REMOVE, Canvas

__all__ = [
    "CODE_WIDTH",
    "CONTENTS",
    "CONVOLUTIONS",
    "STANDINGS",
    "CellBlock",
    "CellNet",
    "allowed",
    "cell_contents",
    "cell_counts",
    "everywhere",
    "standings",
]

CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
"""For each rank."""
CONTENTS = 3
"""Numbers a channel that a cell's content is told in: mean, standard deviation, gradient magnitude."""
ANSWERS = 5
"""The likeliest classes whose log-probabilities are told."""
STANDINGS = 5 + ANSWERS
"""Numbers that say how a sample stands."""
FARTHEST_NATS = 20.0
"""Margins and log-probabilities beyond this are told as this: one-hot answers would drown the rest."""
FLAT = 1e-3
"""A standard deviation or gradient that counts as none, on samples scaled to 0..1."""
CODE_WIDTH = 16
"""Numbers that a cell's code is told in; they are learned."""
NEVER = -1e8
"""The logit of what is not allowed: exactly no probability in float32, and finite, so that gradients stay so."""


def cell_counts(canvas: Canvas) -> tuple[int, ...]:
    """Cells an axis.

    Raises:
        InputError: the canvas has several patch sizes.
    """
    counts = canvas.grid.counts
    if len(counts) > 1:
        raise InputError(f"patch: this agent takes one patch size, got {len(counts)}. Give one.")
    return counts[0]


def cell_contents(canvas: Canvas, sample: Array) -> Array:
    """What a clean sample holds in each cell: for each channel its mean, its spread and how much it changes there.

    One sample at a time, so that no other sample of a batch can touch the last bits.

    Args:
        canvas: shape, bounds and grid, of one patch size.
        sample: (c, *extent) within the bounds.

    Returns:
        (3 * c, *counts) float32: means around 0; logarithms of the standard deviation and of the gradient, because a
        signal with wide bounds has little of either.
    """
    [size] = canvas.grid.sizes
    scaled = (sample.astype(np.float64) - canvas.bounds[0]) / canvas.span
    steep = np.zeros_like(scaled)
    for axis in range(1, scaled.ndim):
        last = np.take(scaled, [-1], axis)
        steep += np.diff(scaled, axis=axis, append=last) ** 2  # an axis of one value has no gradient
    mean = _mean_of_cells(scaled, size)
    spread = np.sqrt(np.maximum(_mean_of_cells(scaled**2, size) - mean**2, 0))
    gradient = _mean_of_cells(np.sqrt(steep), size)
    told = [2 * mean - 1, *(np.log10(one + FLAT) + 1.5 for one in (spread, gradient))]
    return np.concatenate(told).astype(np.float32)


def _mean_of_cells(values: Floats, size: tuple[int, ...]) -> Floats:
    """(c, *extent) averaged over cells of one size, (c, *counts); cells at the far edges may be smaller."""
    for axis, along in enumerate(size, start=1):
        begins = np.arange(0, values.shape[axis], along)
        lengths = np.diff(begins, append=values.shape[axis])
        shape = [-1 if one == axis else 1 for one in range(values.ndim)]
        values = np.add.reduceat(values, begins, axis=axis) / lengths.reshape(shape)
    return values


def standings(observation: Observation) -> Array:
    """(n, STANDINGS) float32: margin, distance, share of the bound, queries left, phase, the likeliest classes."""
    n, classes = observation.answers.shape
    l2 = observation.l2.astype(np.float32)
    likeliest = -np.sort(-log_probabilities(observation.answers), axis=1)[:, :ANSWERS]
    answers = np.full((n, ANSWERS), -FARTHEST_NATS, np.float32)
    answers[:, : min(classes, ANSWERS)] = np.maximum(likeliest, -FARTHEST_NATS)
    alone = [
        np.clip(observation.margins, -FARTHEST_NATS, FARTHEST_NATS) / 4,
        np.log1p(l2),
        l2 / observation.max_l2.astype(np.float32),  # 0 without a bound, which is infinite
        np.log1p(np.maximum(observation.remaining, 0).astype(np.float64)) / 4,
        observation.refining,
    ]
    return np.concatenate([np.stack(alone, axis=1), answers / 4], axis=1).astype(np.float32)


def allowed(codes: Tensor, cards: int, removes: bool = True) -> Tensor:
    """(n, cells, cards + 2) bool: all but taking away where nothing is, and adding what is there already.

    Args:
        codes: (n, cells) int64, the incumbents.
        cards: how many there are.
        removes: whether what is there may be taken away or exchanged, too.
    """
    may = torch.ones(*codes.shape, cards + 2, dtype=torch.bool, device=codes.device)
    if not removes:
        may[..., KEEP + 1 :] = (codes == 0)[..., None]
    idle = torch.where(codes > 0, codes + 1, REMOVE)  # the one choice that would change nothing, beside keeping
    return may.scatter(2, idle[..., None], False)


@final
class CellNet(nn.Module):
    """Says for each cell how much it would keep, remove or add each card, and what the whole sample is worth.

    Args:
        channels: of a sample.
        rank: axes of its extent, 1 to 3.
        cards: how many a cell can be given.
        width: channels of every layer.
        blocks: residual blocks; each sees one cell further, and the mean of all of them.
        removes: whether it may take away or exchange what a cell was given; if not, it only ever adds.
    """

    def __init__(
        self, channels: int, rank: int, cards: int, width: int = 64, blocks: int = 3, removes: bool = True
    ) -> None:
        super().__init__()
        conv = CONVOLUTIONS[rank]
        self.cards, self.removes = cards, removes
        self.codes = nn.Embedding(cards + 1, CODE_WIDTH)
        self.stem = conv(CONTENTS * channels + CODE_WIDTH, width, 3, padding=1)
        self.stand = nn.Linear(STANDINGS, width)
        self.blocks = nn.ModuleList(CellBlock(conv, width) for _ in range(blocks))
        self.head = conv(width, cards + 2, 1)
        self.worth = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))
        with torch.no_grad():  # begins close to indifferent: what it is shown decides nothing before it has learned
            self.head.weight.mul_(0.01)
            self.head.bias.zero_()

    def expect_changes(self, changes: float, cells: int) -> None:
        """Bias it to keep, so that untrained it changes about so many cells of so many.

        Without that each cell would nearly always change, and no distance bound has room for all of them.
        """
        share = min(changes / cells, 0.5)
        with torch.no_grad():  # of `cards + 1` choices a cell has, in every state, `cards` change it
            self.head.bias[KEEP] = float(np.log(self.cards * (1 - share) / share))

    def features(self, contents: Tensor, codes: Tensor, standings: Tensor) -> Tensor:
        """(n, width, *counts) what the last layers see; arguments as for `forward`."""
        counts = contents.shape[2:]
        embedded = self.codes(codes).transpose(1, 2).unflatten(2, counts)
        out = self.stem(torch.cat([contents, embedded], dim=1))
        out = torch.relu(out + everywhere(self.stand(standings), out))
        for block in self.blocks:
            out = block(out)
        return out

    def forward(self, contents: Tensor, codes: Tensor, standings: Tensor) -> tuple[Tensor, Tensor]:
        """What it would do to samples.

        Args:
            contents: (n, 3 * c, *counts) of `cell_contents`.
            codes: (n, cells) int64, the incumbents.
            standings: (n, STANDINGS).

        Returns:
            Logits (n, cells, cards + 2) of keep, remove and each card, with what is not allowed at -1e8; and (n,)
            what it expects to earn.
        """
        out = self.features(contents, codes, standings)
        logits = self.head(out).flatten(2).transpose(1, 2)
        flat = out.flatten(2)
        worth = self.worth(torch.cat([flat.mean(dim=2), flat.amax(dim=2)], dim=1))
        return logits.masked_fill(~allowed(codes, self.cards, self.removes), NEVER), worth[:, 0]


class CellBlock(nn.Module):
    """Two convolutions and a look at the mean of all cells, with a way round them."""

    def __init__(self, conv: Any, width: int) -> None:
        super().__init__()
        self.first = conv(width, width, 3, padding=1)
        self.second = conv(width, width, 3, padding=1)
        self.overall = nn.Linear(width, width)

    def forward(self, values: Tensor) -> Tensor:
        """(n, width, *counts) to the same."""
        inner = torch.relu(self.first(values) + everywhere(self.overall(values.flatten(2).mean(dim=2)), values))
        return torch.relu(values + self.second(inner))


def everywhere(vectors: Tensor, like: Tensor) -> Tensor:
    """(n, width) shaped to be added to every cell of (n, width, *counts)."""
    return vectors.reshape(*vectors.shape, *([1] * (like.ndim - 2)))
