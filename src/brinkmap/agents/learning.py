"""The cold start: random windows at first, and a response model learned from the audit's own answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.agents.draws import thin, uniforms
from brinkmap.agents.windows import Windows
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.objective import log_probabilities
from brinkmap.plan import KEEP, REMOVE, Canvas

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LearningAgent", "cold_start"]

LEAST_SHARE = 0.03
"""Of the proposals are plans, however little these brought lately: the model may have become better."""
DOUBT = 0.7
"""What a sample's trust in the model is multiplied with after a plan that was rejected; one accepted restores it."""
LATELY = 500.0
"""Answers over which it is counted what windows and plans have brought."""
UNTRIED = 10.0
"""Plans that are taken to have brought as much as windows do before any was asked."""
LARGEST_FALL = 3.0
"""Nats: a fall beyond that counts as this, or a few easy samples would decide for all."""
TINY = 1e-12


class LearningAgent:
    """Needs no training: random windows first, then plans of a model learned from the audit's own answers.

    Results then depend on the order of the samples and on how many are attacked at once, because what one sample is
    asked follows from what others have answered (design rule 3). With `learn_across=False` nothing is passed from one
    sample to another, and results do not depend on either.

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
        self._asked[slots], self._trust[slots] = 0, 1.0
        self._windows.begin(slots)
        for slot in slots:
            self._scene.load(int(slot), context.palette)
        if self._foresight is not None:
            self._foresight.begin(slots, references, log_probabilities(answers), context)

    def _open(self, context: Context) -> None:
        """Another run begins, and learns from nothing."""
        from brinkmap.response.foresight import Foresight
        from brinkmap.response.scene import Scene

        canvas, slots = context.canvas, context.slots
        self._canvas, self._criterion = canvas, context.criterion
        self._scene, self._windows = Scene(canvas, slots), Windows(canvas, slots)
        self._asked, self._references, self._indices = np.zeros((3, slots), np.int64)
        self._margin, self._change = np.zeros(slots, np.float32), np.zeros((slots, canvas.size), np.float32)
        self._planned, self._windowed = np.zeros((2, slots), bool)
        self._trust = np.ones(slots)
        self._brought = np.zeros((2, 2))  # windows and plans: nats, and answers
        self._foresight = Foresight(self._scene, context) if self.learns_across else None

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """A window or a plan of the model, by what either has brought lately; in refining, something taken away."""
        import torch

        assert self._canvas is not None
        codes = torch.from_numpy(observation.codes.astype(np.int64))
        self._margin[slots] = observation.margins
        self._change[slots] = self._scene.change_of(torch.from_numpy(slots), codes).numpy()
        drawn = uniforms(rngs, codes.shape[1] + 3)
        reaching = ~observation.refining
        self._planned[slots] = planned = self._to_plan(slots, drawn[:, -1]) & reaching
        self._windowed[slots] = windowed = reaching & ~planned
        wanted = codes.clone()
        for rows, how in ((windowed, self._moved), (planned, self._foreseen)):
            if rows.any():
                here = np.flatnonzero(rows)
                wanted[here] = how(slots[here], codes[here], observation, here, [rngs[int(row)] for row in here])
        self._asked[slots] += 1
        made = wanted.numpy()
        proposals = np.where(made == observation.codes, KEEP, np.where(made == 0, REMOVE, made + 1))
        return thin(proposals, observation, self._canvas.cards, drawn[:, :-1])

    def _to_plan(self, slots: Ints, drawn: Floats) -> np.ndarray:
        """(n,) bool: which samples are given a plan, by numbers (n,) in [0, 1)."""
        if self._foresight is None or not self._foresight.ready:
            return np.zeros(len(slots), bool)
        (fall, windows), (gain, plans) = self._brought
        each = fall / max(windows, 1)
        worth = (gain + UNTRIED * each) / (plans + UNTRIED)
        share = max(LEAST_SHARE, float(worth**2 / (worth**2 + each**2 + TINY)))
        return (drawn < share * self._trust[slots]) & ~self._windows.turning(slots)

    def _moved(
        self, slots: Ints, codes: Tensor, observation: Observation, rows: Ints, rngs: Sequence[np.random.Generator]
    ) -> Tensor:
        """Windows within the bound, or without one a box of one card."""
        import torch

        from brinkmap.response.planning import nearest

        wanted = codes.clone()
        progress = self._asked[slots] / (self._asked[slots] + np.maximum(observation.remaining[rows], 1))
        bound = observation.max_l2[rows]
        directions = np.zeros((len(slots), self._change.shape[1]), np.float32)
        for row, (slot, rng) in enumerate(zip(slots, rngs, strict=True)):
            if np.isfinite(bound[row]):
                directions[row] = self._windows.direction(int(slot), self._change[slot], bound[row], progress[row], rng)
            else:
                box = torch.from_numpy(self._windows.boxed(progress[row], rng))
                wanted[row] = torch.where(box > 0, box, codes[row])
        within = torch.from_numpy(np.flatnonzero(np.isfinite(bound)))
        if len(within):
            which, most = torch.from_numpy(slots)[within], torch.from_numpy(bound).float()[within]
            wanted[within] = nearest(self._scene, which, torch.from_numpy(directions)[within], most)
        return wanted

    def _foreseen(
        self, slots: Ints, codes: Tensor, observation: Observation, rows: Ints, rngs: Sequence[np.random.Generator]
    ) -> Tensor:
        assert self._foresight is not None
        return self._foresight.plans(slots, codes, observation.l2[rows], rngs)

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Note what windows and plans have brought, and pass the answers on to the model."""
        import torch

        assert self._canvas is not None
        codes = torch.from_numpy(self._canvas.cards.codes(plans).astype(np.int64))
        margins = self._criterion.margins(answers, self._references[slots], self._indices[slots])
        rises = (margins - self._margin[slots]).astype(np.float64)
        planned, windowed = self._planned[slots], self._windowed[slots]
        fall = np.clip(-rises, 0, LARGEST_FALL)
        new = [[fall[rows].sum(), rows.sum()] for rows in (windowed, planned)]
        self._brought = self._brought * (1 - 1 / LATELY) ** len(slots) + new
        trust = self._trust[slots]
        self._trust[slots] = np.where(planned, np.where(accepted, 1.0, DOUBT * trust), trust)
        if windowed.any():
            moved = torch.from_numpy(slots[windowed])
            changes = self._scene.change_of(moved, codes[torch.from_numpy(windowed)]).numpy()
            self._windows.learn(slots[windowed], changes, rises[windowed], accepted[windowed])
        if self._foresight is not None:
            self._foresight.learn(slots, codes, log_probabilities(answers))

    def stop(self, slots: Ints) -> None:
        """The model keeps what these samples taught."""
        if self._foresight is not None:
            self._foresight.stop(slots)


def cold_start() -> LearningAgent:
    """Windows alone: nothing is passed from one sample to another, so results depend on no order and no batch."""
    return LearningAgent(learn_across=False)
