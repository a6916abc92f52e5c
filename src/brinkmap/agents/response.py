"""The model-based agent: plans sets of patches in a response model, and puts it right with every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.agents.draws import boxes, ranks
from brinkmap.agents.habits import Habits
from brinkmap.agents.hedged import left_to_chance
from brinkmap.agents.saved import write_agent
from brinkmap.agents.uniform import RandomAgent
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.errors import InputError
from brinkmap.objective import Untargeted, log_probabilities
from brinkmap.plan import KEEP, Canvas, apply, proposing
from brinkmap.response.aims import ANY, Aims

if TYPE_CHECKING:
    from torch import Tensor

    from brinkmap.response.card import AgentCard
    from brinkmap.response.correction import Correction
    from brinkmap.response.looks import Model
    from brinkmap.response.net import ResponseNet
    from brinkmap.response.planning import Task
    from brinkmap.response.scene import Scene

__all__ = ["Habits", "ResponseAgent"]

JITTER = 0.1
"""How much of a random direction every plan begins with, so that no two are the same."""
SEARCHING = 4
"""Times the steps, where the distance of a flip is still to be found."""


class ResponseAgent:
    """Plans in a response model of the victim, corrected for each sample from its answers.

    Args:
        net: the model, as training leaves it.
        habits: how it goes about it.
        card: what it was made for; supplies filters and patch size where the run does not.
    """

    needs_scores = True

    def __init__(self, net: ResponseNet, habits: Habits | None = None, card: AgentCard | None = None) -> None:
        self.net, self._habits, self.made_for = net.eval(), habits or Habits(), card
        self._canvas: Canvas | None = None
        self._chance = RandomAgent()
        self.model: Model
        """The net as this run looks through it, and place by place where it can; from the first `start` on."""
        self.scene: Scene
        """The samples under attack with all their paintings; there is one from the first `start` on."""

    @property
    def card(self) -> dict[str, Any]:
        """What a run need not state, what it may, and what reports say of its training."""
        made = self.made_for
        if made is None:
            return {}
        return {
            "channels": made.channels, "rank": made.rank, "classes": made.classes, "rate_hz": made.rate_hz,
            "victims": made.victims, "training_queries": made.training_queries, "labels": made.labels,
            "distortions": made.default, "patch": made.patches[0],
            "allowed": {"distortions": made.distortions, "patch": made.patches},
        }  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Write weights and card into one safetensors file, whole or not at all.

        Raises:
            InputError: it has no card.
        """
        if self.made_for is None:
            raise InputError("agent: expected a card that says what it was made for, got none. Give card=.")
        write_agent(path, self._weights(), asdict(self.made_for))

    def _weights(self) -> dict[str, Tensor]:
        return self.net.state_dict()

    @classmethod
    def from_file(cls, card: dict[str, Any], weights: dict[str, Tensor]) -> ResponseAgent:
        """The agent that `save` wrote."""
        from brinkmap.response.card import AgentCard

        made = AgentCard.read(card)
        return cls(made.net(weights), card=made)

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Paint every card of the samples, and take in their clean answers."""
        import torch

        from brinkmap.response.margins import margins_for

        canvas = context.canvas
        if self._canvas is not canvas:
            self._open(context)
        self._chance.start(slots, samples, references, answers, context)
        self._margins, own = margins_for(context.criterion, references, context.indices)
        self._own[slots], self._asked[slots] = torch.from_numpy(own), 0
        self._reach.begin(slots, context.max_l2)
        self._safety.begin(slots)
        self._aims.begin(slots, answers, own)
        for slot in slots:
            self.scene.load(int(slot), context.palette)
        clean = np.zeros((len(slots), canvas.grid.cells), np.int64)
        if self._habits.corrected:
            self._corrections.begin(*self._missed(slots, torch.from_numpy(clean), answers))
            self._tangents.begin(slots, self._margins_of(slots, answers))

    def _open(self, context: Context) -> None:
        """Another run begins.

        Raises:
            InputError: the victim has other classes, or samples other axes, than it was made for.
        """
        import torch

        from brinkmap.response.correction import Corrections
        from brinkmap.response.folding import folded
        from brinkmap.response.looks import Looks, looks_of
        from brinkmap.response.placed import Placed
        from brinkmap.response.reach import Reach, first_l2
        from brinkmap.response.safety import Safety
        from brinkmap.response.scene import Scene
        from brinkmap.response.tangents import Tangents

        self._check(context)
        self._canvas = context.canvas
        moves = {"shift": False, "flip": False}
        if self.made_for is not None:
            moves = {"shift": self.made_for.shift, "flip": self.made_for.flip}
        looks = Looks(folded(self.net), looks_of(self._habits.looks, context.canvas.shape[1:], **moves))
        self.model = Placed(looks, context.canvas.shape) if hasattr(self.net, "places") else looks
        self.scene = Scene(context.canvas, context.slots, blind=self._habits.blind)
        self._own = torch.zeros(context.slots, dtype=torch.long)
        self._refining = torch.zeros(context.slots, dtype=torch.bool)
        self._margin, self._asked = torch.zeros(context.slots), np.zeros(context.slots, np.int64)
        self._safety = Safety(context.slots, self._habits.safety)
        self._reach = Reach(context.slots, first_l2(context.canvas))
        several = isinstance(context.criterion, Untargeted) and context.classes > 2
        self._aims = Aims(context.slots, context.classes if several and self._habits.aims else 0)
        width, own = self.model.head.in_features, self.net.head.in_features
        self._corrections = Corrections(context.slots, width, context.classes, own)
        self._tangents = Tangents(self.scene, context.slots, across=False)

    def _check(self, context: Context) -> None:
        shape, net = context.canvas.shape, self.net
        made = (getattr(net, "channels", shape[0]), getattr(net, "rank", len(shape) - 1), net.head.out_features)
        got = (shape[0], len(shape) - 1, context.classes)
        if made != got:
            raise InputError(
                f"agent: it was trained for samples of {made[0]} channels, {made[1]} axes and {made[2]} classes, got "
                f"{got[0]}, {got[1]} and {got[2]}. Train one for this victim, or use agent learning."
            )

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """The plan that the corrected model thinks best, a move against a slope, or a random change."""
        import torch

        self._margin[slots] = torch.from_numpy(observation.margins).float()
        self._refining[slots] = torch.from_numpy(observation.refining)
        habits, codes = self._habits, observation.codes.astype(np.int64)
        exploring = left_to_chance(self._asked[slots], observation.refining, habits.explore_after, habits.plan_every)
        if habits.corrected:  # without a bound what was wrong is put right by going further
            exploring &= np.isfinite(observation.max_l2)
        self._order = np.zeros(codes.shape)
        for which, how in (
            (~exploring, self._foreseen),
            (exploring, self._felt if habits.corrected else self._chanced),
        ):
            rows = np.flatnonzero(which)
            if len(rows):
                codes[rows] = how(slots[rows], rows, observation, [rngs[int(row)] for row in rows])
        self._asked[slots] += 1
        return self._limited(slots, observation, codes)

    def _foreseen(self, slots: Ints, rows: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """(n, cells) what the corrected model thinks best."""
        import torch

        assert self._canvas is not None
        task, own = self._task(slots, observation, rows), observation.codes[rows].astype(np.int64)
        push = torch.from_numpy(JITTER * boxes(rngs, self._canvas.shape))
        return self._planned(task, self._corrections.of(task.slots), torch.from_numpy(own), push).numpy()

    def _felt(self, slots: Ints, rows: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """(n, cells) the incumbents turned against slopes that the answers leave open."""
        here = observation.rows(rows)
        return self._tangents.codes(slots, here.max_l2, here.spent(self._asked[slots]), rngs).numpy()

    def _chanced(self, slots: Ints, rows: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """(n, cells) random changes."""
        here = observation.rows(rows)
        drawn = self._chance.propose(slots, here, rngs)
        self._order[rows] = self._chance.order(slots)
        return apply(here.codes, drawn)

    def order(self, slots: Ints) -> np.ndarray:
        """Which changes give way first where all of them go too far; plans never do, random proposals may."""
        return self._order

    def _limited(self, slots: Ints, observation: Observation, change: Ints) -> Ints:
        """The change to the plans wanted, as far as habits allow it."""
        import torch

        proposals = proposing(observation.codes, change)
        free = ~observation.refining[:, None]
        if not self._habits.removes:
            proposals = np.where(free & (observation.codes > 0), KEEP, proposals)
        if self._habits.changes is not None:
            energy = self.scene.view_of(slots).squared(torch.from_numpy(change)).numpy()
            moved = np.where(proposals != KEEP, energy, -1.0)
            proposals = np.where(free & (ranks(-moved) >= self._habits.changes), KEEP, proposals)
        return proposals

    def _task(self, slots: Ints, observation: Observation, rows: Ints) -> Task:
        import torch

        from brinkmap.response.planning import Task

        which = torch.from_numpy(slots)
        l2, refining = torch.from_numpy(observation.l2[rows]).float(), self._refining[which]
        reach, begin = self._reach.of(slots, l2, refining)
        aim = torch.where(refining, ANY, torch.from_numpy(self._aims.next(slots)))
        frugal = refining | ~self._reach.bounded(slots)
        return Task(which, self._own[which], reach, begin, -self._safety.of(slots), frugal, aim)

    def _planned(self, task: Task, known: Correction, codes: Tensor, push: Tensor) -> Tensor:
        """(n, cells) what the corrected model thinks best."""
        import torch

        from brinkmap.response.planning import kind_by_kind

        # every other plan starts afresh: an incumbent may be a dead end
        fresh = torch.from_numpy(self._asked)[task.slots] % 2 == 0
        begin, steps = torch.where(fresh[:, None], 0, codes), self._habits.steps
        refining = self._refining[task.slots]
        searching, moved = task.frugal & ~refining, refining & ~fresh

        def stepped(rows: Tensor, steps: int) -> Tensor:
            return self._stepped(task.rows(rows), known.rows(rows), begin[rows], push[rows], steps)

        return kind_by_kind(
            codes,
            (moved, lambda rows: self._moved(task.rows(rows), known.rows(rows), codes[rows])),
            (searching, lambda rows: stepped(rows, SEARCHING * steps)),
            (~searching & ~moved, lambda rows: stepped(rows, steps)),
        )

    def _moved(self, task: Task, known: Correction, codes: Tensor) -> Tensor:
        """(n, cells) the incumbents with small changes that bring them nearer."""
        from brinkmap.response.nearer import nearer

        return nearer(self.model, known, self._margins, self.scene, task, codes, self._margin[task.slots])

    def _stepped(self, task: Task, known: Correction, begin: Tensor, push: Tensor, steps: int) -> Tensor:
        """(n, cells) the plans after some steps."""
        from brinkmap.response.planning import plan

        return plan(self.model, known, self._margins, self.scene, task, begin, push, steps).codes

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Put the model and the slopes right for these samples."""
        import torch

        assert self._canvas is not None
        self._safety.learn(slots, accepted)
        self._reach.learn(slots, accepted)
        self._aims.learn(slots, answers)
        if not self._habits.corrected:
            return
        codes = torch.from_numpy(self._canvas.cards.codes(plans).astype(np.int64))
        self._corrections.learn(*self._missed(slots, codes, answers))
        felt = (~self._refining[slots] & self._reach.bounded(slots)).numpy()  # slopes are for exploring alone
        if felt.any():
            margins = self._margins_of(slots[felt], answers[felt])
            self._tangents.learn(slots[felt], codes[torch.from_numpy(felt)], margins, accepted[felt])

    def _margins_of(self, slots: Ints, answers: Array) -> Array:
        """(n,) as the criterion has them."""
        import torch

        logs = torch.from_numpy(log_probabilities(answers))
        return self._margins(logs, self._own[torch.from_numpy(slots)]).numpy()

    def stop(self, slots: Ints) -> None:
        """Nothing: the corrections are forgotten when the next samples come."""

    def _missed(self, slots: Ints, codes: Tensor, answers: Array) -> tuple[Tensor, Tensor, Tensor]:
        """The slots, the features of what was asked, and what the model got wrong about it."""
        import torch

        from brinkmap.response.planning import features_of

        which = torch.from_numpy(slots)
        features, said = features_of(self.model, self.scene, which, codes)
        return which, features, torch.from_numpy(log_probabilities(answers)) - said
