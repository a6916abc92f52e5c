"""Classification as an environment: a sample is the state, a class the action, and right or wrong the reward."""

from __future__ import annotations

from typing import Any, final

import gymnasium
import numpy as np
import torch

from brinkmap.arrays import Array
from brinkmap.harden.labelled import Labelled
from brinkmap.harden.rewards import Constant, RewardSchedule

__all__ = ["ClassifyEnv"]


@final
class ClassifyEnv(gymnasium.Env[Array, np.int64]):
    """One sample an episode, one answer to it: what the paper frames classification as, for any learner.

    Observations are samples (c, *extent) on 0..1, or flattened for policies that know nothing of axes. Samples come in
    a shuffled order, all of them before any comes again.

    Args:
        data: samples and their classes.
        classes: how many answers there are; one more than the highest label where not given.
        rewards: what an answer earns; +1 and -1 where not given.
        flat: whether observations are flattened.

    Source: Gupta 2020 (SVRHM workshop, NeurIPS), section 2.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self, data: Labelled, classes: int | None = None, rewards: RewardSchedule | None = None, *, flat: bool = False
    ) -> None:
        samples = np.ascontiguousarray(data.samples, np.float32)
        self._samples = samples.reshape(len(samples), -1) if flat else samples
        self._labels, self._rewards = data.labels, rewards or Constant()
        self._mistakes = np.zeros(len(data), np.int64)
        self._order, self._now = np.empty(0, np.int64), 0
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, self._samples.shape[1:], np.float32)
        self.action_space = gymnasium.spaces.Discrete(classes or int(data.labels.max()) + 1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Show the next sample; a seed begins a new shuffle."""
        super().reset(seed=seed)
        if seed is not None or not len(self._order):
            self._order = self.np_random.permutation(len(self._labels))
        self._now, self._order = int(self._order[0]), self._order[1:]
        return self._samples[self._now].copy(), {"index": self._now}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Answer; the episode is over."""
        now, right = self._now, bool(int(action) == self._labels[self._now])
        earned = self._rewards(
            torch.tensor([right]), torch.from_numpy(self._labels[now : now + 1]),
            torch.from_numpy(self._mistakes[now : now + 1]),
        )  # fmt: skip
        self._mistakes[now] = 0 if right else self._mistakes[now] + 1
        return self._samples[now].copy(), float(earned[0]), True, False, {"index": now, "right": right}
