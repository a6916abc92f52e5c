"""Where a map points, held against where the evidence is known to be: overlap, pointing, mass and order.

Only the positive part of a map counts: evidence for the class. A map that is the same everywhere is taken as all zero,
for nothing stands out in it: its masks are empty and its scores 0, but for the ROC area, which is 0.5. The scores are
held against a random map and a Gaussian in the middle by the caller: what a truth in the middle gives away is not
taken off here. Masks are made of one map `(*extent)`; scores are of many at once, `(n, *extent)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.stats import rankdata

from brinkmap.arrays import Floats
from brinkmap.errors import InputError
from brinkmap.explain.masks import Bools, Maps, area_mask, evidence_of, otsu_mask

__all__ = [
    "Localisation",
    "dice",
    "energy_inside",
    "iou",
    "localisation",
    "localisation_auc",
    "pointing",
    "relevance_rank",
]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Localisation:
    """How well maps find known places: (n,) float64 each, 0..1, 1 the best."""

    dice_otsu: Floats
    """Overlap where the map chooses its own mask."""
    iou_otsu: Floats
    dice_area: Floats
    """Overlap where the mask is given the area of the truth: the fairest between maps of unlike sharpness."""
    iou_area: Floats
    pointing: Floats
    """Whether the highest position hits."""
    energy: Floats
    """Share of the positive mass inside."""
    rank: Floats
    """Share of the truth among as many highest positions; equals `dice_area` where that many are positive."""
    auc: Floats
    """ROC area of positions, inside against outside."""


def localisation(maps: Maps, truths: Bools, tolerance: int | Sequence[int] = 0) -> Localisation:
    """All scores of where maps point.

    Args:
        maps: (n, *extent) float, higher is more for the class; 1 to 3 axes in extent.
        truths: (n, *extent) bool, where the evidence is: a box or single positions.
        tolerance: of `pointing`.

    Raises:
        InputError: shapes differ, a map is not finite, or a truth marks nothing or everything.
    """
    auc = localisation_auc(maps, truths)
    found = np.stack([otsu_mask(one) for one in maps])
    matched = _matched(maps, truths)
    return Localisation(
        dice_otsu=dice(found, truths),
        iou_otsu=iou(found, truths),
        dice_area=dice(matched, truths),
        iou_area=iou(matched, truths),
        pointing=pointing(maps, truths, tolerance),
        energy=energy_inside(maps, truths),
        rank=relevance_rank(maps, truths),
        auc=auc,
    )


def dice(masks: Bools, truths: Bools) -> Floats:
    """Overlap of masks with truths, 0..1: twice what both mark, over what each marks; 0 for an empty mask.

    Args:
        masks: (n, *extent) bool.
        truths: (n, *extent) bool.

    Returns:
        (n,) float64.

    Raises:
        InputError: shapes differ, or a truth marks nothing.

    >>> dice(np.array([[True, True, False]]), np.array([[False, True, True]]))
    array([0.5])
    """
    found, wanted = _flat_masks(masks, truths)
    return 2 * (found & wanted).sum(axis=1) / (found.sum(axis=1) + wanted.sum(axis=1))


def iou(masks: Bools, truths: Bools) -> Floats:
    """Intersection over union of masks with truths, 0..1; arguments and errors as for `dice`."""
    found, wanted = _flat_masks(masks, truths)
    return np.asarray((found & wanted).sum(axis=1) / (found | wanted).sum(axis=1))


def pointing(maps: Maps, truths: Bools, tolerance: int | Sequence[int] = 0) -> Floats:
    """Whether the highest position hits; where several are equally high, the share of them that do.

    Args:
        maps: (n, *extent) float.
        truths: (n, *extent) bool.
        tolerance: how many positions beside the truth still hit, along every axis or one number an axis (a box; the
            published game allows a disc of 15 pixels).

    Returns:
        (n,) float64, 0..1; 0 where nothing is positive or the map is flat.

    Raises:
        InputError: shapes differ, a map is not finite, a truth marks nothing, or a tolerance is negative.

    Source: Zhang et al. 2016, arXiv:1608.00507, the pointing game.
    """
    values, _ = _checked(maps, truths)
    rank = truths.ndim - 1
    margins = (tolerance,) * rank if isinstance(tolerance, (int, np.integer)) else tuple(tolerance)
    if len(margins) != rank or min(margins) < 0:
        raise InputError(f"tolerance: expected one number of positions, or {rank}, not below 0, got {tolerance!r}.")
    size = (1, *(2 * margin + 1 for margin in margins))
    near = maximum_filter(truths.astype(np.uint8), size=size, mode="constant").astype(bool).reshape(values.shape)
    highest = (values == values.max(axis=1, keepdims=True)) & (values > 0)
    return np.asarray((highest & near).sum(axis=1) / np.maximum(highest.sum(axis=1), 1))


def energy_inside(maps: Maps, truths: Bools) -> Floats:
    """Share of a map's positive mass that lies inside the truth (relevance mass accuracy); 0 where there is no mass.

    Args:
        maps: (n, *extent) float.
        truths: (n, *extent) bool.

    Returns:
        (n,) float64, 0..1.

    Raises:
        InputError: shapes differ, a map is not finite, or a truth marks nothing.

    Source: Arras, Osman & Samek 2022, arXiv:2003.07258.
    """
    values, wanted = _checked(maps, truths)
    masses = values.sum(axis=1)
    return np.asarray(np.where(wanted, values, 0.0).sum(axis=1) / np.where(masses > 0, masses, 1.0))


def relevance_rank(maps: Maps, truths: Bools) -> Floats:
    """Share of the truth that is found among as many highest positive positions (relevance rank accuracy).

    Args:
        maps: (n, *extent) float; equal positions count in row-major order, as in `area_mask`.
        truths: (n, *extent) bool.

    Returns:
        (n,) float64, 0..1.

    Raises:
        InputError: shapes differ, a map is not finite, or a truth marks nothing.

    Source: Arras, Osman & Samek 2022, arXiv:2003.07258.
    """
    _, wanted = _checked(maps, truths)
    return np.asarray((_matched(maps, truths).reshape(wanted.shape) & wanted).sum(axis=1) / wanted.sum(axis=1))


def localisation_auc(maps: Maps, truths: Bools) -> Floats:
    """How likely a position inside the truth is higher than one outside; equal ones count half.

    Args:
        maps: (n, *extent) float; negative values count as 0 here too.
        truths: (n, *extent) bool.

    Returns:
        (n,) float64, 0..1; 0.5 for a flat map.

    Raises:
        InputError: shapes differ, a map is not finite, or a truth marks nothing or everything.

    Source: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    values, wanted = _checked(maps, truths)
    inside = wanted.sum(axis=1)
    outside = wanted.shape[1] - inside
    if not outside.all():
        raise InputError(
            f"truth {int(np.argmin(outside))}: expected some position outside, got all marked. "
            "There is nothing to find: leave this sample out."
        )
    ranks = np.where(wanted, rankdata(values, axis=1), 0.0).sum(axis=1)
    return np.asarray((ranks - inside * (inside + 1) / 2) / (inside * outside))


