"""One random generator a sample, from (run seed, sample index): no result depends on order, batch or worker."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["paint_generator", "sample_generator"]


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """The generator that an agent draws its proposals for one sample from."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))


def paint_generator(seed: int, index: int, name: str) -> np.random.Generator:
    """The generator a distortion paints one sample with: equal for all its levels and cells.

    A fresh one is made for each painting, so that re-adding a distortion gives the same bits and noise only
    grows with its level.
    """
    entropy = [seed, index, zlib.crc32(name.encode())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
