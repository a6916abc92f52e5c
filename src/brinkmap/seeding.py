"""One random generator a sample, from (run seed, sample index): no result depends on order, batch or worker."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

__all__ = ["paint_generator", "sample_generator", "training_generator"]


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """The generator that an agent draws its proposals for one sample from."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))


def paint_generator(seed: int, index: int, name: str) -> np.random.Generator:
    """The generator a distortion paints one sample with: equal for all its levels and cells.

    A fresh one is made for each painting, so that re-adding a distortion gives the same bits and noise only
    grows with its level.
    """
    digest = blake2b(b"%d/%d/%s" % (seed, index, name.encode()), digest_size=32).digest()
    return np.random.Generator(np.random.PCG64(_Hashed(digest)))  # type: ignore[arg-type]


def training_generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    """A generator of its own for each thing that training draws."""
    digest = blake2b(b"%d/%s/%d" % (seed, purpose.encode(), number), digest_size=32).digest()
    return np.random.Generator(np.random.PCG64(_Hashed(digest)))  # type: ignore[arg-type]


class _Hashed(ISeedSequence):
    """Gives PCG64 its 256 bits of state straight from a hash: a fifth of what a SeedSequence takes."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return np.frombuffer(self._digest, dtype)[:n_words]
