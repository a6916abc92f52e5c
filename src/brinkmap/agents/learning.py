"""The cold start: slopes drawn from what a sample's own answers leave open, and what they teach about others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.agents.draws import thin, uniforms
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import Canvas, proposing

__all__ = ["LearningAgent", "cold_start"]

GROWTH = 1.15
"""Of the distance with every proposal where no bound is set."""


class LearningAgent:
    """Needs no training: noise of single bands first, then moves against slopes of the margin drawn from the answers.

    Which bands of frequency the victim minds is learned as well. With `learn_across` from all samples: results then
    depend on the order of the samples and on how many are attacked at once, because what one sample is asked follows
    from what others have answered (design rule 3). Without it nothing is passed from one sample to another, and results
    do not depend on either.

    Args:
        learn_across: whether the answers to one sample may serve the others.
    """

    needs_scores = True

    def __init__(self, learn_across: bool = True) -> None:
        self.learns_across = learn_across
        self._canvas: Canvas | None = None

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Paint every card of the samples, and take in their clean answers."""
        if self._canvas is not context.canvas:
            self._open(context)
        self._references[slots], self._indices[slots] = references, context.indices
        self._asked[slots], self._refining[slots] = 0, False
        self._tangents.begin(slots, context.criterion.margins(answers, references, context.indices))
        for slot in slots:
            self._scene.load(int(slot), context.palette)

    def _open(self, context: Context) -> None:
        """Another run begins, and learns from nothing."""
        from brinkmap.response.reach import first_l2
        from brinkmap.response.scene import Scene
        from brinkmap.response.tangents import Tangents

        canvas, slots = context.canvas, context.slots
        self._canvas, self._criterion = canvas, context.criterion
        self._scene, self._first_l2 = Scene(canvas, slots), first_l2(canvas)
        self._tangents = Tangents(self._scene, slots, self.learns_across)
        self._asked, self._references, self._indices = np.zeros((3, slots), np.int64)
        self._refining = np.zeros(slots, bool)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """The incumbent moved against a slope; in refining, something taken away."""
        assert self._canvas is not None
        codes = observation.codes.astype(np.int64)
        drawn = uniforms(rngs, codes.shape[1] + 2)
        self._refining[slots] = observation.refining
        reaching = np.flatnonzero(~observation.refining)
        if len(reaching):
            own = [rngs[int(row)] for row in reaching]
            codes[reaching] = self._moved(slots[reaching], observation.rows(reaching), own)
        self._asked[slots] += 1
        return thin(proposing(observation.codes, codes), observation, self._canvas.cards, drawn)

    def _moved(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """(n, cells) codes, at the full distance; without a bound at one that grows with every query."""
        further = self._first_l2 * GROWTH ** self._asked[slots].astype(np.float64)
        reach = np.where(np.isinf(observation.max_l2), further, observation.max_l2)
        return self._tangents.codes(slots, reach, observation.spent(self._asked[slots]), rngs).numpy()

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Note what the answers say of the slopes."""
        import torch

        assert self._canvas is not None
        told = ~self._refining[slots]
        slots, accepted = slots[told], accepted[told]
        if not len(slots):
            return
        codes = torch.from_numpy(self._canvas.cards.codes(plans[told]).astype(np.int64))
        margins = self._criterion.margins(answers[told], self._references[slots], self._indices[slots])
        self._tangents.learn(slots, codes, margins, accepted)

    def stop(self, slots: Ints) -> None:
        """Nothing: what these samples taught about the bands stays."""


def cold_start() -> LearningAgent:
    """Nothing is passed from one sample to another, so results depend on no order and no batch."""
    return LearningAgent(learn_across=False)
