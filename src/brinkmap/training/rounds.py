"""Rounds of answers: what is asked of the victim in each, one query for one variant of a training sample.

Variants are asked about in their distorted form alone, without a clean look: of the same number of answers, those about
different samples teach many times more than those about one (docs/design/0004-training.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Bounds
from brinkmap.distortions import Medium, arsenal
from brinkmap.errors import VictimError
from brinkmap.objective import Untargeted, log_probabilities
from brinkmap.plan import Canvas, Cards, make_grid
from brinkmap.response.aims import ANY
from brinkmap.response.chunks import CHUNK
from brinkmap.response.correction import Correction
from brinkmap.response.margins import margins_for
from brinkmap.response.net import ResponseNet
from brinkmap.response.planning import Task, chosen, nearest, plan
from brinkmap.response.precision import bfloat16_pays
from brinkmap.response.scene import Scene
from brinkmap.seeding import training_generator
from brinkmap.training.replay import Answers, small
from brinkmap.training.samples import Variants
from brinkmap.victims.metered import Metered

__all__ = ["Buyer", "Round", "canvas_of"]

AT_ONCE = 2 * CHUNK
SPREAD = 1.6
"""A plan's bound is drawn up to this factor from the round's, downwards and upwards."""
JITTER = 0.1
"""How much of a random direction a plan begins with."""
BY_DIRECTION = 0.7
"""Share of the random plans that follow a direction in the values; the others prefer cards at random."""
LEAST_SHARE = 0.1
"""Of the boxes or cells that a random plan uses."""
FURTHER = 2.0
"""Random plans go this much further than those made in the model: it takes more of them to tell anything."""


@dataclass(frozen=True)
class Round:
    """One lot of answers, and what is asked."""

    number: int
    planned: bool
    """Whether the model makes the plans, or chance."""
    distortions: tuple[str, ...]
    natural: bool
    patch: int | str
    max_l2: float
    first: int
    """The first of its variants."""
    steps: int
    """Gradients taken for a plan."""


def canvas_of(this: Round, shape: tuple[int, ...], bounds: Bounds, rate_hz: float | None, seed: int) -> Canvas:
    """What a round's plans are painted on."""
    cards = Cards(arsenal(this.distortions, Medium(shape, rate_hz)))
    return Canvas(shape=shape, bounds=bounds, grid=make_grid(this.patch, shape[1:]), cards=cards, seed=seed)


class Buyer:
    """Buys answers.

    Args:
        metered: the door to the victim.
        variants: of the training samples.
    """

    def __init__(self, metered: Metered, variants: Variants) -> None:
        self._metered, self._variants = metered, variants

    def buy(self, this: Round, canvas: Canvas, net: ResponseNet, wanted: int) -> tuple[Answers, float]:
        """So many answers, and the share of them in which the victim does not say what the model says of the clean one.

        Raises:
            VictimError: the victim failed.
        """
        scene, got, left = Scene(canvas, AT_ONCE), Answers(), 0
        for begin in range(this.first, this.first + wanted, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, this.first + wanted))
            for slot, number in enumerate(numbers):
                scene.paint(slot, canvas.snap(self._variants[number]), number)
            slots = torch.arange(len(numbers))
            rngs = [training_generator(self._variants.seed, "plan", number) for number in numbers]
            said = _said(net, scene, slots)
            codes = (_planned if this.planned else _scattered)(this, net, scene, slots, said, rngs)
            images = scene.view(slots).render(codes)
            answers = self._ask(numbers, _raw(images, canvas))
            left += int((answers.argmax(axis=1) != said.numpy()).sum())
            got.add(numbers, codes.numpy(), log_probabilities(answers), small(net, images))
        return got, left / max(len(got), 1)

    def _ask(self, numbers: Sequence[int], batch: Array) -> Array:
        answers = self._metered.ask_once(numbers, batch)
        if answers.failed:
            raise VictimError(f"training: {next(iter(answers.failed.values()))}")
        return answers.probabilities


