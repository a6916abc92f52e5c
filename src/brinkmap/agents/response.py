"""The model-based agent: plans sets of patches in a response model, and puts it right with every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.agents.draws import thin, uniforms
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.errors import InputError
from brinkmap.objective import log_probabilities
from brinkmap.plan import KEEP, REMOVE, Canvas

if TYPE_CHECKING:
    from torch import Tensor

    from brinkmap.response.net import ResponseNet
    from brinkmap.response.planning import Sheet

__all__ = ["ResponseAgent"]

STEPS = 8
EXPLORE_EVERY = 3
"""Each so-many-th query follows a random direction as well."""
JITTER = 0.1
"""How much of a random direction every other plan begins with, so that no two are the same."""


class ResponseAgent:
    """Plans in a response model of the victim, corrected for each sample from its answers.

    Args:
        net: the model, as training leaves it.
    """

    needs_scores = True

    def __init__(self, net: ResponseNet) -> None:
        self._net = net.eval()
        self._canvas: Canvas | None = None

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Paint every card of the samples, and take in their clean answers."""
        from brinkmap.response.correction import Corrections

        canvas = context.canvas
        if self._canvas is not canvas:
            if len(canvas.grid.sizes) > 1:
                raise InputError(f"patch: this agent takes one patch size, got {len(canvas.grid.sizes)}. Give one.")
            self._canvas, codes = canvas, len(canvas.cards) + 1
            self._paintings = np.zeros((context.slots, codes, canvas.size), np.float32)
            self._energy = np.zeros((context.slots, codes, canvas.grid.cells))
            self._values = canvas.grid.values(canvas.shape[0])
            self._cell_of = np.tile(canvas.grid.atom_of, canvas.shape[0])
            self._references, self._asked = np.zeros(context.slots, np.int64), np.zeros(context.slots, np.int64)
            self._max_l2 = np.zeros(context.slots)
            width = self._net.head.in_features
            self._corrections = Corrections(context.slots, width, context.classes)
        self._references[slots], self._asked[slots], self._max_l2[slots] = references, 0, context.max_l2
        low = canvas.bounds[0]
        for slot, sample, index in zip(slots, samples, context.indices, strict=True):
            self._paintings[slot, 0] = (sample.ravel() - low) / canvas.span
            for code in range(1, len(canvas.cards) + 1):
                self._paintings[slot, code] = (canvas.paint(sample, int(index), code)[0].ravel() - low) / canvas.span
            change = (self._paintings[slot].astype(np.float64) - self._paintings[slot, 0]) ** 2
            for code in range(1, len(change)):
                self._energy[slot, code] = np.bincount(self._cell_of, change[code], canvas.grid.cells)
        self._corrections.begin(*self._missed(slots, np.zeros((len(slots), canvas.grid.cells), np.int16), answers))

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """The plan that the corrected model thinks best from here."""
        import torch

        from brinkmap.response.planning import Task, plan

        assert self._canvas is not None
        sheet = self._sheet(slots)
        exploring = self._asked[slots] % EXPLORE_EVERY == EXPLORE_EVERY - 1
        push = self._directions(rngs) * np.where(exploring, STEPS / 2, JITTER)[:, None]
        # every other plan starts afresh: an incumbent may be a dead end
        begin = np.where((self._asked[slots] % 2 == 0)[:, None], sheet.clean, sheet.render(observation.codes))
        correction = self._corrections.of(torch.from_numpy(slots))
        task = Task(sheet, self._references[slots], self._max_l2[slots])
        codes, _ = plan(self._net, correction, task, begin, push.astype(np.float32), STEPS)
        self._asked[slots] += 1
        change = np.where(codes == observation.codes, KEEP, np.where(codes == 0, REMOVE, codes + 1))
        cells = self._canvas.grid.cells
        return thin(change, observation, self._canvas.cards, uniforms(rngs, cells + 2))

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Put the model right for these samples."""
        assert self._canvas is not None
        self._corrections.learn(*self._missed(slots, self._canvas.cards.codes(plans), answers))

    def stop(self, slots: Ints) -> None:
        """Nothing: the corrections are forgotten when the next samples come."""

    def _sheet(self, slots: Ints) -> Sheet:
        from brinkmap.response.planning import Sheet

        assert self._canvas is not None
        return Sheet(
            self._paintings[slots], self._energy[slots], self._values, self._cell_of, self._canvas.shape,
        )  # fmt: skip

    def _missed(self, slots: Ints, codes: Ints, answers: Array) -> tuple[Tensor, Tensor, Tensor]:
        """The slots, the features of what was asked, and what the model got wrong about it."""
        import torch

        from brinkmap.response.planning import features_of

        assert self._canvas is not None
        images = self._sheet(slots).render(codes)
        features, said = features_of(self._net, images, self._canvas.shape)
        return torch.from_numpy(slots), features, torch.from_numpy(log_probabilities(answers)) - said

    def _directions(self, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, values) of unit length: random signs, constant over boxes of a random size, for each channel."""
        assert self._canvas is not None
        channels, *extent = self._canvas.shape
        drawn = np.empty((len(rngs), self._canvas.size))
        for row, rng in enumerate(rngs):
            side = 2 ** rng.integers(0, 1 + int(np.log2(max(extent))))
            coarse = rng.choice([-1.0, 1.0], (channels, *(-(-n // side) for n in extent)))
            for axis, n in enumerate(extent, 1):
                coarse = np.repeat(coarse, side, axis=axis).take(range(n), axis=axis)
            drawn[row] = coarse.ravel() / np.sqrt(coarse.size)
        return drawn
