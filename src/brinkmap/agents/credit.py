"""Credit: a linear account of what each filter on each cell has brought so far, and proposals drawn from it.

Every answer says how far the margin fell for a whole plan; a normalised least-mean-squares step shares what that
surprises by out among the (cell, distortion) pairs of the plan. Proposals are those of the random agent, except that
the cells to add to and to remove from are drawn by their credit instead of uniformly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.draws import gumbel, highest, log_uniform, standard, thin, uniforms
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import KEEP, REMOVE, Canvas

__all__ = ["LARGEST_SHARE", "RATE", "REPEAT", "SWAP", "TRUST", "CreditAgent"]

RATE = 0.5
"""Step of the least-mean-squares update: 1 would explain each answer in full."""
TRUST = 0.5
"""Standard deviations of credit that weigh as much as one unit of Gumbel noise: 0 is the random agent."""
LARGEST_SHARE = 0.25
"""At most this share of the cells is added to in one proposal; the least is one cell, octaves equally likely."""
SWAP = 0.5
"""How often a proposal also removes, up to as many cells as it adds."""
REPEAT = 2.0
"""What is taken off the score of a cell that has the filter already, in units of Gumbel noise."""


class CreditAgent:
    """Shares every answer out among cells and filters, then adds where it paid and removes where it did not."""

    needs_scores = True

    def __init__(self) -> None:
        self._canvas: Canvas | None = None

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Open empty accounts for the samples."""
        cards, cells = context.canvas.cards, context.canvas.grid.cells
        if self._canvas is not context.canvas:  # another run begins
            self._canvas, self._cards, self._criterion = context.canvas, cards, context.criterion
            self._credit = np.zeros((context.slots, cells, len(cards.distortions)), np.float32)
            self._clean_margin = np.zeros(context.slots, np.float32)
            self._references, self._indices = np.zeros((2, context.slots), np.int64)
            self._strength = (cards.pairs[:, 1] / cards.levels[cards.pairs[:, 0]]).astype(np.float32)
        self._credit[slots] = 0
        self._references[slots], self._indices[slots] = references, context.indices
        self._clean_margin[slots] = self._criterion.margins(answers, references, context.indices)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """One filter at one level on cells drawn by credit, and removals of cells of little credit."""
        codes, cells = observation.codes, observation.codes.shape[1]
        levels = self._cards.levels
        u = uniforms(rngs, 2 * cells + 7)
        noise, single = gumbel(u[:, : 2 * cells]), u[:, 2 * cells :]
        credit = self._credit[slots]
        kind = (single[:, 4] * len(levels)).astype(int)
        here = np.take_along_axis(credit, kind[:, None, None], axis=2)[..., 0] + credit.mean(axis=2)
        worth = self._worth(codes, credit)
        there = (codes > 0) & (self._cards.pairs[codes][..., 0] == kind[:, None])
        scores = TRUST * standard(here - worth) + noise[:, :cells] - REPEAT * there
        count = np.rint(log_uniform(single[:, 0], 1.0, LARGEST_SHARE * cells)).astype(int)
        adds = highest(scores, count)
        kept = TRUST * standard(worth) + noise[:, cells:]
        fewer = np.rint(count * single[:, 1]).astype(int) * (single[:, 2] < SWAP)
        removals = highest(np.where(codes > 0, -kept, -np.inf), fewer) & (codes > 0)
        code = self._cards.first_of[kind] + (single[:, 3] * levels[kind]).astype(int)
        proposals = np.where(adds, code[:, None] + 1, np.where(removals, REMOVE, KEEP))
        self._last_order = -scores
        spare = np.concatenate([u[:, cells : 2 * cells], single[:, 5:7]], axis=1)
        return thin(proposals, observation, self._cards, spare)

    def order(self, slots: Ints) -> np.ndarray:
        """The highest credit first."""
        return self._last_order

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Share out how far the margin fell beyond what the accounts said."""
        margins = self._criterion.margins(answers, self._references[slots], self._indices[slots])
        codes = self._cards.codes(plans)
        features = np.zeros((len(slots), *self._credit.shape[1:]), np.float32)
        rows, cells = np.nonzero(codes)
        features[rows, cells, plans[rows, cells, 0]] = self._strength[codes[rows, cells]]
        credit = self._credit[slots]
        surprise = self._clean_margin[slots] - margins - np.einsum("ncd,ncd->n", credit, features)
        power = np.einsum("ncd,ncd->n", features, features)
        self._credit[slots] = credit + (RATE * surprise / (power + 1e-3))[:, None, None] * features

    def stop(self, slots: Ints) -> None:
        """Nothing: the accounts are opened anew with the next samples."""

    def _worth(self, codes: Ints, credit: Array) -> np.ndarray:
        """(n, cells) the credit of what occupies each cell."""
        kinds = self._cards.pairs[codes][..., 0].astype(int)
        return np.take_along_axis(credit, kinds[..., None], axis=2)[..., 0] * self._strength[codes]
