"""The engine as a plain `gymnasium` environment: one sample an episode."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from brinkmap.env.vector import AttackVectorEnv

__all__ = ["AttackEnv"]


class AttackEnv(gymnasium.Env[Any, Any]):
    """`AttackVectorEnv` with one sub-environment, as learners expect it that know no vector environments.

    Args:
        vector: with `num_envs` of 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, vector: AttackVectorEnv) -> None:
        assert vector.num_envs == 1
        self._vector = vector
        self.observation_space = vector.single_observation_space
        self.action_space = vector.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin with the next sample, or, where a seed is given, with the first in the order it draws."""
        super().reset(seed=seed)
        observations, infos = self._vector.reset(seed=seed, options=options)
        return _first(observations), _first(infos)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Put one proposal to the victim."""
        observations, rewards, terminated, truncated, infos = self._vector.step(np.asarray(action)[None])
        return _first(observations), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first(infos)


def _first(batched: dict[str, Any]) -> dict[str, Any]:
    return {key: values[0] for key, values in batched.items()}
