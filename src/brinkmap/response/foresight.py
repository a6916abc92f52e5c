"""What an audit's own answers let one foresee: the online model, put right for each sample, and plans made in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Context
from brinkmap.response.aims import ANY
from brinkmap.response.correction import Corrections
from brinkmap.response.margins import margins_for
from brinkmap.response.online import OnlineModel
from brinkmap.response.placed import Placed
from brinkmap.response.planning import Task, features_of, plan
from brinkmap.response.scene import Scene

__all__ = ["Foresight"]

FIRST, GROWTH = 150, 1.15
"""Answers after which plans are made at all, and growth of their number from one copy of the model to the next."""
KEPT = 16
"""Answers of each sample by which a new copy is put right, the latest."""
STEPS = 3
"""Gradients taken for each plan: the model is no better than its first few."""
JITTER = 0.1
"""How much of a random direction every plan begins with."""
FIRST_RMS, GROW = 0.018, 1.2
"""Where no bound is set: change a value that a plan tries first, root mean square, and share of the incumbent's."""
SAFETY = 1.0
"""Nats beyond the criterion that a plan without a bound is to be forecast."""
TINY = 1e-12


@final
class Foresight:
    """Learns from every answer; plans in a copy of the model that is renewed as answers grow.

    Args:
        scene: holds the samples.
        context: the rules.
    """

    def __init__(self, scene: Scene, context: Context) -> None:
        slots, classes, canvas = context.slots, context.classes, context.canvas
        self._scene, self._canvas = scene, canvas
        self._model = OnlineModel(canvas.shape, classes, canvas.seed)
        self._copy: Placed | None = None
        self._corrections: Corrections
        self._due = float(FIRST)
        self._clean = torch.zeros(slots, classes)
        self._own = torch.zeros(slots, dtype=torch.long)
        self._max_l2 = torch.zeros(slots)
        self._number = np.zeros(slots, np.int64)
        self._told: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(slots)]
        self._active = np.zeros(slots, bool)

    @property
    def ready(self) -> bool:
        """Whether there are answers enough for plans at all; what they are worth only asking can tell."""
        return self._copy is not None

    def begin(self, slots: Ints, references: Ints, log_probabilities: Array, context: Context) -> None:
        """New samples are in these slots, with their clean answers (n, classes)."""
        self._margins, own = margins_for(context.criterion, references, context.indices)
        which, logs = torch.from_numpy(slots), torch.from_numpy(log_probabilities)
        self._own[which], self._clean[which] = torch.from_numpy(own), logs
        self._max_l2[which] = torch.from_numpy(context.max_l2).float()
        self._active[slots] = True
        clean = self._scene.view(which).clean.view(-1, *self._canvas.shape)
        for slot, image, log in zip(slots, clean, logs, strict=True):
            self._number[slot], self._told[slot] = self._model.begin(image, log), []
        if self._copy is not None:
            self._correct_clean(which)

    def stop(self, slots: Ints) -> None:
        """The samples in these slots are finished; what they taught stays."""
        self._active[slots] = False

    def plans(self, slots: Ints, codes: Tensor, l2: Floats, rngs: Sequence[np.random.Generator]) -> Tensor:
        """(n, cells) codes of the best plans that begin from the incumbents' codes (n, cells) at distances (n,)."""
        assert self._copy is not None
        which = torch.from_numpy(slots)
        bound, distance = self._max_l2[which], torch.from_numpy(l2).float()
        first = torch.where(distance > 0, distance * GROW, FIRST_RMS * self._canvas.size**0.5)
        wanted = torch.full_like(bound, -SAFETY)
        any_class = torch.full_like(which, ANY)
        task = Task(which, self._own[which], bound, torch.minimum(first, bound), wanted, bound.isinf(), any_class)
        push = torch.from_numpy(np.stack([rng.standard_normal(self._canvas.size, np.float32) for rng in rngs]))
        push = _unit(self._scene.change_of(which, codes)) + JITTER * _unit(push)
        correction = self._corrections.of(which)
        return plan(self._copy, correction, self._margins, self._scene, task, codes, push, STEPS).codes

    def learn(self, slots: Ints, codes: Tensor, log_probabilities: Array) -> None:
        """Put right, fit, and renew the copy when that is due.

        Args:
            slots: (n,) whose proposal was answered.
            codes: (n, cells) what was asked.
            log_probabilities: (n, classes).
        """
        which, logs = torch.from_numpy(slots), torch.from_numpy(log_probabilities)
        if self._copy is not None:
            self._correct(which, codes, logs)
        for slot, one, log in zip(slots, codes, logs, strict=True):
            self._told[slot] = [*self._told[slot][1 - KEPT :], (one, log)]
        self._model.add(self._number[slots], self._scene.view(which).render(codes), logs)
        self._model.fit()
        if self._model.seen >= self._due:
            self._due = self._model.seen * GROWTH
            self._renew()

    def _correct(self, which: Tensor, codes: Tensor, logs: Tensor) -> None:
        assert self._copy is not None
        features, said = features_of(self._copy, self._scene, which, codes)
        self._corrections.learn(which, features, logs - said)

    def _renew(self) -> None:
        """Plan with the model as it is now, put right by the latest answers of each sample under attack."""
        self._copy = Placed(self._model.copy(), self._canvas.shape)
        slots, classes = self._clean.shape
        self._corrections = Corrections(slots, self._copy.head.in_features, classes, self._copy.own)
        active = np.flatnonzero(self._active)
        if not len(active):
            return
        self._correct_clean(torch.from_numpy(active))
        for back in range(KEPT, 0, -1):
            rows = [slot for slot in active if len(self._told[slot]) >= back]
            if rows:
                codes, logs = (
                    torch.stack(each) for each in zip(*(self._told[row][-back] for row in rows), strict=True)
                )
                self._correct(torch.tensor(rows), codes, logs)

    def _correct_clean(self, which: Tensor) -> None:
        assert self._copy is not None
        clean = torch.zeros(len(which), self._canvas.grid.cells, dtype=torch.long)
        features, said = features_of(self._copy, self._scene, which, clean)
        self._corrections.begin(which, features, self._clean[which] - said)


def _unit(rows: Tensor) -> Tensor:
    """Each row of unit length, or zero."""
    return rows / (rows.norm(dim=1, keepdim=True) + TINY)
