"""Plans made in the response model, where queries are free: the margin's gradient, and what a plan can make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from brinkmap.response.chunks import FEW, chunks
from brinkmap.response.correction import Correction
from brinkmap.response.knapsack import best_codes
from brinkmap.response.looks import Model
from brinkmap.response.margins import Margins, towards
from brinkmap.response.scene import Scene, View

__all__ = [
    "Corrected",
    "Planned",
    "Task",
    "better",
    "chosen",
    "features_of",
    "kind_by_kind",
    "nearest",
    "plan",
    "slopes",
]

WIDEN, CLOSER = 1.5, 0.8
"""What a frugal plan's bound is multiplied with until the wanted margin is forecast, and the share of the least
distance at which it was that is tried next: its root where that fails, the third root where that fails too, and on."""
KEPT = 0.9
"""Of a frugal plan's sum of gradients, each step: its bound moves, and gradients of other distances mislead."""


@dataclass(frozen=True)
class Task:
    """What is to be planned for n samples."""

    slots: Tensor
    """(n,) where the scene holds them."""
    own: Tensor
    """(n,) the classes that the margins are about."""
    max_l2: Tensor
    """(n,) infinite for none."""
    begin_l2: Tensor
    """(n,) the distance that a frugal plan tries first; elsewhere of no account."""
    wanted: Tensor
    """(n,) the margin that is enough for a frugal plan."""
    frugal: Tensor
    """(n,) bool: the least distance for the margin wanted, instead of the least margin within the bound."""
    aim: Tensor
    """(n,) the classes that are to win; -1 for whichever does soonest, as the criterion has it."""

    def __len__(self) -> int:
        """How many samples."""
        return len(self.slots)

    def rows(self, rows: Tensor) -> Task:
        """Only these rows."""
        return Task(*(getattr(self, field)[rows] for field in self.__dataclass_fields__))


class Planned(NamedTuple):
    """What the model thinks best."""

    codes: Tensor
    """(n, cells)."""
    margins: Tensor
    """(n,) its forecast."""
    energy: Tensor
    """(n,) squared L2."""


@dataclass(frozen=True)
class Corrected:
    """The model, what is known of the samples besides, and the margin in question."""

    net: Model
    correction: Correction
    margins: Margins
    own: Tensor

    def forecast(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) the margins of images (n, c, *extent), and (n, values) their gradient, of unit length."""
        return slopes(self.net, self.correction, self.margins, self.own, images)

    def margin(self, images: Tensor) -> Tensor:
        """(n,) the margins alone."""
        with torch.no_grad():
            features = self.net.features(images)
            return self.margins(self.net.head(features) + self.correction.of(features), self.own)


def slopes(net: Model, correction: Correction, margins: Margins, own: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """The corrected model's margins (n,) of images (n, c, *extent), and their gradients (n, values) of unit length."""
    images = images.detach().requires_grad_()
    features = net.features(images)
    found = margins(net.head(features) + correction.of(features), own)
    (gradient,) = torch.autograd.grad(found.sum(), images)
    flat = gradient.flatten(1)
    return found.detach(), flat / (flat.norm(dim=1, keepdim=True) + 1e-12)


def plan(
    net: Model, correction: Correction, margins: Margins, scene: Scene, task: Task,
    start: Tensor, push: Tensor, steps: int, at_once: int = FEW,
) -> Planned:  # fmt: skip
    """The plans that the model thinks best after some steps of dual averaging.

    Every step adds the normalised gradient at the latest plan to a running sum, and takes the plan within the bound
    that is best for that sum; the best plan on the way counts. Where the plan is to be frugal the bound is raised until
    the wanted margin is forecast, and then tried ever closer below the least distance at which it was.

    Args:
        net: the model, in eval mode.
        correction: of the samples.
        margins: the criterion's.
        scene: holds the samples.
        task: what is wanted.
        start: (n, cells) the codes where the first gradient is taken.
        push: (n, values) what the sum begins with: zero, or a direction to explore.
        steps: gradients taken.
        at_once: samples in a chunk.

    Source: Nesterov 2009, Primal-dual subgradient methods for convex problems, Math. Program. 120:221-259.
    """
    found = []
    for rows, count in chunks(len(task), at_once):
        part = task.rows(rows)
        model = Corrected(net, correction.rows(rows), towards(margins, part.aim), part.own)
        made = _plan(model, scene.view(part.slots), part, start[rows], push[rows], steps)
        found.append(Planned(*(one[:count] for one in made)))
    return Planned(*(torch.cat(each) for each in zip(*found, strict=True)))


