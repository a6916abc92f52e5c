"""From a victim, samples and a run to the environments that learners train on."""

from __future__ import annotations

from typing import Any

import numpy as np

from brinkmap.arrays import Ints, as_samples, check_bounds, check_sample
from brinkmap.env.single import AttackEnv
from brinkmap.env.vector import AttackVectorEnv, Reward
from brinkmap.errors import InputError
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.victims.protocol import Victim

__all__ = ["make_env", "make_vector_env"]


def make_vector_env(
    victim: Victim, samples: Any, labels: Ints | None = None, run: Run | None = None, *,
    num_envs: int = 64, reward: Reward | None = None,
) -> AttackVectorEnv:  # fmt: skip
    """A `gymnasium.vector.VectorEnv` over these samples, every query counted in its `metered.ledger`.

    Args:
        victim: the classifier; `classes` must be known.
        samples: (n, c, *extent) float or (n, *extent, c) uint8.
        labels: (n,) or None.
        run: filters, patch, budget, criterion, one bound; `agent` is of no account.
        num_envs: how many samples at once.
        reward: what a step earns.

    Raises:
        InputError: bad samples, several L2 bounds, or settings that cannot work.
    """
    run = run or Run()
    if len(run.l2_bounds) != 1:
        raise InputError(f"environment: expected at most one max_l2, got {run.max_l2}.")
    samples = as_samples(samples, check_bounds(victim.bounds))
    session = Session(victim, samples.shape[1:], run)
    check_sample(samples, session.canvas.shape, session.canvas.bounds)
    samples = np.stack([session.canvas.snap(sample) for sample in samples])
    return AttackVectorEnv(
        session.metered, session.canvas, session.rules, samples, labels, num_envs, run.l2_bounds[0], reward
    )


def make_env(
    victim: Victim, samples: Any, labels: Ints | None = None, run: Run | None = None, *, reward: Reward | None = None
) -> AttackEnv:
    """The same with one sample at a time, as a plain `gymnasium.Env`."""
    return AttackEnv(make_vector_env(victim, samples, labels, run, num_envs=1, reward=reward))
