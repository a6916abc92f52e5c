"""Scikit-learn's digits, enlarged to strokes that can be painted over something else."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array
from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.data.known_cause import Part

__all__ = ["painted", "strokes"]

FAINT, FULL = 0.25, 0.65
"""Ink up to the one is left out, from the other on it covers all: crisp edges, as the 8 x 8 pixels have none."""


@lru_cache(maxsize=4)
def strokes(part: Part, size: int) -> tuple[tuple[Array, ...], ...]:
    """How much each pixel is covered, of all digits of a part.

    Args:
        part: digits of the training or of the held-out split; the two share none.
        size: height and width in pixels; interpolation is cubic.

    Returns:
        for each of the ten digits, (n, size, size) float32 in 0..1, exactly 0 outside the strokes.
    """
    from scipy import ndimage  # half a second to import, and most runs bring their own data

    pixels, digits = digits_heldout() if part == "heldout" else digits_train()
    large = ndimage.zoom(pixels[:, 0], (1, size / 8, size / 8), order=3, mode="grid-constant", grid_mode=True)
    cover = np.clip((large - FAINT) / (FULL - FAINT), 0, 1)
    return tuple(cover[digits == digit] for digit in range(10))


def painted(under: NDArray[np.floating], cover: Array, ink: float) -> NDArray[np.floating]:
    """A picture with strokes of one shade painted over it; it keeps its bits where nothing covers it."""
    return np.where(cover > 0, under + cover * (ink - under), under)
