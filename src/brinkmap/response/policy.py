"""The policy: a network that reads the response model's gains and says what each cell should become.

It scores keeping, removing and every card in each cell. The scores take the place of gains in the knapsack, so the
bound is met by construction, and how many cells change is the network's own choice.

For clips a policy may have two heads in place of one: a temporal one that scores every card for each tube of frames,
and a spatial one that scores it for each patch wherever in time. A cell is worth the sum of the two, so that both act
in one step and are trained by the same reward. The design is that of the RLAB authors' two video agents, whose
networks are not public.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from brinkmap.response.cells import CODE_WIDTH, CONTENTS, CONVOLUTIONS, STANDINGS, CellBlock, everywhere

__all__ = ["CLUES", "HEADS", "Policy", "Sight", "price", "shared", "shares_of_fall"]

HEADS: dict[str, dict[str, tuple[int, ...]]] = {
    "flat": {"cell": ()},
    "joint": {"temporal": (3, 4), "spatial": (2,)},
    "temporal": {"temporal": (3, 4)},
    "spatial": {"spatial": (2,)},
}
"""For each kind of policy its heads, and the axes of (n, channels, t, h, w) that each sees the mean of."""

CLUES = 6
"""Numbers that a cell's prospects are told in, beside its content and its code."""
LARGEST = 4.0
"""Clues beyond this are told as this."""
CHEAP = -3.0
"""Logarithm of what distance costs before anything is learned, in gains per energy."""
HALVINGS, REACH = 10, 64.0
"""How often the range is halved in which the price that meets a bound is looked for, and how far it goes each way."""
FADING = 0.8
"""What is left of a cell's credit one answer later."""
TINY = 1e-12


@dataclass(frozen=True)
class Sight:
    """What the policy is shown of n samples."""

    contents: Tensor
    """(n, 3 * c, *counts) of `cell_contents`."""
    standings: Tensor
    """(n, STANDINGS) margin, distance, bound, budget, the likeliest classes."""
    codes: Tensor
    """(n, cells) int64, the incumbents."""
    credit: Tensor
    """(n, cells) nats that past changes of a cell brought."""
    gains: Tensor
    """(n, codes, cells) the model's, to first order, at the incumbent; any scale."""
    energy: Tensor
    """(n, codes, cells) squared L2."""

    def scaled(self) -> tuple[Tensor, Tensor]:
        """Gains and energies in units of what the best card of a cell has on average, (n, codes, cells) each."""
        best, card = self.gains.max(dim=1, keepdim=True)
        spent = self.energy.gather(1, card)
        return tuple(  # type: ignore[return-value]
            one / (unit.mean(dim=2, keepdim=True) + TINY) for one, unit in ((self.gains, best), (self.energy, spent))
        )


@final
class Policy(nn.Module):
    """Scores what each cell could become: a weight on the model's gains, a price on distance, and its own opinion.

    Untrained it nearly follows the model's gradient; all it adds begins close to nothing.

    Args:
        channels: of a sample.
        rank: axes of its extent, 1 to 3.
        cards: how many a cell can be given.
        width: channels of every layer.
        blocks: residual blocks.
        heads: flat, joint, temporal or spatial; without a time axis beside its space a sample has flat ones.
    """

    def __init__(
        self, channels: int, rank: int, cards: int, width: int = 32, blocks: int = 2, heads: str = "flat"
    ) -> None:
        super().__init__()
        conv = CONVOLUTIONS[rank]
        self.heads = heads if rank == 3 else "flat"
        self.codes = nn.Embedding(cards + 1, CODE_WIDTH)
        self.stem = conv(CONTENTS * channels + CODE_WIDTH + CLUES, width, 3, padding=1)
        self.stand = nn.Linear(STANDINGS, width)
        self.blocks = nn.ModuleList(CellBlock(conv, width) for _ in range(blocks))
        heads_of = {name: conv(width, 3 + cards + 1, 1) for name in HEADS[self.heads]}
        with torch.no_grad():
            for head in heads_of.values():
                head.weight.mul_(0.01)
                head.bias.zero_()
        self.head = nn.ModuleDict(heads_of)

    def forward(self, sight: Sight) -> Tensor:
        """(n, codes, cells) the scores; 0 for code 0, and more for the present code by what keeping it is worth."""
        return _summed(self.parts(sight), sight)

    def parts(self, sight: Sight) -> dict[str, Tensor]:
        """What each head says, (n, codes, *counts) with 1 along the axes that it does not tell apart.

        The score of a cell is the sum of them. Beside a temporal head the spatial one says what a patch is worth
        beyond the mean of all patches.
        """
        gains, energy = sight.scaled()
        out = self._features(sight, gains, energy)
        present = torch.zeros_like(gains).scatter(1, sight.codes[:, None], 1)
        said = {}
        for name, axes in HEADS[self.heads].items():
            told = self.head[name](_mean(out, axes))
            (weight, cost, keep), opinion = told[:, :3].split(1, dim=1), told[:, 3:]
            gain, spent, kept = (_mean(one.unflatten(2, _counts(sight)), axes) for one in (gains, energy, present))
            scores = weight.exp() * gain - (cost + CHEAP).exp() * spent + opinion + keep * kept
            said[name] = scores - scores[:, :1]
        return _apart(said)

    def unlearned(self, sight: Sight) -> Tensor:
        """(n, codes, cells) the scores of such a policy that adds nothing to the model's gains."""
        gains, energy = sight.scaled()
        scores = (gains - math.exp(CHEAP) * energy).unflatten(2, _counts(sight))
        return _summed(_apart({name: _mean(scores, axes) for name, axes in HEADS[self.heads].items()}), sight)

    def _features(self, sight: Sight, gains: Tensor, energy: Tensor) -> Tensor:
        embedded = self.codes(sight.codes).transpose(1, 2)
        beside = torch.cat([embedded, _clues(sight, gains, energy)], dim=1).unflatten(2, _counts(sight))
        out = self.stem(torch.cat([sight.contents, beside], dim=1))
        out = torch.relu(out + everywhere(self.stand(sight.standings), out))
        for block in self.blocks:
            out = block(out)
        return out


