"""Greedy sensitivity sweep: every cell is tried once, each trial a query, then the most sensitive are added to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.draws import ranks
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import KEEP, REMOVE, Canvas

__all__ = ["GreedyAgent"]

FIRST_ADDS = 2
"""Cells of the first addition after a sweep, doubled as long as it is accepted."""
FULL = 0.95
"""Share of the bound from which a proposal makes room: the least sensitive cell goes as another one comes."""


class GreedyAgent:
    """Sweeps all cells with one filter, one query each, then adds it to the most sensitive; then the next filter.

    Refining takes away one cell at a time, the least sensitive first.
    """

    needs_scores = True

    def __init__(self) -> None:
        self._canvas: Canvas | None = None

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Begin the first sweep."""
        if self._canvas is not context.canvas:  # another run begins
            self._canvas = context.canvas
            cards, shape = context.canvas.cards, (context.slots, context.canvas.grid.cells)
            self._criterion = context.criterion
            self._strongest = cards.first_of + cards.levels - 1
            self._gain = np.zeros(shape, np.float32)
            self._tried = np.zeros(shape, bool)
            self._turn, self._filter, self._references, self._indices = np.zeros((4, context.slots), np.int64)
            self._margin = np.zeros(context.slots, np.float32)
            self._won = np.zeros(context.slots, bool)
        self._gain[slots], self._tried[slots] = 0, False
        self._turn[slots], self._filter[slots] = 0, 0
        self._references[slots], self._indices[slots] = references, context.indices
        self._margin[slots] = self._criterion.margins(answers, references, context.indices)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """The next cell of the sweep, the next additions, or the next cell to take away."""
        cells = observation.codes.shape[1]
        self._margin[slots] = observation.margins
        over = (self._turn[slots] > cells) & (~self._won[slots] | (self._adds(slots) >= cells))
        self._turn[slots[over]] = 0
        self._filter[slots[over]] = (self._filter[slots[over]] + 1) % len(self._strongest)
        turn = self._turn[slots][:, None]
        most_sensitive = ranks(-self._gain[slots]) < self._adds(slots)[:, None]
        chosen = np.where(turn < cells, np.arange(cells) == turn, most_sensitive)
        grows = (chosen & (observation.codes == 0)).any(axis=1)
        full = grows & (observation.l2 > FULL * observation.max_l2)
        least = _least(np.where(chosen, 0, observation.codes), self._gain[slots]) & full[:, None]
        adds = np.where(chosen, self._strongest[self._filter[slots]][:, None] + 1, np.where(least, REMOVE, KEEP))
        removals = self._least_sensitive(slots, observation)
        reaching = slots[~observation.refining]
        self._turn[reaching] += 1
        self._won[slots] = False
        return np.where(observation.refining[:, None], removals, adds).astype(np.int16)

    def order(self, slots: Ints) -> np.ndarray:
        """The most sensitive cells first."""
        return -self._gain[slots]

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Note what the swept cell brought."""
        margins = self._criterion.margins(answers, self._references[slots], self._indices[slots])
        swept = self._turn[slots] <= self._gain.shape[1]
        cells = np.minimum(self._turn[slots], self._gain.shape[1]) - 1
        self._gain[slots[swept], cells[swept]] = (self._margin[slots] - margins)[swept]
        self._won[slots] = accepted
        self._tried[slots[accepted]] = False

    def stop(self, slots: Ints) -> None:
        """Nothing: everything begins anew with the next samples."""

    def _adds(self, slots: Ints) -> Ints:
        """How many cells the addition of this turn takes."""
        return FIRST_ADDS * 2 ** np.clip(self._turn[slots] - self._gain.shape[1], 0, 30)

    def _least_sensitive(self, slots: Ints, observation: Observation) -> Ints:
        chosen = _least(np.where(self._tried[slots], 0, observation.codes), self._gain[slots])
        chosen &= observation.refining[:, None]
        self._tried[slots] |= chosen
        return np.where(chosen, REMOVE, KEEP)


def _least(codes: Ints, gain: Array) -> np.ndarray:
    """(n, cells) bool: the occupied cell of least gain, in each row that has one."""
    cell = np.where(codes > 0, gain, np.inf).argmin(axis=1)
    return (np.arange(codes.shape[1]) == cell[:, None]) & (codes > 0)
