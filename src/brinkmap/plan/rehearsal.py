"""A rehearsal before the first query: every filter paints twice, so that a bad one costs nothing but its message."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from brinkmap.errors import InputError
from brinkmap.plan.palette import Canvas

__all__ = ["global_random_state", "rehearse"]


def rehearse(canvas: Canvas) -> None:
    """Paint a grey-noise sample with each distortion at its strongest level, and once more, from another global state.

    Raises:
        InputError: a distortion failed, returned another shape, dtype or NaN, or depends on more than its arguments.
    """
    sample = canvas.snap(np.random.default_rng(0).uniform(*canvas.bounds, canvas.shape).astype(np.float32))
    sample = np.clip(sample, np.float32(canvas.bounds[0]), np.float32(canvas.bounds[1]))
    strongest = canvas.cards.first_of + canvas.cards.levels - 1
    for distortion, code in zip(canvas.cards.distortions, strongest, strict=True):
        paintings = []
        for seed in (1, 2):
            with global_random_state(seed):
                paintings.append(canvas.paint(sample, 0, int(code))[0])
        if not np.array_equal(paintings[0], paintings[1]):
            raise InputError(
                f"distortion {distortion.name!r}, level {distortion.levels}: painted twice, it differs. Draw from the "
                "rng it is given, and keep no state between calls."
            )


@contextmanager
def global_random_state(seed: int) -> Iterator[None]:
    """Python's and NumPy's global generators seeded for the while, and put back after it."""
    ours, numpys = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)