def _plan(model: Corrected, view: View, task: Task, start: Tensor, push: Tensor, steps: int) -> Planned:
    best = Planned(torch.zeros_like(start), torch.full((len(start),), torch.inf), torch.full((len(start),), torch.inf))
    total, bound = push.clone(), torch.where(task.frugal, task.begin_l2, task.max_l2)
    kept, failed = torch.where(task.frugal, KEPT, 1.0)[:, None], torch.zeros(len(start))
    _, gradient = model.forecast(view.render(start))
    for step in range(1, steps + 1):
        total = kept * total + gradient
        codes, energy = best_codes(view.gains(total), view.energy, bound, view.levels)
        images = view.render(codes)
        seen, gradient = model.forecast(images) if step < steps else (model.margin(images), gradient)
        best = better(best, Planned(codes, seen, energy), task)
        found = best.margins <= task.wanted
        failed = torch.where(found & (seen > task.wanted), failed + 1, 0)
        closer = best.energy.sqrt() * CLOSER ** (1 / (1 + failed))
        bound = torch.where(task.frugal, torch.where(found, closer, bound * WIDEN).minimum(task.max_l2), bound)
    return best


def better(best: Planned, made: Planned, task: Task) -> Planned:
    """Row by row the better of two plans, by what the task asks for."""
    enough, was_enough = (made.margins <= task.wanted) & task.frugal, (best.margins <= task.wanted) & task.frugal
    closer = made.energy < best.energy
    lower = made.margins < best.margins
    take = torch.where(was_enough, enough & closer, enough | lower)
    return Planned(
        torch.where(take[:, None], made.codes, best.codes),
        torch.where(take, made.margins, best.margins),
        torch.where(take, made.energy, best.energy),
    )


def nearest(scene: Scene, slots: Tensor, directions: Tensor, max_l2: Tensor) -> Tensor:
    """(n, cells) the codes within a bound (n,) that go furthest along directions (n, values), without any model."""
    found = []
    for rows, count in chunks(len(slots)):
        view = scene.view(slots[rows])
        packed = best_codes(view.gains(-directions[rows]), view.energy, max_l2[rows], view.levels)
        found.append(packed.codes[:count])
    return torch.cat(found)


def chosen(scene: Scene, slots: Tensor, gains: Tensor, max_l2: Tensor) -> Tensor:
    """(n, cells) the codes of the greatest total gain (n, codes, cells) within a bound (n,)."""
    found = []
    for rows, count in chunks(len(slots)):
        view = scene.view(slots[rows])
        found.append(best_codes(gains[rows], view.energy, max_l2[rows], view.levels).codes[:count])
    return torch.cat(found)


def features_of(net: Model, scene: Scene, slots: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """The model's last features (n, features) of samples under codes (n, cells), and its own log-probabilities."""
    found, said = [], []
    with torch.no_grad():
        for rows, count in chunks(len(slots)):
            features = net.features(scene.view(slots[rows]).render(codes[rows]))
            found.append(features[:count])
            said.append(net.head(features).log_softmax(dim=1)[:count])
    return torch.cat(found), torch.cat(said)


def kind_by_kind(codes: Tensor, *kinds: tuple[Tensor, Callable[[Tensor], Tensor]]) -> Tensor:
    """Codes (n, cells) with rows of each kind replaced.

    Args:
        codes: what stays where no kind is.
        kinds: (n,) bool and what gives the new codes of these rows, by their numbers; one with no rows is not asked.
    """
    made = codes.clone()
    for which, how in kinds:
        rows = which.nonzero()[:, 0]
        if len(rows):
            made[rows] = how(rows)
    return made
