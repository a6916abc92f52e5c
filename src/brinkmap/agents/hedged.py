"""An agent hedged by chance: where what it believes has not helped for a while, most proposals are random ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.protocol import Agent
from brinkmap.agents.uniform import RandomAgent
from brinkmap.arrays import RANKS, Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import Canvas

__all__ = ["HedgedAgent", "left_to_chance"]

UNHEARD_OF = 2**62


def left_to_chance(asked: Ints, refining: np.ndarray, after: int, every: int) -> np.ndarray:
    """(n,) bool: which samples' next proposals are random ones.

    Args:
        asked: (n,) proposals made for each sample so far.
        refining: (n,) bool, whether it has flipped and distortion is taken away again, which is never left to chance.
        after: so many proposals first are the agent's own.
        every: from then on each so-many-th is; 0 for none.
    """
    every = every or UNHEARD_OF
    return np.asarray((asked >= after) & (asked % every != every - 1) & ~refining)


class HedgedAgent:
    """Another agent, that leaves most proposals to uniform random search once many of its own have failed.

    An account that is wrong about a sample keeps an agent at the wrong places, and the longer it goes on the further it
    falls behind chance; with two of three proposals from chance it cannot fall far. It learns from all answers, those
    to random proposals included. Refining is its own alone.

    Args:
        agent: the other one.
        after: queries a sample that are all its own.
        every: from then on each so-many-th is its own; 0 for none.
    """

    def __init__(self, agent: Agent, after: int = 64, every: int = 3) -> None:
        self._agent, self._after, self._every = agent, after, every
        self._chance = RandomAgent()
        self._canvas: Canvas | None = None
        self.needs_scores = agent.needs_scores
        self.ranks: tuple[int, ...] = getattr(agent, "ranks", RANKS)

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Nothing has been asked of these samples yet."""
        if self._canvas is not context.canvas:  # another run begins
            self._canvas = context.canvas
            self._asked = np.zeros(context.slots, np.int64)
        self._asked[slots] = 0
        for one in (self._agent, self._chance):
            one.start(slots, samples, references, answers, context)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """What the agent proposes, or what chance does."""
        cells = observation.codes.shape[1]
        hedging = left_to_chance(self._asked[slots], observation.refining, self._after, self._every)
        proposals = np.zeros(observation.codes.shape, np.int16)
        self._last_order = np.zeros(observation.codes.shape)
        for agent, mask in ((self._agent, ~hedging), (self._chance, hedging)):
            rows = np.flatnonzero(mask)
            if len(rows):
                own = [rngs[row] for row in rows.tolist()]
                proposals[rows] = agent.propose(slots[rows], observation.rows(rows), own)
                self._last_order[rows] = (
                    agent.order(slots[rows]) if hasattr(agent, "order") else [rng.random(cells) for rng in own]
                )
        self._asked[slots] += 1
        return proposals

    def order(self, slots: Ints) -> np.ndarray:
        """As whoever made each proposal would have it; at random where an agent does not say."""
        return self._last_order

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """The agent learns from all answers."""
        self._agent.learn(slots, plans, answers, accepted)

    def stop(self, slots: Ints) -> None:
        """The samples are finished."""
        self._agent.stop(slots)
