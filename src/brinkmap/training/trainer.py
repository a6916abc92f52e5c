"""One training of the model-based agent, round by round: answers are bought with the current model, then fitted."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from brinkmap.arrays import Array
from brinkmap.distortions import Medium, arsenal
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, rehearse
from brinkmap.response.net import WIDTHS, ResponseNet, deepened
from brinkmap.seeding import training_generator
from brinkmap.training.learner import BATCH, Learner
from brinkmap.training.replay import Replay, small
from brinkmap.training.rounds import Buyer, Round, canvas_of
from brinkmap.training.samples import Variants
from brinkmap.victims.metered import Metered
from brinkmap.victims.protocol import Victim

__all__ = ["Progress", "Trainer", "Training"]

ROUND = 2048
"""Answers bought at a time."""
SCATTERED = 0.08
"""Share of the queries spent on random plans alone, before the model is worth planning in; at most SCATTERED_MOST."""
SCATTERED_MOST = 8192
COLLECTING = 0.8
"""Share of the minibatches that are done by the time the last answer is bought; the rest polish."""
PLAN_STEPS = (1, 4)
"""Gradients taken for a plan, drawn between these: plans of all qualities tell more than the best alone."""
NATURAL_EVERY = 2
"""Each so-many-th round is about natural filters, where others are trained too: these need many more answers."""
PASSES, ENOUGH = (20, 4), 500_000
"""Most and least passes over the answers, and how many answers are to be fitted in all where that is between them."""
CENTRE_STEP, WANTED_LEFT = 1.2, 0.6
"""Bounds, one for each patch size and track, move by this factor a round towards those at which this share of the plans
changes what is said: there the answers tell most."""
SEEDS = 1_000_003
"""Rounds of one training have seeds of their own, and so have trainings."""
REPLAY_BYTES = 4 * 2**30


@dataclass(frozen=True, kw_only=True)
class Training:
    """What an agent is trained with.

    Raises:
        InputError: a value that cannot work.
    """

    queries: int = 50_000
    """Answers that may be bought of the victim, clean looks included."""
    distortions: tuple[str, ...] = ("tint", "gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate")
    """Natural filters and others are trained in rounds of their own, so that the two never mix."""
    patch: tuple[int | str, ...] = (4, 1, 2, 1)
    """Patch sizes, one a round in turn, `50ms` for signals of a rate included; the agent plans with any of them
    afterwards, with the first unless told."""
    passes: float | None = None
    """How often each answer is fitted on average; None for 4, and more, up to 20, where there are few answers."""
    widths: tuple[int, ...] = WIDTHS
    """Channels of the network at each resolution; where axes are long, the last of them again at further ones."""
    members: int = 1
    """Networks that are each fitted to all answers, and whose logits are averaged: so many times the work of fitting
    and planning, and not one answer more."""
    shift: bool = True
    """Shift the training samples about, mirrored at the edges."""
    flip: bool = False
    """Flip half of them along the last axis: for pictures of which the mirror image is as good."""
    robust_l2: float = 0.0
    """For victims that were made robust: how far samples are moved against the network before each is fitted, which
    makes its gradients those of a robust network, in twice the time. 0 for other victims, whose are not."""
    scatter: float = 0.3
    """Share of the rounds with random plans, once the model plans the others."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.queries != 0 and self.queries < BATCH:
            raise InputError(f"queries: expected at least {BATCH}, or 0 to fit labels alone, got {self.queries}.")
        if self.passes is not None and not self.passes > 0:
            raise InputError(f"passes: expected more than 0, got {self.passes}.")
        if self.members < 1:
            raise InputError(f"members: expected 1 or more, got {self.members}.")
        if not 0 <= self.robust_l2 < math.inf:
            raise InputError(
                f"robust_l2: expected 0 or more, got {self.robust_l2}. 0 is for victims that are not robust."
            )
        if not self.distortions or not self.patch:
            raise InputError("training: expected at least one distortion and one patch size, got none.")
        if not 0 <= self.scatter <= 1:
            raise InputError(f"scatter: expected a share from 0 to 1, got {self.scatter}.")

    @property
    def minibatches(self) -> int:
        """Of answers, in all."""
        most, least = PASSES
        passes = self.passes or min(most, max(least, ENOUGH / max(self.queries, 1)))
        return int(passes * self.queries / BATCH)


@dataclass(frozen=True)
class Progress:
    """How training stands after a round."""

    queries: int
    loss: float
    planned: bool
    """Whether the model made the plans of this round."""
    patch: str
    natural: bool
    max_l2: float
    left: float
    """Share of the round's variants, none seen before, of which the victim did not say what the model said of the clean
    ones."""