def _raw(images: Tensor, canvas: Canvas) -> Array:
    low, high = canvas.bounds
    return np.clip(images.numpy() * np.float32(canvas.span) + np.float32(low), np.float32(low), np.float32(high))


def _said(net: ResponseNet, scene: Scene, slots: Tensor) -> Tensor:
    """(n,) what the model says of the clean samples."""
    with torch.no_grad():
        clean = scene.view(slots).clean.view(len(slots), *scene.canvas.shape)
        found: Tensor = net(clean).argmax(dim=1)
    return found


def _planned(
    this: Round, net: ResponseNet, scene: Scene, slots: Tensor, said: Tensor, rngs: Sequence[np.random.Generator]
) -> Tensor:
    """(n, cells) what the model thinks best against what it says of the clean samples."""
    n, canvas = len(slots), scene.canvas
    bounds = torch.tensor([this.max_l2 * SPREAD ** rng.uniform(-1, 1) for rng in rngs])
    margins, own = margins_for(Untargeted(), said.numpy(), np.arange(n))
    nothing = torch.zeros(n)
    any_class, frugal = torch.full((n,), ANY), torch.zeros(n, dtype=torch.bool)
    task = Task(slots, torch.from_numpy(own), bounds.float(), nothing, nothing, frugal, any_class)
    push = torch.from_numpy(np.stack([JITTER * _direction(rng, canvas) for rng in rngs]))
    begin = torch.zeros(n, canvas.grid.cells, dtype=torch.long)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_pays()):
        return plan(net, Correction.none(net, n), margins, scene, task, begin, push, this.steps, CHUNK).codes


def _scattered(
    this: Round, net: ResponseNet, scene: Scene, slots: Tensor, said: Tensor, rngs: Sequence[np.random.Generator]
) -> Tensor:
    """(n, cells) random plans of all sizes, down to none."""
    canvas = scene.canvas
    made = torch.zeros(len(slots), canvas.grid.cells, dtype=torch.long)
    reach = torch.tensor([rng.uniform(0, FURTHER) * this.max_l2 for rng in rngs]).float()
    by_direction = np.array([rng.random() < BY_DIRECTION for rng in rngs])
    for rows, follow, draw in ((by_direction, nearest, _direction), (~by_direction, chosen, _gains)):
        where = torch.from_numpy(np.flatnonzero(rows))
        if len(where):
            drawn = torch.from_numpy(np.stack([draw(rngs[row], canvas) for row in where]))
            made[where] = follow(scene, slots[where], drawn, reach[where])
    return made


def _direction(rng: np.random.Generator, canvas: Canvas) -> Array:
    """(values,) of unit length: random signs, the same over boxes of a random size, in a random share of the boxes."""
    channels, *extent = canvas.shape
    side = 2 ** int(rng.integers(0, max(1, int(math.log2(max(extent))))))
    counts = tuple(-(-n // side) for n in extent)
    boxes = rng.choice(np.array([-1, 1], np.float32), (channels, *counts))
    boxes = boxes * (rng.random(counts) < rng.uniform(LEAST_SHARE, 1))
    for axis, n in enumerate(extent, 1):
        boxes = np.repeat(boxes, side, axis=axis).take(range(n), axis=axis)
    return (boxes.ravel() / max(float(np.linalg.norm(boxes)), 1.0)).astype(np.float32)


def _gains(rng: np.random.Generator, canvas: Canvas) -> Array:
    """(codes, cells) random, in a random share of the cells: this reaches filters that no direction favours."""
    codes, cells = len(canvas.cards) + 1, canvas.grid.cells
    gains = rng.random((codes, cells), np.float32) * (rng.random(cells) < rng.uniform(LEAST_SHARE, 1))
    gains[0] = 0
    return gains.astype(np.float32)