def _counts(sight: Sight) -> tuple[int, ...]:
    """Cells an axis."""
    return tuple(sight.contents.shape[2:])


def _mean(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """(n, channels, *counts) averaged over axes, which stay."""
    return values.mean(dim=axes, keepdim=True) if axes else values


def _apart(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same, what two heads have in common left to the temporal one: it would be counted twice."""
    if len(parts) == 1:
        return parts
    return parts | {"spatial": parts["spatial"] - parts["spatial"].mean(dim=(3, 4), keepdim=True)}


def _summed(parts: dict[str, Tensor], sight: Sight) -> Tensor:
    """(n, codes, cells)."""
    first, *others = parts.values()
    total = sum(others, first)
    return total.expand(*total.shape[:2], *_counts(sight)).flatten(2)


def shared(noise: Tensor, heads: str, counts: tuple[int, ...], by_frame: Tensor) -> Tensor:
    """Noise by which proposals of one policy differ, the same for all cells that a head does not tell apart.

    Each cell's is distributed as it was; but whole frames and patches through all frames are tried, as a
    proposal of two heads either the one or the other.

    Args:
        noise: (n, codes, cells), independent.
        heads: the kind of policy.
        counts: cells an axis.
        by_frame: (n,) bool, which rows try frames; read for two heads only.
    """
    if heads == "flat":
        return noise
    shaped = noise.unflatten(2, counts)
    frames, patches = (one.expand_as(shaped).flatten(2) for one in (shaped[..., :1, :1], shaped[:, :, :1]))
    if heads == "joint":
        return torch.where(by_frame[:, None, None], frames, patches)
    return frames if heads == "temporal" else patches


def _clues(sight: Sight, gains: Tensor, energy: Tensor) -> Tensor:
    """(n, CLUES, cells): the best card's gain and energy, the present code's, credit, and whether it is changed."""
    best, card = gains.max(dim=1, keepdim=True)
    now = sight.codes[:, None]
    clues = [
        best, energy.gather(1, card), gains.gather(1, now), energy.gather(1, now),
        torch.tanh(LARGEST * sight.credit[:, None]), (now > 0).float(),
    ]  # fmt: skip
    return torch.cat(clues, dim=1).clamp(-LARGEST, LARGEST)


def shares_of_fall(credit: Tensor, before: Tensor, asked: Tensor, fall: Tensor) -> Tensor:
    """(n, cells) credit after one more answer: what it brought is shared among the cells that were changed.

    Args:
        credit: (n, cells) so far.
        before: (n, cells) the incumbents' codes when it was asked.
        asked: (n, cells) the codes asked about.
        fall: (n,) nats by which the margin is lower than the incumbent's.
    """
    changed = (before != asked).float()
    return FADING * credit + changed * (fall / changed.sum(dim=1).clamp(min=1))[:, None]


def price(scores: Tensor, energy: Tensor, max_l2: Tensor) -> Tensor:
    """(n,) the price of energy at which every cell's best code, found by itself, keeps to the bound; 0 if it does free.

    Args:
        scores: (n, codes, cells).
        energy: (n, codes, cells) squared L2.
        max_l2: (n,) infinite for none.
    """
    best, free = scores.max(dim=1, keepdim=True)
    limit, spent = max_l2**2, energy.gather(1, free)[:, 0].sum(dim=1)
    guess = best[:, 0].sum(dim=1) / (2 * torch.minimum(limit, spent) + TINY)
    low, high = guess / REACH, guess * REACH
    for _ in range(HALVINGS):
        between = (low * high).sqrt()
        values = scores - between[:, None, None] * energy
        picked = (values == values.amax(dim=1, keepdim=True)).float()  # many times faster here than argmax
        fits = (picked * energy).sum(dim=(1, 2)) <= limit
        high, low = torch.where(fits, between, high), torch.where(fits, low, between)
    return torch.where(spent <= limit, 0, high)
