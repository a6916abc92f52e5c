"""What stable-baselines3 needs to learn from our environment: a VecEnv, a policy, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Space

from brinkmap.arrays import Array, Floats
from brinkmap.env.observation import Observation
from brinkmap.env.slots import DONE
from brinkmap.env.vector import AttackVectorEnv
from brinkmap.errors import MissingExtra
from brinkmap.response.cells import CONTENTS, STANDINGS, CellNet, cell_contents, cell_counts, standings
from brinkmap.victims.metered import Ledger

try:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.policies import ActorCriticPolicy
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor
    from torch.distributions import Categorical
except ImportError as error:
    raise MissingExtra("training with PPO", "rl") from error

__all__ = ["CellPolicy", "SameStepEnv", "StopWhenSpent"]

Told = dict[str, np.ndarray]


class SameStepEnv(VecEnv):
    """Our vector environment as stable-baselines3 expects one, seen through the features of cells.

    It wants the next episode's first observation in the step that ends an episode, where ours loads the next sample
    with the step after. So the next sample is loaded, and its clean look paid for, at once; the other slots do not
    move, and the ledger counts what it always counts. An episode out of queries has ended for good (how many are left
    is observed), so no value is bootstrapped beyond it.

    Args:
        env: what is wrapped.
        seed: of the order of the samples.
    """

    def __init__(self, env: AttackVectorEnv, seed: int) -> None:
        canvas = env.canvas
        contents = (CONTENTS * canvas.shape[0], *cell_counts(canvas))
        spaces: dict[str, Space[Any]] = {
            "contents": Box(-np.inf, np.inf, contents, np.float32),
            "codes": Box(0, len(canvas.cards), (canvas.grid.cells,), np.int64),
            "standings": Box(-np.inf, np.inf, (STANDINGS,), np.float32),
        }
        self._env, self._seed = env, seed
        self._actions = np.zeros((env.num_envs, canvas.grid.cells), np.int64)
        self._contents = np.zeros((env.num_envs, *contents), np.float32)
        super().__init__(env.num_envs, Dict(spaces), env.single_action_space)

    def reset(self) -> Told:
        """Begin with fresh samples."""
        observed, _ = self._env.reset(seed=self._seed)
        return self._told(observed, np.arange(self.num_envs))

    def step_async(self, actions: np.ndarray) -> None:
        """Take note of the proposals."""
        self._actions = actions

    def step_wait(self) -> tuple[Told, Floats, np.ndarray, list[dict[str, Any]]]:
        """Put them to the victim."""
        observed, rewards, terminated, truncated, infos = self._env.step(self._actions)
        over = terminated | truncated
        told = self._told(observed, np.arange(0))
        notes: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(over):
            last = {name: values[row] for name, values in told.items()}
            notes[row] = {"terminal_observation": last, "is_success": bool(infos["success"][row])}
        if over.any():
            told = self._told(self._next_samples(), np.flatnonzero(over))
        return told, rewards, over, notes

    def _next_samples(self) -> dict[str, np.ndarray]:
        """Observations after finished slots have been refilled, and nothing else has been done.

        The environment's own step cannot do that: it moves every slot, and a proposal to keep all counts as a stall.
        """
        env = self._env
        for slot in env.slots.where(DONE):
            env.slots.take(int(slot))
        env._fill()
        env._look_until_active()
        return env._observations()

    def _told(self, observed: dict[str, np.ndarray], fresh: np.ndarray) -> Told:
        """The features an agent has in an attack, from what the environment shows; `fresh` slots hold new samples."""
        for row in fresh:
            self._contents[row] = cell_contents(self._env.canvas, observed["sample"][row])
        bounded = self._env.max_l2 is not None
        observation = Observation(
            codes=observed["codes"],
            answers=observed["answer"],
            margins=observed["margin"][:, 0],
            l2=observed["l2"][:, 0],
            max_l2=observed["max_l2"][:, 0] if bounded else np.full(self.num_envs, np.inf),
            remaining=observed["remaining"][:, 0],
            refining=observed["refining"][:, 0] > 0,
        )
        told: Array = standings(observation)
        return {"contents": self._contents.copy(), "codes": observed["codes"], "standings": told}

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same attribute of the one environment, once for each slot."""
        return [getattr(self._env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Slots cannot be told apart."""
        raise NotImplementedError("slots share one environment")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Slots cannot be called one by one."""
        raise NotImplementedError("slots share one environment")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No slot is."""
        return [False] * len(list(self._get_indices(indices)))


class CellPolicy(ActorCriticPolicy):
    """`CellNet` as a policy: one categorical choice a cell, straight from its logits.

    What is not allowed follows from the codes that are observed, so the network masks its own logits; `MaskablePPO`
    would carry a mask of (cells, cards + 2) with every step to the same effect.

    Args:
        net: arguments of `CellNet`.
        first_changes: how many cells it changes on average before it has learned.
    """

    def __init__(
        self, observation_space: Any, action_space: Any, lr_schedule: Any, net: dict[str, Any], first_changes: float,
        **others: Any,
    ) -> None:  # fmt: skip
        self._made_of, self._first_changes = net, first_changes
        super().__init__(observation_space, action_space, lr_schedule, **others)

    def _build(self, lr_schedule: Any) -> None:
        self.net = CellNet(**self._made_of)
        self.net.expect_changes(self._first_changes, len(self.action_space.nvec))  # type: ignore[attr-defined]
        self.optimizer = self.optimizer_class(self.net.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def forward(self, obs: Any, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Choices (n, cells), what the samples are worth (n, 1), and the choices' log-probability (n,)."""
        choice, worth = self._looked_at(obs)
        actions = choice.probs.argmax(dim=2) if deterministic else choice.sample()
        return actions, worth, choice.log_prob(actions).sum(dim=1)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What the samples are worth, the choices' log-probability and the entropy, over all cells of a sample."""
        choice, worth = self._looked_at(obs)
        return worth, choice.log_prob(actions.long()).sum(dim=1), choice.entropy().sum(dim=1)

    def predict_values(self, obs: Any) -> Tensor:
        """(n, 1) what the samples are worth."""
        return self._looked_at(obs)[1]

    def _looked_at(self, obs: dict[str, Tensor]) -> tuple[Categorical, Tensor]:
        logits, worth = self.net(obs["contents"], obs["codes"].long(), obs["standings"])
        return Categorical(logits=logits, validate_args=False), worth[:, None]


class StopWhenSpent(BaseCallback):
    """Ends training with the first step after which the queries are spent; reports after each round of steps.

    Args:
        ledger: where they are counted.
        queries: how many there are.
        report: called with the success of the last 100 episodes, as far as there are any.
    """

    def __init__(self, ledger: Ledger, queries: int, report: Callable[[Sequence[bool]], None]) -> None:
        super().__init__()
        self._ledger, self._queries, self._report = ledger, queries, report

    def _on_step(self) -> bool:
        return self._ledger.total < self._queries

    def _on_rollout_end(self) -> None:
        self._report(list(self.model.ep_success_buffer or []))
