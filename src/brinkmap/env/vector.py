"""The engine as a `gymnasium` vector environment: many samples at once, a slot refilled as soon as its sample ends."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, MultiBinary, MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from brinkmap.arrays import Array, Ints
from brinkmap.env.rules import Rules
from brinkmap.env.slots import ACTIVE, DONE, EMPTY, FRESH, Slots
from brinkmap.env.task import Task
from brinkmap.errors import InputError
from brinkmap.plan import Canvas
from brinkmap.victims.metered import Metered

__all__ = ["AttackVectorEnv", "Reward"]


@dataclass(frozen=True, kw_only=True)
class Reward:
    """What a step earns: the fall of the margin, minus what queries and distance cost, plus a bonus for the flip."""

    query_cost: float = 0.01
    """Nats a query costs."""
    distance_price: float = 0.1
    """Nats a unit of L2 costs."""
    success: float = 1.0
    """Nats that meeting the criterion is worth, once."""

    def of(self, margin_fall: np.ndarray, l2_rise: np.ndarray, asked: np.ndarray, flipped: np.ndarray) -> np.ndarray:
        """(n,) float64 the reward of each slot's step."""
        return margin_fall - self.distance_price * l2_rise - self.query_cost * asked + self.success * flipped


class AttackVectorEnv(VectorEnv[Any, Any, Any]):
    """One sample an episode in each sub-environment; an action is a proposal for every cell.

    A step may add to a set of cells and remove from a set, costs at most one query, and is accepted or rejected by
    the engine. Autoreset is NEXT_STEP: the step after an episode's end ignores that slot's action, loads the next
    sample and spends a query on its clean look. Samples that the victim misclassifies are passed over.

    Args:
        metered: the door to the victim; its `classes` must be known.
        canvas: shape, bounds, grid, cards, seed.
        rules: criterion, budgets, Linf bound.
        samples: (n, c, *extent) float32 within the bounds.
        labels: (n,) or None.
        num_envs: how many samples at once.
        max_l2: the L2 bound of every episode; None for none.
        reward: what a step earns.

    Raises:
        InputError: the number of classes is not known.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(
        self, metered: Metered, canvas: Canvas, rules: Rules, samples: Array, labels: Ints | None, num_envs: int,
        max_l2: float | None = None, reward: Reward | None = None,
    ) -> None:  # fmt: skip
        if metered.classes is None:
            raise InputError("environment: the number of classes must be known. Give the victim classes=.")
        self.num_envs, self.max_l2, self.reward = num_envs, max_l2, reward or Reward()
        self.metered, self.canvas, self.rules = metered, canvas, rules
        self.samples, self.labels = samples, labels
        self.single_observation_space = _observation_space(canvas, metered.classes)
        self.single_action_space = MultiDiscrete(np.full(canvas.grid.cells, len(canvas.cards) + 2))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.slots = Slots(metered, canvas, rules, num_envs)
        self._numbers = itertools.count()
        self._queue: Iterator[int] = iter(())

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Give up what is under way and begin with fresh samples, in an order drawn from the seed."""
        super().reset(seed=seed, options=options)
        for slot in np.flatnonzero(self.slots.state != EMPTY):
            self.slots.state[slot] = DONE
            self.slots.take(int(slot))
        self._queue = itertools.cycle(self.np_random.permutation(len(self.samples)).tolist())
        self._fill()
        self._look_until_active()
        return self._observations(), self._infos()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Put one proposal for each sample to the victim; slots whose episode ended load the next sample instead."""
        slots = self.slots
        for slot in slots.where(DONE):
            slots.take(int(slot))
        active = slots.where(ACTIVE)
        self._fill()
        margins, l2 = slots.margins.copy(), slots.l2.copy()
        refining = slots.observe(active).refining
        tick = slots.tick(active, np.asarray(actions)[active].astype(np.int16))
        asked, fall, rise, flipped = np.zeros((4, self.num_envs))
        asked[tick.asked] = 1
        fall[active] = np.where(refining, 0, margins[active] - slots.margins[active])
        rise[active] = slots.l2[active] - l2[active]
        flipped[active] = ~refining & (slots.margins[active] < 0)
        over = np.isin(np.arange(self.num_envs), np.intersect1d(tick.finished, active))
        self._look_until_active(keep=over)
        terminated = over & (slots.margins < 0)
        rewards = self.reward.of(fall, rise, asked, flipped)
        return self._observations(), rewards, terminated, over & ~terminated, self._infos()

    def _fill(self) -> None:
        for slot in self.slots.where(EMPTY):
            index = next(self._queue)
            label = None if self.labels is None else int(self.labels[index])
            self.slots.load(int(slot), Task(next(self._numbers), index, self.samples[index], label, self.max_l2))

    def _look_until_active(self, keep: np.ndarray | None = None) -> None:
        """Pass over samples that are not worth attacking; episodes that just ended are kept to be looked at."""
        nothing = np.zeros((0, self.canvas.grid.cells), np.int16)
        kept = np.zeros(self.num_envs, bool) if keep is None else keep
        for _ in range(len(self.samples) + 1):
            if len(self.slots.where(FRESH)):
                self.slots.tick(np.empty(0, np.intp), nothing)
            passed_over = np.flatnonzero((self.slots.state == DONE) & ~kept)
            if not len(passed_over):
                return
            for slot in passed_over:
                self.slots.take(int(slot))
            self._fill()
        raise InputError(f"environment: not one of {len(self.samples)} samples is worth attacking.")

    def _observations(self) -> dict[str, np.ndarray]:
        everything = np.arange(self.num_envs)
        seen = self.slots.observe(everything)
        farthest = math.sqrt(self.canvas.size)
        return {
            "sample": self.slots.samples(everything),
            "codes": seen.codes.astype(np.int64),
            "answer": seen.answers,
            "margin": seen.margins[:, None],
            "l2": seen.l2[:, None].astype(np.float32),
            "max_l2": np.minimum(seen.max_l2, farthest)[:, None].astype(np.float32),
            "remaining": np.maximum(seen.remaining, 0)[:, None].astype(np.float32),
            "refining": seen.refining[:, None].astype(np.int8),
        }

    def _infos(self) -> dict[str, Any]:
        numbers = [task.number if task else -1 for task in self.slots.tasks]
        return {
            "index": self.slots.indices.copy(),
            "queries": np.array([self.metered.spent(number) for number in numbers]),
            "success": self.slots.margins < 0,
        }


def _observation_space(canvas: Canvas, classes: int) -> gymnasium.spaces.Dict:
    low, high = canvas.bounds
    farthest = np.float32(math.sqrt(canvas.size) * (1 + 1e-6))
    return Dict(
        {
            "sample": Box(np.float32(low), np.float32(high), canvas.shape, np.float32),
            "codes": MultiDiscrete(np.full(canvas.grid.cells, len(canvas.cards) + 1)),
            "answer": Box(0, 1.001, (classes,), np.float32),
            "margin": Box(-np.inf, np.inf, (1,), np.float32),
            "l2": Box(0, farthest, (1,), np.float32),
            "max_l2": Box(0, farthest, (1,), np.float32),
            "remaining": Box(0, np.inf, (1,), np.float32),
            "refining": MultiBinary(1),
        }
    )
