"""Uniform random proposals: what every other agent has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.draws import log_uniform, pick, thin, uniforms
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import KEEP, REMOVE

__all__ = ["RandomAgent"]

LARGEST_SHARE = 0.25
"""At most this share of the cells is added to in one proposal; the least is one cell, octaves equally likely."""
SWAP = 0.5
"""How often a proposal also removes, up to as many cells as it adds."""


class RandomAgent:
    """Adds one random filter at one random level to random cells, and removes at random: the control."""

    needs_scores = False

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Take note of the rules; samples make no difference."""
        self._cards, self._scores = context.canvas.cards, context.scores

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """Random adds and removals; in refining, random removals."""
        codes, cells = observation.codes, observation.codes.shape[1]
        u = uniforms(rngs, 2 * cells + 6)
        first, second, single = u[:, :cells], u[:, cells : 2 * cells], u[:, 2 * cells :]
        everywhere = np.ones_like(first, bool)
        count = log_uniform(single[:, 0], 1.0, LARGEST_SHARE * cells)
        if not self._scores:
            count = cells * (1 + single[:, 0]) / 2  # labels are flat until the first flip: start large, then refine
        adds = pick(first, count, everywhere)
        removals = pick(second, count * single[:, 1], codes > 0) & (single[:, 2] < SWAP)[:, None]
        code = self._random_code(single[:, 3], single[:, 4])
        proposals = np.where(adds, code[:, None] + 1, np.where(removals, REMOVE, KEEP))
        self._last_order = first
        return thin(proposals, observation, self._cards, np.concatenate([second, single[:, 4:6]], axis=1))

    def order(self, slots: Ints) -> np.ndarray:
        """As random as the choice itself."""
        return self._last_order

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Nothing."""

    def stop(self, slots: Ints) -> None:
        """Nothing."""

    def _random_code(self, which: np.ndarray, strength: np.ndarray) -> Ints:
        """A distortion, each equally likely, then one of its levels."""
        first_of, levels = self._cards.first_of, self._cards.levels
        distortion = (which * len(first_of)).astype(int)
        return first_of[distortion] + (strength * levels[distortion]).astype(int)