def _matched(maps: Maps, truths: Bools) -> Bools:
    """(n, *extent) masks of the truths' areas."""
    return np.stack([area_mask(one, int(truth.sum())) for one, truth in zip(maps, truths, strict=True)])


def _checked(maps: Maps, truths: Bools) -> tuple[Floats, Bools]:
    """(n, positions) the positive part and the truth."""
    values = evidence_of(maps)
    _check_truths(np.shape(maps), truths)
    return values, truths.reshape(values.shape)


def _flat_masks(masks: Bools, truths: Bools) -> tuple[Bools, Bools]:
    """(n, positions) both."""
    if masks.dtype != bool:
        raise InputError(f"masks: expected bool, got {masks.dtype}. Threshold each map with otsu_mask or area_mask.")
    _check_truths(masks.shape, truths)
    shape = len(masks), math.prod(masks.shape[1:])
    return masks.reshape(shape), truths.reshape(shape)


def _check_truths(shape: tuple[int, ...], truths: Bools) -> None:
    if truths.dtype != bool or truths.shape != shape:
        raise InputError(
            f"truths: expected bool of the maps' shape {shape}, got {truths.dtype} of {truths.shape}. "
            "Convert with truths > 0; resize the maps to the sample's extent."
        )
    empty = ~truths.any(axis=tuple(range(1, truths.ndim)))
    if empty.any():
        raise InputError(
            f"truth {int(np.argmax(empty))}: expected at least one marked position, got none. Leave this sample out."
        )
