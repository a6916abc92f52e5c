"""Random soft masks: corners drawn on a coarse grid, moved by less than a coarse step, and joined linearly."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Floats

__all__ = ["DENSITY", "soft_mask"]

DENSITY = 0.5
"""Share of the corners that are on."""


def soft_mask(extent: tuple[int, ...], side: int, rng: np.random.Generator) -> Floats:
    """(*extent) in 0..1.

    Args:
        extent: of the sample.
        side: corners along each axis, fewer where an axis is shorter.
        rng: what is drawn comes from it.

    Source: Petsiuk, Das & Saenko 2018, arXiv:1806.07421.
    """
    corners = [min(side, n) for n in extent]
    mask = (rng.random([n + 1 for n in corners]) < DENSITY).astype(np.float64)
    for axis, (n, coarse) in enumerate(zip(extent, corners, strict=True)):
        at = (np.arange(n) + rng.random()) * coarse / n
        below = np.minimum(at.astype(int), coarse - 1)
        share = (at - below).reshape([-1 if one == axis else 1 for one in range(mask.ndim)])
        mask = (1 - share) * mask.take(below, axis=axis) + share * mask.take(below + 1, axis=axis)
    return mask
