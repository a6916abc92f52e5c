"""The reference agent's training: plain PPO (stable-baselines3) on the same environment and within a query budget."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.agents.ppo import KIND, PpoAgent, filters_of
from brinkmap.arrays import Ints
from brinkmap.distortions import NATURAL
from brinkmap.env.vector import AttackVectorEnv, Reward
from brinkmap.environment import make_vector_env
from brinkmap.errors import InputError, MissingExtra
from brinkmap.run import Run
from brinkmap.victims.protocol import Victim

if TYPE_CHECKING:
    from brinkmap.response.cells import CellNet

__all__ = ["PpoSettings", "Progress", "train_ppo"]

EARNINGS = Reward(query_cost=0.0)
"""No price on queries: with one, giving up on a hard sample at no cost beats trying. Discounting rewards haste."""


@dataclass(frozen=True, kw_only=True)
class PpoSettings:
    """How it learns; the defaults are PPO's usual ones unless said otherwise."""

    samples_at_once: int = 64
    """Episodes under way at a time."""
    steps: int = 32
    """Steps each of them takes between two updates."""
    batch: int = 256
    """Steps in one gradient."""
    epochs: int = 4
    """How often every step is learned from."""
    learning_rate: float = 1e-3
    """Three times the usual: the network is small and its last layer begins close to nothing."""
    discount: float = 0.99
    """What a nat is worth one step later."""
    smoothing: float = 0.95
    """Lambda of generalised advantage estimation."""
    clip: float = 0.2
    """How far the probability of a whole proposal may move in one update before it is no longer pushed."""
    entropy: float = 0.0
    """Weight of the entropy: a sum over cells, so even a small one outweighs what a proposal earns."""
    first_changes: float = 2.0
    """Cells that a proposal changes on average before anything is learned."""
    width: int = 64
    """Channels of the network."""
    blocks: int = 3
    """Its residual blocks."""
    removes: bool = True
    """Whether it may take away or exchange what a cell was given: the dual action; if not, it only ever adds."""
    device: str = "cpu"
    """Where it is trained; the network is small."""


@dataclass(frozen=True)
class Progress:
    """How training stands after an update's worth of steps."""

    queries: int
    """Paid so far."""
    of: int
    """Queries in all."""
    success: float
    """Share of the last 100 episodes that met the criterion; NaN before the first has ended."""


def train_ppo(
    victim: Victim, samples: Any, labels: Ints | None, run: Run, queries: int, seed: int = 0, *, name: str = "",
    settings: PpoSettings | None = None, reward: Reward | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> PpoAgent:  # fmt: skip
    """An agent that has learned on these samples until the queries were spent.

    The last step may go over by what one step of all samples at once costs; its card says what was paid. Steps after
    the last update are paid for and not learned from.

    Args:
        victim: the classifier; `classes` must be known.
        samples: (n, c, *extent) float or (n, *extent, c) uint8, for training only.
        labels: (n,) or None.
        run: filters, one patch size, budget, criterion, at most one L2 bound.
        queries: training ends when the ledger says so many, clean looks included.
        seed: of the first weights, the order of the samples and every draw; the distortions' own is the run's.
        name: what the card calls the victim; where none is given, its own name.
        settings: how it learns.
        reward: what a step earns; none given means no price on queries.
        progress: called between updates.

    Raises:
        MissingExtra: stable-baselines3 is not installed.
        InputError: bad samples, several patch sizes or L2 bounds, or fewer queries than one update needs.
    """
    try:
        import stable_baselines3  # noqa: F401
    except ImportError as error:
        raise MissingExtra("training with PPO", "rl") from error
    settings = settings or PpoSettings()
    least = settings.samples_at_once * (settings.steps + 1)
    if queries < least:
        raise InputError(
            f"queries: expected at least {least}, what one update takes ({settings.samples_at_once} samples at once, "
            f"{settings.steps} steps and the clean look each), got {queries}."
        )
    env = make_vector_env(
        victim, samples, labels, run, num_envs=settings.samples_at_once, reward=EARNINGS if reward is None else reward
    )
    with _own_randomness():
        net = _learned(env, queries, seed, settings, progress or (lambda _: None))
    stated = [str(getattr(one, "name", one)) for one in run.distortions or NATURAL]
    card = {
        "kind": KIND,
        "distortions": stated,
        "patch": _patch(env.canvas.grid.sizes[0]),
        "filters": filters_of(env.canvas),
        "rank": len(env.canvas.shape) - 1,
        "channels": env.canvas.shape[0],
        "victims": [name or str(getattr(victim, "name", type(victim).__name__))],
        "training_queries": env.metered.ledger.total,
        "seed": seed,
        "width": settings.width,
        "blocks": settings.blocks,
        "removes": settings.removes,
    }
    return PpoAgent(net, card)


def _learned(
    env: AttackVectorEnv, queries: int, seed: int, settings: PpoSettings, progress: Callable[[Progress], None]
) -> CellNet:
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    from brinkmap.training.sb3 import CellPolicy, SameStepEnv, StopWhenSpent

    ledger = env.metered.ledger

    def report(successes: Sequence[bool]) -> None:
        progress(Progress(ledger.total, queries, float(np.mean(successes)) if len(successes) else float("nan")))

    net = {
        "channels": env.canvas.shape[0],
        "rank": len(env.canvas.shape) - 1,
        "cards": len(env.canvas.cards),
        "width": settings.width,
        "blocks": settings.blocks,
        "removes": settings.removes,
    }
    # nats differ from victim to victim, and returns of any scale but 1 drown the policy's gradient in the value's
    rewarded = VecNormalize(SameStepEnv(env, seed), norm_obs=False, gamma=settings.discount)
    model = PPO(
        CellPolicy,
        rewarded,
        learning_rate=settings.learning_rate,
        n_steps=settings.steps,
        batch_size=settings.batch,
        n_epochs=settings.epochs,
        gamma=settings.discount,
        gae_lambda=settings.smoothing,
        clip_range=settings.clip,
        ent_coef=settings.entropy,
        policy_kwargs={"net": net, "first_changes": settings.first_changes},
        seed=seed,
        device=settings.device,
    )
    model.learn(2**62, callback=StopWhenSpent(ledger, queries, report))  # the ledger ends it, not a count of steps
    assert isinstance(model.policy, CellPolicy)
    return model.policy.net.cpu()


def _patch(size: tuple[int, ...]) -> str:
    """A patch size as people write it: 4, or 2x8x8."""
    return "x".join(map(str, size if len(set(size)) > 1 else size[:1]))


@contextlib.contextmanager
def _own_randomness() -> Iterator[None]:
    """Leave the global generators as they were: stable-baselines3 seeds and draws from all of them."""
    import torch

    plain, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(arrays)
