"""Random choices over many slots at once, each slot's out of its own generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Observation
from brinkmap.plan import KEEP, REMOVE, Cards

__all__ = ["boxes", "gumbel", "highest", "log_uniform", "pick", "ranks", "standard", "thin", "uniforms"]

WEAKEN = 0.3
"""How often refining lowers levels instead of taking distortion away altogether."""


def uniforms(rngs: Sequence[np.random.Generator], count: int) -> Floats:
    """(n, count) numbers in [0, 1), row i from the i-th generator."""
    drawn = np.empty((len(rngs), count))
    for row, rng in zip(drawn, rngs, strict=True):
        rng.random(out=row)
    return drawn


def boxes(rngs: Sequence[np.random.Generator], shape: Sequence[int]) -> Array:
    """(n, values) directions of unit length: for each channel a random sign, in one box of a random size at random."""
    channels, *extent = shape
    drawn = np.zeros((len(rngs), channels, *extent), np.float32)
    for row, rng in zip(drawn, rngs, strict=True):
        box = []
        for n in extent:
            side = int(np.clip(np.rint(n * 2.0 ** -rng.uniform(0, 4)), 1, n))
            at = int(rng.integers(0, n - side + 1))
            box.append(slice(at, at + side))
        row[(slice(None), *box)] = rng.choice([-1.0, 1.0], (channels, *[1] * len(extent)))
    flat = drawn.reshape(len(rngs), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def log_uniform(u: Floats, low: float, high: Floats | float) -> Floats:
    """Uniform numbers in [0, 1) as numbers between low and high, every octave equally likely."""
    return low * (np.maximum(high, low) / low) ** u


def pick(scores: Floats, count: Floats, among: np.ndarray) -> np.ndarray:
    """(n, cells) bool: about `count` of the cells `among`, each equally likely, and at least one where there is any.

    Args:
        scores: (n, cells) uniform in [0, 1).
        count: (n,) how many on average.
        among: (n, cells) bool.
    """
    share = count / np.maximum(among.sum(axis=1), 1)
    lowest = np.where(among, scores, np.inf).min(axis=1, keepdims=True)
    return among & ((scores < share[:, None]) | (scores == lowest))


def ranks(values: np.ndarray) -> Ints:
    """(n, cells) the place of each value in its row, 0 for the least; ties in the order of the cells."""
    return np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1, kind="stable")


def standard(values: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and standard deviation 1."""
    centred = values - values.mean(axis=1, keepdims=True)
    return centred / (centred.std(axis=1, keepdims=True) + 1e-9)


def gumbel(u: Floats) -> Floats:
    """Uniform numbers as standard Gumbel ones, whose maximum draws in proportion to exponentials."""
    return -np.log(-np.log(np.clip(u, 1e-12, 1 - 1e-12)))


def highest(values: Floats, count: Ints) -> np.ndarray:
    """(n, cells) bool: the `count` highest of each row, ties in the order of the cells."""
    return ranks(-values) < count[:, None]


def thin(proposals: Ints, observation: Observation, cards: Cards, u: Floats) -> Ints:
    """The proposals, but where a sample is refined one that takes distortion away.

    That is a random share of the occupied cells, or a level off them.

    Args:
        proposals: (n, cells) what is proposed until the criterion is met.
        observation: how the samples stand.
        cards: what the codes mean.
        u: (n, cells + 2) uniform in [0, 1).
    """
    refining = observation.refining
    if not refining.any():
        return proposals.astype(np.int16)
    codes, u = observation.codes[refining], u[refining]
    occupied = codes > 0
    count = log_uniform(u[:, -1], 1.0, np.maximum(occupied.sum(axis=1) / 2, 1.0))
    chosen = pick(u[:, :-2], count, occupied)
    weaker = cards.weaker(codes)
    lowered = np.where(weaker > 0, weaker + 1, REMOVE)
    change = np.where((u[:, -2] < WEAKEN)[:, None], lowered, REMOVE)
    proposals[refining] = np.where(chosen, change, KEEP)
    return proposals.astype(np.int16)
