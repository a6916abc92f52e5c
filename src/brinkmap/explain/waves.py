"""How much of an attack or of an explanation lies in P, QRS and T of an ECG."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.data.ecg.delineation import Delineation
from brinkmap.errors import InputError
from brinkmap.explain.localisation import dice, iou
from brinkmap.explain.masks import Bools

__all__ = ["Overlap", "energy_in_waves", "overlap_with_waves"]


class Overlap(NamedTuple):
    """Of a mask with a wave's segments, 0..1."""

    dice: float
    iou: float
    inside: float
    """Share of the mask in them."""


def energy_in_waves(clean: Array, modified: Array, found: Delineation) -> dict[str, float]:
    """Share of the change's squared size that lies in each wave, and in none of them (`between`).

    Args:
        clean: (time,) or (c, time).
        modified: the same shape.
        found: the waves of one of its leads.

    Returns:
        P, QRS, T and between: they sum to 1, or are all 0 where nothing was changed.

    Raises:
        InputError: the shapes differ, or the waves are of another length.

    >>> waves = {"P": np.bool_([1, 0, 0]), "QRS": np.bool_([0, 1, 0]), "T": np.bool_([0, 0, 0])}
    >>> energy_in_waves(np.zeros(3), np.float32([1, 1, 2]), Delineation(np.array([1]), waves))["between"]
    0.6666666666666666
    """
    if np.shape(clean) != np.shape(modified):
        raise InputError(f"expected two samples of one shape, got {np.shape(clean)} and {np.shape(modified)}.")
    change: Floats = np.atleast_2d(np.asarray(modified, np.float64) - clean)
    energy = (change**2).sum(axis=0)
    _check_length(len(energy), found)
    total = float(energy.sum()) or 1.0
    shares = {wave: float(energy[mask].sum()) / total for wave, mask in found.waves.items()}
    outside = ~np.logical_or.reduce(list(found.waves.values()))
    return shares | {"between": float(energy[outside].sum()) / total}


def overlap_with_waves(mask: Bools, found: Delineation) -> dict[str, Overlap | None]:
    """How a mask, such as an explanation's, lies on each wave's segments.

    Args:
        mask: (time,) bool.
        found: the waves.

    Returns:
        For P, QRS and T; None where the lead has no such wave.

    Raises:
        InputError: the waves are of another length.
    """
    _check_length(len(mask), found)
    marked = max(int(mask.sum()), 1)
    return {
        wave: Overlap(
            float(dice(mask[None], truth[None])[0]), float(iou(mask[None], truth[None])[0]),
            float((mask & truth).sum()) / marked,
        )
        if truth.any()
        else None
        for wave, truth in found.waves.items()
    }  # fmt: skip


def _check_length(time: int, found: Delineation) -> None:
    for wave, mask in found.waves.items():
        if len(mask) != time:
            raise InputError(f"{wave}: expected the sample's {time} values, got {len(mask)}. Delineate this sample.")
