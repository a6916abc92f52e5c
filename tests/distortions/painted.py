"""Samples and paintings for the tests of filters of any rank."""

import numpy as np
import pytest

from brinkmap.plan import make_grid

LEVELS = range(1, 6)
EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)
# How strong: CIFAR-10-C up to 64 values along the longest side, ImageNet-C beyond (Hendrycks & Dietterich 2019).
SMALL, LARGE = (3, 64, 64), (3, 96, 96)


def sample_of(shape, seed=0):
    sample = np.random.default_rng(seed).random(shape, dtype=np.float32)
    sample.flags.writeable = False
    return sample


def flat(shape, value=0.5):
    return np.full(shape, value, np.float32)


def grid_of(patch, extent):
    return make_grid([patch] if isinstance(patch, tuple) else patch, extent)


def paint(distortion, sample, level, patch=None, seed=0):
    return distortion.paint(sample, level, np.random.default_rng(seed), grid_of(patch, sample.shape[1:]))


def rms(change):
    return float(np.sqrt(np.mean(np.square(change, dtype=np.float64))))


def strengths(table):
    return pytest.mark.parametrize(
        ("shape", "level", "strength"),
        [
            pytest.param(shape, level, strength, id=f"{shape[-1]}-level{level}")
            for shape, row in table.items()
            for level, strength in zip(LEVELS, row, strict=True)
        ],
    )
