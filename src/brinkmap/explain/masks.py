"""Maps made into masks: by the threshold that the map itself suggests, or by an area that is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brinkmap.arrays import Floats
from brinkmap.errors import InputError

__all__ = ["Bools", "Maps", "area_mask", "check_maps", "evidence_of", "otsu_mask"]

Bools = NDArray[np.bool_]
Maps = NDArray[np.floating[Any]]
"""Of any float: explainers give float32 and float64."""


def otsu_mask(values: Maps) -> Bools:
    """The positions of one map above Otsu's threshold among its positive ones.

    The threshold is exact, not that of a histogram: of all splits of the positive values into lower and higher ones
    it is the one with the greatest variance between the two, the lowest of equals. A map with one positive value only
    is a mask already and is returned as such.

    Args:
        values: (*extent) float, one map.

    Returns:
        (*extent) bool.

    Raises:
        InputError: not 1 to 3 axes, no position, or a value that is not finite.

    Source: Otsu 1979, doi:10.1109/TSMC.1979.4310076.

    >>> otsu_mask(np.array([-9.0, 0.0, 1.0, 2.0, 7.0, 8.0]))
    array([False, False, False, False,  True,  True])
    """
    evidence = evidence_of(values[None]).reshape(values.shape)
    levels, counts = np.unique(evidence[evidence > 0], return_counts=True)
    if len(levels) < 2:
        return evidence > 0
    masses = levels / levels[-1] * counts
    lower, mass = np.cumsum(counts)[:-1], np.cumsum(masses)[:-1]
    upper, rest = counts.sum() - lower, masses.sum() - mass
    between = lower * upper * (mass / lower - rest / upper) ** 2
    return np.asarray(evidence > levels[between.argmax()])


def area_mask(values: Maps, area: int) -> Bools:
    """The so many highest positive positions of one map; of equal ones those that come first in row-major order.

    Args:
        values: (*extent) float, one map.
        area: positions in the mask. Where fewer are positive, it is smaller.

    Returns:
        (*extent) bool.

    Raises:
        InputError: not 1 to 3 axes, a value that is not finite, or an area that is not from 1 to all positions.

    >>> area_mask(np.array([0.1, 0.5, 0.5, 0.5, -2.0]), 2)
    array([False,  True,  True, False, False])
    """
    evidence = evidence_of(values[None])[0]
    if not 1 <= area <= len(evidence):
        raise InputError(f"area: expected 1 to all {len(evidence)} positions of the map, got {area!r}.")
    mask = np.zeros(len(evidence), bool)
    mask[np.argsort(-evidence, kind="stable")[:area]] = True
    return (mask & (evidence > 0)).reshape(values.shape)


def check_maps(maps: ArrayLike) -> Floats:
    """Maps as float64, of any rank.

    Args:
        maps: (n, *extent) numbers.

    Raises:
        InputError: not 1 to 3 axes in extent, no map or no position at all, or a value that is not finite.
    """
    values = np.asarray(maps, dtype=np.float64)
    if values.ndim not in (2, 3, 4) or not values.size:
        raise InputError(
            f"maps: expected (n, *extent) with 1 to 3 axes in extent, got shape {values.shape}. "
            "Give at least one map, take the channel axis away, or add the sample axis."
        )
    broken = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if broken.any():
        raise InputError(
            f"map {int(np.argmax(broken))}: expected finite values, got NaN or infinity. "
            "Leave the sample out where its explanation failed."
        )
    return values


def evidence_of(maps: Maps) -> Floats:
    """(n, positions) the positive part; all zero for a flat map."""
    values = check_maps(maps).reshape(len(maps), -1)
    flat = values.max(axis=1, keepdims=True) == values.min(axis=1, keepdims=True)
    return np.where(flat, 0.0, np.maximum(values, 0.0))
