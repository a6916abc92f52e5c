"""Credit: a linear account of what each filter on each cell has brought so far, and proposals drawn from it.

Every answer says how far the margin fell for a whole plan; a normalised least-mean-squares step shares that out among
the (cell, distortion) pairs of the plan. Proposals take the pairs of highest noisy credit and drop those of lowest,
and their size grows with acceptance and shrinks with rejection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.draws import uniforms
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import KEEP, REMOVE

__all__ = ["CreditAgent"]

RATE = 0.5
"""Step of the least-mean-squares update: 1 would explain each answer in full."""
GROW, SHRINK = 1.6, 0.85
"""How the size of proposals follows acceptance; balanced at about one acceptance in four."""
START_SHARE = 0.125
"""Share of the cells in the first proposal."""
NOISE = 1.0
"""Exploration, in standard deviations of the credits of a sample."""


class CreditAgent:
    """Shares every answer out among cells and filters, then adds where it paid and removes where it did not."""

    needs_scores = True

    def __init__(self) -> None:
        self._credit = np.zeros((0, 0, 0), np.float32)

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Open empty accounts for the samples."""
        cards, cells = context.canvas.cards, context.canvas.grid.cells
        if len(self._credit) != context.slots:
            self._cards, self._criterion = cards, context.criterion
            self._credit = np.zeros((context.slots, cells, len(cards.distortions)), np.float32)
            self._size = np.zeros(context.slots)
            self._clean_margin = np.zeros(context.slots, np.float32)
            self._references = np.zeros((2, context.slots), np.int64)
            self._strength = _strengths(cards.pairs, [one.levels for one in cards.distortions])
        self._credit[slots] = 0
        self._size[slots] = max(1.0, START_SHARE * cells)
        self._references[:, slots] = references, context.indices
        self._clean_margin[slots] = self._criterion.margins(answers, references, context.indices)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """Adds where noisy credit is highest, removals where it is lowest; in refining only the latter."""
        codes, (n, cells) = observation.codes, observation.codes.shape
        kinds = len(self._cards.distortions)
        u = uniforms(rngs, cells * kinds + cells + 3)
        noise = _gumbel(u[:, : cells * kinds]).reshape(n, cells, kinds)
        credit = self._credit[slots]
        spread = NOISE * (credit.std(axis=(1, 2), keepdims=True) + 1e-6)
        noisy = credit + spread * noise
        size = np.maximum(1, np.rint(self._size[slots] * (0.5 + u[:, -1]))).astype(int)
        kept = self._worth(codes, credit) + spread[..., 0] * _gumbel(u[:, cells * kinds : -3])
        removals = _lowest(np.where(codes > 0, kept, np.inf), size) & (codes > 0)
        some = (u[:, -2] < 0.5)[:, None]
        best = noisy.max(axis=2)
        adds = _lowest(-best, size)
        proposals = np.where(
            adds, self._codes(noisy.argmax(axis=2), u[:, -3]) + 1, np.where(removals & some, REMOVE, KEEP)
        )
        self._last_order = -best
        return np.where(observation.refining[:, None], np.where(removals, REMOVE, KEEP), proposals).astype(np.int16)

    def order(self, slots: Ints) -> Floats:
        """The highest credit first."""
        return self._last_order

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Share out how far the margin fell, and adapt the size of proposals."""
        fallen = self._clean_margin[slots] - self._criterion.margins(answers, *self._references[:, slots])
        codes = self._cards.codes(plans)
        features = np.zeros((len(slots), *self._credit.shape[1:]), np.float32)
        rows, cells = np.nonzero(codes)
        features[rows, cells, plans[rows, cells, 0]] = self._strength[codes[rows, cells]]
        credit = self._credit[slots]
        surprise = fallen - np.einsum("ncd,ncd->n", credit, features)
        power = np.einsum("ncd,ncd->n", features, features)
        self._credit[slots] = credit + (RATE * surprise / (power + 1e-3))[:, None, None] * features
        size = self._size[slots] * np.where(accepted, GROW, SHRINK)
        self._size[slots] = np.clip(size, 1, self._credit.shape[1] / 2)

    def stop(self, slots: Ints) -> None:
        """Nothing: the accounts are opened anew with the next samples."""

    def _worth(self, codes: Ints, credit: Array) -> Floats:
        """(n, cells) the credit of what occupies each cell."""
        kinds = self._cards.pairs[codes][..., 0].astype(int)
        return np.take_along_axis(credit, kinds[..., None], axis=2)[..., 0] * self._strength[codes]

    def _codes(self, distortions: Ints, u: Floats) -> Ints:
        """The chosen distortions at a level that is the higher, the likelier."""
        first_of = self._cards.first_of
        levels = np.diff(np.append(first_of, len(self._cards) + 1))[distortions]
        return first_of[distortions] + (np.sqrt(u)[:, None] * levels).astype(int)


def _strengths(pairs: Ints, levels: list[int]) -> Array:
    """(codes,) how strong each card is among the levels of its distortion, from 0 to 1."""
    return (pairs[:, 1] / np.array(levels)[pairs[:, 0]]).astype(np.float32)


def _gumbel(u: Floats) -> Floats:
    """Uniform numbers as standard Gumbel ones, whose maximum draws in proportion to exponentials."""
    return -np.log(-np.log(np.clip(u, 1e-12, 1 - 1e-12)))


def _lowest(values: Floats, count: Ints) -> np.ndarray:
    """(n, cells) bool: the `count` lowest of each row."""
    order = np.argsort(np.argsort(values, axis=1), axis=1)
    return order < count[:, None]
