"""The model-based agent with a policy: a network trained in the response model says where its plans begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.agents.draws import uniforms
from brinkmap.agents.ppo import filters_of
from brinkmap.agents.response import Habits, ResponseAgent
from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.errors import InputError
from brinkmap.objective import log_probabilities

if TYPE_CHECKING:
    from torch import Tensor

    from brinkmap.response.card import AgentCard
    from brinkmap.response.correction import Correction
    from brinkmap.response.net import ResponseNet
    from brinkmap.response.planning import Task
    from brinkmap.response.policy import Policy

__all__ = ["KIND", "PolicyAgent"]

KIND = "policy"
"""In the card of an agent file."""

LEAD = 1.0
"""Length of the push towards the policy's proposal that a plan begins with, in gradients."""
NOISE = 0.15
"""Scale of the Gumbel noise on the scores of every proposal but the first."""


class PolicyAgent(ResponseAgent):
    """Asks for what the policy proposes, or for what planning makes of it.

    Args:
        net: the response model.
        policy: trained in it, for these cards.
        habits: how it goes about it; with 0 steps the proposals themselves are asked, and nothing is refined.
        card: what it was made for.
    """

    def __init__(
        self, net: ResponseNet, policy: Policy, habits: Habits | None = None, card: AgentCard | None = None
    ) -> None:
        super().__init__(net, habits, card)
        self.policy = policy.eval()
        self._heads = getattr(policy, "heads", "flat")  # what stands in for a policy speaks of cells

    def _weights(self) -> dict[str, Tensor]:
        parts = {"net": self.net, "policy": self.policy}
        return {f"{part}.{name}": one for part, net in parts.items() for name, one in net.state_dict().items()}

    @classmethod
    def from_file(cls, card: dict[str, Any], weights: dict[str, Tensor]) -> PolicyAgent:
        """The agent that `save` wrote."""
        from brinkmap.response.card import AgentCard
        from brinkmap.response.policy import HEADS, Policy
        from brinkmap.victims.weights import network_with

        made, told = AgentCard.read(card), card["policy"]
        if told["heads"] not in HEADS:
            raise ValueError(f"heads: expected {', '.join(HEADS)}, got {told['heads']!r}")
        cards = sum(levels for _, levels in told["filters"])
        of = {
            part: {name.removeprefix(f"{part}."): one for name, one in weights.items() if name.startswith(f"{part}.")}
            for part in ("net", "policy")
        }
        policy = network_with(
            lambda: Policy(made.channels, made.rank, cards, told["width"], told["blocks"], told["heads"]),
            of["policy"], {"blocks": told["blocks"]},
        )  # fmt: skip
        return cls(made.net(of["net"]), policy, card=made)

    def _check(self, context: Context) -> None:
        super()._check(context)
        made, got = self.made_for, filters_of(context.canvas)
        if made is not None and (wanted := [list(one) for one in made.policy["filters"]]) != got:
            raise InputError(
                f"distortions: the policy was trained for all of {_named(wanted)}, got {_named(got)}. "
                "Leave distortions out."
            )

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Look at the clean samples cell by cell, too.

        Raises:
            InputError: several patch sizes.
        """
        import torch

        from brinkmap.response.cells import STANDINGS, cell_contents, cell_counts

        another = self._canvas is not context.canvas
        super().start(slots, samples, references, answers, context)
        canvas = context.canvas
        shown = np.full_like(samples, np.mean(canvas.bounds)) if self._habits.blind else samples
        told = torch.from_numpy(np.stack([cell_contents(canvas, sample) for sample in shown]))
        if another:
            self._contents = torch.zeros(context.slots, *told.shape[1:])
            self._credit = torch.zeros(context.slots, canvas.grid.cells)
            self._codes = torch.zeros(context.slots, canvas.grid.cells, dtype=torch.long)
            self._told = torch.zeros(context.slots, STANDINGS)
            self._noise = torch.zeros(context.slots, len(canvas.cards) + 1, canvas.grid.cells)
            self._counts = cell_counts(canvas)
        self._contents[slots], self._credit[slots] = told, 0

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """The policy's proposal, planned on; refining is planning alone."""
        import torch

        from brinkmap.response.cells import standings

        self._codes[slots] = torch.from_numpy(observation.codes.astype(np.int64))
        self._told[slots] = torch.from_numpy(standings(observation))
        self._noise[slots] = self._drawn(slots, rngs)
        return super().propose(slots, observation, rngs)

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Credit the cells that were changed, and put the model right."""
        import torch

        from brinkmap.response.policy import shares_of_fall

        super().learn(slots, plans, answers, accepted)
        assert self._canvas is not None
        which = torch.from_numpy(slots)
        asked = torch.from_numpy(self._canvas.cards.codes(plans).astype(np.int64))
        found = self._margins(torch.from_numpy(log_probabilities(answers)), self._own[which])
        self._credit[which] = shares_of_fall(
            self._credit[which], self._codes[which], asked, self._margin[which] - found
        )  # fmt: skip

    def _planned(self, task: Task, known: Correction, codes: Tensor, push: Tensor) -> Tensor:
        """Plans that begin at the policy's proposals, (n, cells); the samples being refined have plans of old."""
        from brinkmap.response.planning import kind_by_kind

        refining, planned = self._refining[task.slots], super()._planned
        return kind_by_kind(
            codes,
            (refining, lambda rows: planned(task.rows(rows), known.rows(rows), codes[rows], push[rows])),
            (~refining, lambda rows: self._led(task.rows(rows), known.rows(rows), codes[rows], push[rows])),
        )

    def _led(self, task: Task, known: Correction, codes: Tensor, push: Tensor) -> Tensor:
        import torch

        proposed = self._proposed(task, known, codes)
        if not self._habits.steps:
            return proposed
        towards = self.scene.change_of(task.slots, proposed)
        l2 = towards.norm(dim=1)
        towards = towards / (l2[:, None] + 1e-12)
        task = replace(task, begin_l2=torch.minimum(l2, task.max_l2))  # a frugal plan tries the policy's distance first
        return self._stepped(task, known, proposed, push - LEAD * towards, self._habits.steps)

    def _proposed(self, task: Task, known: Correction, codes: Tensor) -> Tensor:
        """What the policy would ask about, (n, cells), in whole chunks."""
        import torch

        from brinkmap.response.chunks import FEW
        from brinkmap.response.knapsack import best_codes
        from brinkmap.response.planning import slopes
        from brinkmap.response.policy import Sight

        found = []
        for first in range(0, len(task), FEW):
            rows = torch.arange(first, first + FEW).clamp(max=len(task) - 1)
            here, now = task.rows(rows), codes[rows]
            slots, view = here.slots, self.scene.view(here.slots)
            _, gradient = slopes(self.model, known.rows(rows), self._margins, here.own, view.render(now))
            sight = Sight(
                self._contents[slots], self._told[slots], now, self._credit[slots], view.gains(gradient), view.energy
            )
            with torch.no_grad():
                scores = self.policy(sight) + self._noise[slots]
            packed = best_codes(scores, view.energy, here.max_l2, view.levels)
            found.append(packed.codes[: len(task) - first])
        return torch.cat(found)

    def _drawn(self, slots: Ints, rngs: Sequence[np.random.Generator]) -> Tensor:
        """(n, codes, cells) Gumbel noise, shared as the policy's heads are; none on a sample's first proposal."""
        import torch

        from brinkmap.response.policy import shared

        shape = self._noise.shape[1:]
        u = uniforms(rngs, shape.numel()).clip(1e-7, 1 - 1e-7)
        drawn = -np.log(-np.log(u)) * (NOISE * (self._asked[slots] > 0))[:, None]
        noise = torch.from_numpy(drawn.astype(np.float32)).view(len(slots), *shape)
        return shared(noise, self._heads, self._counts, torch.from_numpy(self._asked[slots] % 2 == 0))


def _named(filters: list[list[Any]]) -> str:
    return ", ".join(f"{name} ({levels} levels)" for name, levels in filters)
