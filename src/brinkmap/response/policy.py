"""The policy: a network that reads the response model's gains and says what each cell should become.

It scores keeping, removing and every card in each cell. The scores take the place of gains in the knapsack, so the
bound is met by construction, and how many cells change is the network's own choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from brinkmap.response.cells import CODE_WIDTH, CONTENTS, CONVOLUTIONS, STANDINGS, CellBlock, everywhere

__all__ = ["CLUES", "Policy", "Sight", "price", "shares_of_fall"]

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
    """

    def __init__(self, channels: int, rank: int, cards: int, width: int = 32, blocks: int = 2) -> None:
        super().__init__()
        conv = CONVOLUTIONS[rank]
        self.codes = nn.Embedding(cards + 1, CODE_WIDTH)
        self.stem = conv(CONTENTS * channels + CODE_WIDTH + CLUES, width, 3, padding=1)
        self.stand = nn.Linear(STANDINGS, width)
        self.blocks = nn.ModuleList(CellBlock(conv, width) for _ in range(blocks))
        self.head = conv(width, 3 + cards + 1, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.01)
            self.head.bias.zero_()

    def forward(self, sight: Sight) -> Tensor:
        """(n, codes, cells) the scores; 0 for code 0, and more for the present code by what keeping it is worth."""
        gains, energy = sight.scaled()
        told = self.head(self._features(sight, gains, energy)).flatten(2)
        (weight, cost, keep), opinion = told[:, :3].split(1, dim=1), told[:, 3:]
        scores = weight.exp() * gains - (cost + CHEAP).exp() * energy + opinion
        scores = scores.scatter_add(1, sight.codes[:, None], keep)
        return scores - scores[:, :1]

    @staticmethod
    def unlearned(sight: Sight) -> Tensor:
        """(n, codes, cells) the scores of a policy that adds nothing to the model's gains."""
        gains, energy = sight.scaled()
        return gains - math.exp(CHEAP) * energy

    def _features(self, sight: Sight, gains: Tensor, energy: Tensor) -> Tensor:
        counts = sight.contents.shape[2:]
        embedded = self.codes(sight.codes).transpose(1, 2)
        beside = torch.cat([embedded, _clues(sight, gains, energy)], dim=1).unflatten(2, counts)
        out = self.stem(torch.cat([sight.contents, beside], dim=1))
        out = torch.relu(out + everywhere(self.stand(sight.standings), out))
        for block in self.blocks:
            out = block(out)
        return out


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
