"""Heuristic frame selection: frames are ranked by doing without each once, then searched block by block, best first.

Source: Wei et al. 2020, arXiv:1911.09449 (key frames by leaving one out, then an attack on these only), written from
the paper. What is ours: a frame is left out by showing its neighbour instead, which is paid for and never counts as an
attack; where the paper descends along estimated distances to the boundary, blocks of the chosen frames get one offset a
channel, kept if the margin falls; and where that no longer helps, more frames are let in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import check_one_bound
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.compare.leeway import Leeway

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["HeuristicFramesAttack", "ranked"]

SHARE_OF_L2 = 0.25
"""L2 length of a block's change, as a share of the bound."""


@final
@dataclass(frozen=True)
class HeuristicFramesAttack:
    """Heuristic frames: blocks of the frames that matter most, ranked by leaving each out; owns its loop, unnatural."""

    first: float = 0.25
    """Share of the frames that is attacked at first; doubled each time it gets nowhere."""
    patience: int = 20
    """Blocks in a row that may be of no use."""
    side: float = 0.25
    """Side of a block as a share of the picture's."""
    needs_scores: bool = True
    ranks: tuple[int, ...] = (3,)

    def check(self, run: Run) -> None:
        """That there is one bound to search within.

        Raises:
            InputError: no bound or two of them.
        """
        check_one_bound("heuristic-frames", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Rank, then search until the criterion is met or the budget is spent."""
        leeway = Leeway.of(oracle, sample, run)
        change, margin = leeway.none, leeway.clean_margin
        order, share, vain = ranked(oracle, sample, margin), self.first, 0
        while margin >= 0:
            frames = order[: max(1, math.ceil(share * len(order)))]
            candidate = leeway.project(change + self._block(leeway, frames))
            now = leeway.margin(candidate)
            if now < margin:
                change, margin, vain = candidate, now, 0
                continue
            vain += 1
            if vain >= self.patience:
                share, vain = min(1.0, 2 * share), 0

    def _block(self, leeway: Leeway, frames: Ints) -> Floats:
        """An offset up or down for each channel, in one square of one of the frames, or of all of them."""
        rng, block = leeway.oracle.rng, leeway.none
        sides = [max(1, round(self.side * n)) for n in block.shape[2:]]
        box = tuple(
            slice(at, at + side)
            for n, side in zip(block.shape[2:], sides, strict=True)
            for at in [int(rng.integers(0, n - side + 1))]
        )
        signs = rng.integers(0, 2, (len(block), 1, 1)) * 2.0 - 1
        chosen = frames if rng.random() < 0.5 else rng.choice(frames, 1)
        for frame in chosen:
            block[(slice(None), frame, *box)] = signs
        if math.isinf(leeway.max_l2):
            return 2 * leeway.max_linf * block  # from one end of what is allowed to the other
        return block * (SHARE_OF_L2 * leeway.max_l2 / np.linalg.norm(block))


def ranked(oracle: Oracle, sample: Array, margin: float) -> Ints:
    """(frames,) from the one without which the margin falls most; as many queries as there are frames."""
    count, falls = sample.shape[1], []
    for frame in range(count):
        without = sample.copy()
        without[:, frame] = sample[:, frame - 1 if frame else min(1, count - 1)]
        falls.append(margin - float(oracle.margins(oracle.probe(without[None]))[0]))
    return np.argsort(-np.array(falls), kind="stable")
