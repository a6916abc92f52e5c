"""Whether maps are alike: over seeds, where they should be, and over networks, where they should not.

One rule for flat maps: two that are flat are alike (1), a flat one and another are not (0). So a map always agrees with
itself; that it says anything is for the scores of localisation and faithfulness to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.stats import rankdata

from brinkmap.arrays import Floats
from brinkmap.errors import InputError
from brinkmap.explain.masks import Bools, Maps, area_mask, check_maps

__all__ = ["Stability", "randomisation", "stability"]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Stability:
    """How alike the maps of one sample are: (n,) float64 each, means over all pairs of seeds."""

    correlation: Floats
    """Spearman's rank correlation of the signed maps, -1..1."""
    overlap: Floats
    """Intersection over union of the highest positive positions, 0..1."""


def stability(maps: Maps, top: float = 0.1) -> Stability:
    """How far an explainer says the same again from another seed.

    Args:
        maps: (seeds, n, *extent) float, at least two seeds.
        top: share of the positions whose overlap is measured, at least one position.

    Raises:
        InputError: fewer than two seeds, a map that is not finite, or a share not within 0 and 1.
    """
    if len(maps) < 2:
        raise InputError(f"maps: expected (seeds, n, *extent) with two seeds or more, got shape {np.shape(maps)}.")
    if not 0 < top <= 1:
        raise InputError(f"top: expected a share above 0 and up to 1, got {top!r}.")
    for one in maps:
        check_maps(one)
    area = max(1, round(top * maps[0, 0].size))
    pairs = np.triu_indices(len(maps), 1)
    correlation, overlap = np.empty(maps.shape[1]), np.empty(maps.shape[1])
    for i, sample in enumerate(np.moveaxis(maps, 0, 1)):
        correlation[i] = _alike(_ranks(sample))[pairs].mean()
        overlap[i] = _overlaps(np.stack([area_mask(one, area).ravel() for one in sample]))[pairs].mean()
    return Stability(correlation=correlation, overlap=overlap)


def randomisation(maps: Maps, maps_of_randomised: Maps) -> Floats:
    """How far maps stay the same although what the network learned has been replaced by random weights.

    Near 0 the explainer passes; near 1 it shows the sample, not the network.

    Args:
        maps: (n, *extent) float, of the network.
        maps_of_randomised: (n, *extent) float, of the same network with random weights.

    Returns:
        (n,) float64, -1..1: Spearman's rank correlation of the absolute maps.

    Raises:
        InputError: shapes differ, or a map is not finite.

    Source: Adebayo et al. 2018, arXiv:1810.03292.

    >>> randomisation(np.array([[1.0, -2.0, 3.0]]), np.array([[30.0, 20.0, 10.0]])).round(6)
    array([-1.])
    """
    if np.shape(maps) != np.shape(maps_of_randomised):
        raise InputError(f"expected maps of one shape, got {np.shape(maps)} and {np.shape(maps_of_randomised)}.")
    both = zip(check_maps(maps), check_maps(maps_of_randomised), strict=True)
    return np.array([_alike(_ranks(np.abs(pair)))[0, 1] for pair in both])


def _ranks(maps: Maps) -> Floats:
    """(m, positions) mean ranks about 0 and of length 1; all zero for a flat map."""
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks -= (ranks.shape[1] + 1) / 2
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(ranks / np.where(lengths > 0, lengths, 1.0))


def _alike(ranks: Floats) -> Floats:
    """(m, m) correlations; two flat maps are alike."""
    flat = ~ranks.any(axis=1)
    return np.where(np.outer(flat, flat), 1.0, np.clip(ranks @ ranks.T, -1, 1))


def _overlaps(masks: Bools) -> Floats:
    """(m, m) intersection over union; two empty masks are alike."""
    marks = masks.astype(np.float64)
    both, sizes = marks @ marks.T, marks.sum(axis=1)
    either = sizes[:, None] + sizes - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)
