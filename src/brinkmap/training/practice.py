"""Training a policy inside a trained response model, where queries are free: `practise`."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from brinkmap.agents.policy import KIND, PolicyAgent
from brinkmap.agents.ppo import filters_of
from brinkmap.agents.response import ResponseAgent
from brinkmap.arrays import as_samples, check_bounds
from brinkmap.distortions import Medium, arsenal
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, Cards, make_grid
from brinkmap.response.card import AgentCard
from brinkmap.response.dream import Dream, Dreamed, Dreaming
from brinkmap.response.net import ResponseNet
from brinkmap.response.policy import HEADS, Policy
from brinkmap.training.samples import Variants
from brinkmap.victims.protocol import Victim

__all__ = ["Practice", "practise"]

SAVE_EVERY = 20
"""Updates between two checkpoints."""
LATEST = 20
"""Updates, the last ones, that the figures on a card are the means of."""


@dataclass(frozen=True, kw_only=True)
class Practice:
    """How a policy is trained.

    Raises:
        InputError: a value that cannot work.
    """

    heads: str = "flat"
    """flat: every cell has scores of its own. For clips also joint: frames and patches have scores, and a cell the sum
    of both; temporal or spatial: one of the two alone. Samples without a time axis have flat ones."""
    updates: int = 240
    """Of the policy, each from some rollouts in the response model; none costs a query."""
    max_l2: float | None = None
    """The L2 bound that is trained for; None for none."""
    width: int = 32
    """Channels of the network."""
    blocks: int = 2
    """Its residual blocks."""
    dreaming: Dreaming = field(default_factory=Dreaming)
    """The rollouts, and what they earn."""
    shift: bool = True
    """Shift the training samples about, mirrored at the edges."""
    flip: bool = False
    """Flip half of them along the last axis: for samples of which the mirror image is as good."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.heads not in HEADS:
            raise InputError(f"policy: expected {', '.join(HEADS)}, got {self.heads!r}.")
        if self.updates < 1:
            raise InputError(f"updates: expected at least 1, got {self.updates}.")
        if self.max_l2 is not None and not self.max_l2 > 0:
            raise InputError(f"max_l2: expected more than 0, or none, got {self.max_l2}.")


def practise(
    agent: ResponseAgent, victim: Victim, samples: Any, practice: Practice | None = None, *,
    folder: str | Path | None = None, name: str | None = None, watch: Callable[[int, Dreamed], None] | None = None,
) -> PolicyAgent:  # fmt: skip
    """Train a policy in an agent's response model, for the agent's own filters and first patch size.

    Args:
        agent: with a card, as training or a file gives it; it is left as it is.
        victim: says its bounds and sampling rate; it is not asked.
        samples: (n, c, *extent) float or (n, *extent, c) uint8: training samples.
        practice: heads, length, bound, network; None for the defaults.
        folder: where the agent, checkpoints and a .csv of progress are kept; a practice begun there goes on.
        name: the new agent's; None for the old one's with the heads behind it.
        watch: called after each update with its number and what its rollouts came to.

    Returns:
        The agent with the policy.

    Raises:
        InputError: an agent without a card, samples of another shape, or a folder begun with other settings.
    """
    practice, made = practice or Practice(), agent.made_for
    if made is None:
        raise InputError("practice: expected an agent with a card, got one without. Train or load one.")
    samples = as_samples(samples, check_bounds(victim.bounds))
    if (samples.shape[1], samples.ndim - 2) != (made.channels, made.rank):
        raise InputError(
            f"samples: the agent was made for {made.channels} channels and {made.rank} axes, got {samples.shape[1]} "
            f"and {samples.ndim - 2}."
        )
    shape = samples.shape[1:]
    cards = Cards(arsenal(made.default, Medium(shape, getattr(victim, "rate_hz", None))))
    canvas = Canvas(shape, victim.bounds, make_grid(made.patches[0], shape[1:]), cards, practice.seed)
    with torch.random.fork_rng():
        torch.manual_seed(practice.seed)
        policy = Policy(made.channels, made.rank, len(cards), practice.width, practice.blocks, practice.heads)
    dream = Dream(agent.net, policy, canvas, practice.max_l2, practice.dreaming, practice.seed)
    variants = Variants(samples, practice.seed + 1, practice.shift, practice.flip)  # not in training's own order
    name = name or f"{made.name}-{policy.heads}"
    course = _Course(dream, None if folder is None else Path(folder), name, _stated(practice, agent.net))
    course.run(variants, practice.updates, watch)
    card = _card(made, name, practice, policy, filters_of(canvas), course.history)
    trained = PolicyAgent(agent.net, policy, card=card)
    if course.folder is not None:
        trained.save(course.folder / f"{name}.safetensors")
    return trained


class _Course:
    """A practice that can be left and taken up again."""

    def __init__(self, dream: Dream, folder: Path | None, name: str, stated: str) -> None:
        self.dream, self.folder, self.name, self._stated = dream, folder, name, stated
        self.history: list[Dreamed] = []

    def run(self, variants: Variants, updates: int, watch: Callable[[int, Dreamed], None] | None) -> None:
        """All updates that are not done yet."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._resume(self.folder / f"{self.name}.checkpoint")
        for made in self.dream.updated(variants, updates - self.dream.updates):
            self.history.append(made)
            done = len(self.history)
            if self.folder is not None and (done % SAVE_EVERY == 0 or done == updates):
                self._save(self.folder)
            if watch is not None:
                watch(done, made)

    def _resume(self, path: Path) -> None:
        if not path.is_file():
            return
        with safe_open(path, "pt") as held:
            told = held.metadata()
            if told["stated"] != self._stated:
                raise InputError(
                    f"practice: {path} was begun with {told['stated']}, got {self._stated}. Give the same settings or "
                    "another name."
                )
            self.dream.restore({key: held.get_tensor(key) for key in held.keys()})  # noqa: SIM118
        self.history = [Dreamed(*one) for one in json.loads(told["history"])]

    def _save(self, folder: Path) -> None:
        part = folder / f"{self.name}.part"
        state = {key: one.contiguous() for key, one in self.dream.state().items()}
        save_file(state, part, metadata={"stated": self._stated, "history": json.dumps(self.history)})
        part.replace(folder / f"{self.name}.checkpoint")
        with (folder / f"{self.name}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("update", *Dreamed._fields))
            rows.writerows((number, *one) for number, one in enumerate(self.history, 1))


def _stated(practice: Practice, net: ResponseNet) -> str:
    """What has to be the same for a practice to go on: its settings but for its length, and the model."""
    model = hashlib.sha256()
    for values in net.state_dict().values():
        model.update(values.contiguous().numpy().tobytes())
    told = asdict(practice) | {"model": model.hexdigest()[:16]}
    del told["updates"]
    return json.dumps(told, sort_keys=True)


def _card(
    made: AgentCard, name: str, practice: Practice, policy: Policy, filters: list[list[Any]], history: list[Dreamed]
) -> AgentCard:
    latest = np.mean(history[-LATEST:], axis=0)
    figures = {f"dreamed_{key}": round(float(one), 3) for key, one in zip(Dreamed._fields, latest, strict=True)}
    told = {
        "heads": policy.heads, "width": practice.width, "blocks": practice.blocks, "filters": filters,
        "max_l2": practice.max_l2, "updates": len(history),
    }  # fmt: skip
    return replace(
        made, name=name, kind=KIND, distortions=made.default, patches=made.patches[:1], policy=told,
        figures=made.figures | figures,
    )  # fmt: skip