class Trainer:
    """The state of a training that can be left and taken up again between rounds."""

    def __init__(self, victim: Victim, samples: Array, plan: Training, folder: Path | None) -> None:
        self.victim, self.plan, self.folder = victim, plan, folder
        self.variants = Variants(samples, plan.seed, plan.shift, plan.flip)
        self._metered = Metered(victim)
        self._buyer = Buyer(self._metered, self.variants)
        self._spent_before, self.next_variant, self.rounds = 0, 0, 0
        self.tracks = _tracks(plan.distortions, Medium(samples.shape[1:], getattr(victim, "rate_hz", None)))
        self._rehearse()
        classes = victim.classes or self._first_look(samples[0])
        with torch.random.fork_rng():
            torch.manual_seed(plan.seed)
            widths = deepened(plan.widths, samples.shape[2:])
            self.net = ResponseNet(samples.shape[1], samples.ndim - 2, classes, widths, members=plan.members)
        self.learner = Learner(
            self.net,
            plan.minibatches,
            training_generator(plan.seed, "minibatches", 0),
            shift=plan.shift,
            flip=plan.flip,
            robust_l2=plan.robust_l2,
        )
        looked_at = tuple(small(self.net, torch.from_numpy(samples[:1])).shape[1:])
        capacity = min(max(plan.queries, 1), REPLAY_BYTES // (2 * math.prod(looked_at)))
        self.replay = Replay(capacity, looked_at, classes)
        size = math.sqrt(math.prod(samples.shape[1:]))
        self.centres = {
            (natural, str(patch)): size * (0.05 if natural else 0.02) for natural in self.tracks for patch in plan.patch
        }
        self.history: list[Progress] = []

    def _rehearse(self) -> None:
        """Paint with every filter on every patch size: what cannot work is said before a query is paid for."""
        for natural, names in self.tracks.items():
            for patch in dict.fromkeys(self.plan.patch):
                rehearse(self.canvas(Round(0, False, names, natural, patch, 0.0, 0, 0)))

    def _first_look(self, sample: Array) -> int:
        """How many classes a first answer, which is paid for, has."""
        self._metered.open(-1, 1)
        answer = self._metered.ask([-1], sample[None].copy(), [b""]).probabilities
        self._metered.close(-1)
        return answer.shape[1]

    def going_on(self, spent: int, next_variant: int, rounds: int) -> None:
        """Take up where another trainer was."""
        self._spent_before, self.next_variant, self.rounds = spent - self._metered.ledger.total, next_variant, rounds

    def round(self) -> Progress:
        """Buy a lot of answers and fit."""
        this = self._next_round()
        got, left = self._buyer.buy(this, self.canvas(this), self.learner.mean, min(ROUND, self.left))
        self.rounds += 1
        self.next_variant += len(got)
        self.replay.add(torch.cat(got.images), torch.from_numpy(np.array(got.log_probabilities)))
        if self.folder is not None:
            got.save(self.folder / "answers" / f"round-{this.number:05d}.npz")
            (self.folder / "answers" / f"round-{this.number:05d}.json").write_text(json.dumps(asdict(this)))
        share = min(1.0, self.spent / self.plan.queries)
        loss = self.learner.fit(self.replay, int(self.learner.steps * COLLECTING * share))
        if this.planned:
            self.centres[this.natural, str(this.patch)] *= CENTRE_STEP ** (1 if left < WANTED_LEFT else -1)
        made = Progress(self.spent, loss, this.planned, str(this.patch), this.natural, this.max_l2, left)
        self.history.append(made)
        return made

    @property
    def spent(self) -> int:
        """Queries paid so far, before a resumption too."""
        return self._spent_before + self._metered.ledger.total

    @property
    def left(self) -> int:
        """Queries that can still be spent."""
        return self.plan.queries - self.spent

    def canvas(self, this: Round) -> Canvas:
        """What a round's plans are painted on."""
        victim = self.victim
        rate = getattr(victim, "rate_hz", None)
        return canvas_of(this, self.variants.shape, victim.bounds, rate, self.plan.seed * SEEDS + this.number)

    def _next_round(self) -> Round:
        rng = training_generator(self.plan.seed, "round", self.rounds)
        scattering = self.spent < min(SCATTERED * self.plan.queries, SCATTERED_MOST)
        natural = True in self.tracks and (False not in self.tracks or self.rounds % NATURAL_EVERY == 0)
        turn = sum(one.natural == natural for one in self.history)  # each track goes through all sizes by itself
        patch = self.plan.patch[turn % len(self.plan.patch)]
        max_l2 = self.centres[natural, str(patch)]
        steps = int(rng.integers(PLAN_STEPS[0], PLAN_STEPS[1] + 1))
        planned = not scattering and rng.random() >= self.plan.scatter
        return Round(self.rounds, planned, self.tracks[natural], natural, patch, max_l2, self.next_variant, steps)

    def polish(self) -> float:
        """The minibatches that are left once all answers are bought."""
        return self.learner.fit(self.replay, self.learner.steps)


def _tracks(names: tuple[str, ...], medium: Medium) -> dict[bool, tuple[str, ...]]:
    """The filters, natural ones and others apart."""
    tracks: dict[bool, list[str]] = {}
    for name in names:
        tracks.setdefault(arsenal([name], medium)[0].natural, []).append(name)
    return {natural: tuple(members) for natural, members in tracks.items()}
