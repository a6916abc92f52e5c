"""How far a modified sample is from the clean one, how visible the change is, and how sure a mean is.

Every distance is measured on samples scaled to 0..1 by the victim's bounds, at every rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from brinkmap.arrays import Array, Bounds, Floats, check_bounds
from brinkmap.errors import InputError

__all__ = [
    "SPREAD",
    "bootstrap_interval",
    "frames_touched",
    "l0_values",
    "l2",
    "linf",
    "mean_absolute",
    "mean_absolute_perturbation",
    "perceptibility",
    "pixels_touched",
    "psnr_db",
    "snr_db",
    "spread",
    "ssim",
]

SIGMA = 1.5
RADIUS = 5
"""SSIM's Gaussian window: 11 x 11 values."""
C1, C2 = 0.01**2, 0.03**2
"""SSIM's stabilisers, (K1 L)^2 and (K2 L)^2 with a data range L of 1."""
BLOCK = 2**21
"""Bootstrap draws held at once, in values: 16 MB."""


def l2(clean: Array, modified: Array, bounds: Bounds) -> float:
    """Euclidean length of the change on samples scaled to 0..1.

    Args:
        clean: (c, *extent) float32.
        modified: the same shape.
        bounds: the victim's range, scaled to 0..1.

    Raises:
        InputError: the shapes differ, or the bounds are not two ascending numbers.

    >>> l2(np.float32([[0, 0]]), np.float32([[3, 4]]), (0.0, 10.0))
    0.5
    """
    return float(np.sqrt(np.sum(_change(clean, modified, bounds) ** 2)))


def linf(clean: Array, modified: Array, bounds: Bounds) -> float:
    """The largest change of one value, on samples scaled to 0..1; shapes and errors as in `l2`."""
    return float(np.abs(_change(clean, modified, bounds)).max())


def mean_absolute(clean: Array, modified: Array, bounds: Bounds) -> float:
    """The mean change of a value regardless of sign, on samples scaled to 0..1; shapes and errors as in `l2`."""
    return float(np.abs(_change(clean, modified, bounds)).mean())


def mean_absolute_perturbation(clean: Array, modified: Array, bounds: Bounds) -> float:
    """MAP, the figure of the video papers: 255 times `mean_absolute`; shapes and errors as in `l2`.

    Source: AstFocus (DeepSota/AstFocus, Untarget_attack_test.py), averaged there over all attacked videos.
    """
    return 255 * mean_absolute(clean, modified, bounds)


def frames_touched(clean: Array, modified: Array, bounds: Bounds) -> float:
    """How many frames of a clip (c, frames, height, width) differ anywhere; shapes and errors as in `l2`."""
    return float(_touched(clean, modified).any(axis=(1, 2)).sum())


def pixels_touched(clean: Array, modified: Array, bounds: Bounds) -> float:
    """Of all pixels of all frames, the share that differs in any channel; shapes and errors as in `l2`."""
    return float(_touched(clean, modified).mean())


def l0_values(clean: Array, modified: Array) -> int:
    """How many values differ, each channel counted by itself.

    Args:
        clean: (c, *extent) float32.
        modified: the same shape.

    Raises:
        InputError: the shapes differ.
    """
    _check_shapes(clean, modified)
    return int(np.count_nonzero(clean != modified))


def psnr_db(clean: Array, modified: Array, bounds: Bounds) -> float:
    """Peak signal-to-noise ratio in decibels, the bounds being the peak; infinite for identical samples.

    Shapes and errors as in `l2`.
    """
    return _decibels(1.0, float(np.mean(_change(clean, modified, bounds) ** 2)))


def snr_db(clean: Array, modified: Array, bounds: Bounds) -> float:
    """Signal-to-noise ratio in decibels: 10 log10(sum clean^2 / sum change^2), on the mean-free clean signal.

    The mean of each channel is taken off the clean signal first, so that a baseline does not count as signal; the
    change is taken as it is. Infinite for identical samples, minus infinite for a changed flat line.

    Shapes and errors as in `l2`; meant for rank 1.
    """
    scaled = _scaled(clean, bounds)
    free = scaled - scaled.mean(axis=tuple(range(1, scaled.ndim)), keepdims=True)
    return _decibels(float(np.sum(free**2)), float(np.sum(_change(clean, modified, bounds) ** 2)))


def ssim(clean: Array, modified: Array, bounds: Bounds) -> float:
    """Structural similarity, 1 for identical pictures; the mean over channels, and over frames at rank 3.

    The Gaussian window has sigma 1.5 and 11 x 11 values, or the largest odd square that fits a smaller picture; only
    places where it lies fully inside count.

    Args:
        clean: (c, height, width) or (c, time, height, width) float32.
        modified: the same shape.
        bounds: the victim's range, scaled to 0..1.

    Raises:
        InputError: the shapes differ, or the samples are neither pictures nor clips.

    Source: Wang, Bovik, Sheikh & Simoncelli 2004, doi:10.1109/TIP.2003.819861.
    """
    _check_shapes(clean, modified)
    if clean.ndim not in (3, 4):
        raise InputError(f"ssim: expected a picture or clip (c, [time,] height, width), got shape {clean.shape}.")
    x, y = _scaled(clean, bounds), _scaled(modified, bounds)
    radius = min(RADIUS, (min(x.shape[-2:]) - 1) // 2)
    mean_x, mean_y = _smooth(x, radius), _smooth(y, radius)
    variances = _smooth(x * x, radius) - mean_x**2 + _smooth(y * y, radius) - mean_y**2
    covariance = _smooth(x * y, radius) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    similarity = luminance * (2 * covariance + C2) / (variances + C2)
    height, width = x.shape[-2:]
    return float(similarity[..., radius : height - radius, radius : width - radius].mean())


def perceptibility(clean: Array, modified: Array, bounds: Bounds) -> dict[str, float]:
    """How visible the change is, in the figures that make sense for the rank.

    Args:
        clean: (c, *extent) float32.
        modified: the same shape.
        bounds: the victim's range.

    Returns:
        `snr_db` at rank 1; `ssim` and `psnr_db` at ranks 2 and 3. Decibels are infinite for identical samples.

    Raises:
        InputError: the shapes differ, or the extent has not 1 to 3 axes.
    """
    rank = np.ndim(clean) - 1
    if rank not in MEASURES:
        raise InputError(f"sample: expected (c, *extent) with 1 to 3 axes in extent, got shape {np.shape(clean)}.")
    return {name: measure(clean, modified, bounds) for name, measure in MEASURES[rank].items()}


def spread(clean: Array, modified: Array, bounds: Bounds) -> dict[str, float]:
    """How much of the sample was changed and by how much on average, whether or not the answer moved.

    Args:
        clean: (c, *extent) float32.
        modified: the same shape.
        bounds: the victim's range.

    Returns:
        `map`, `frames_touched` and `pixels_touched` at rank 3; nothing at other ranks.

    Raises:
        InputError: the shapes differ.
    """
    return {name: measure(clean, modified, bounds) for name, measure in SPREAD.get(np.ndim(clean) - 1, {}).items()}


def bootstrap_interval(
    values: Sequence[float] | np.ndarray, *, seed: int, level: float = 0.95, draws: int = 2000
) -> tuple[float, float]:
    """Where the mean of such values may lie: the percentile bootstrap interval.

    Values that are all equal give an interval of no width, which says nothing of how rare the exception is.

    Args:
        values: (n,) one figure a sample.
        seed: of the resampling.
        level: share of the resampled means inside.
        draws: how often the values are resampled.

    Returns:
        The lower and the upper end.

    Raises:
        InputError: no value at all, one that is not finite, or a level not between 0 and 1.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    figures = np.asarray(values, dtype=np.float64)
    if not (figures.ndim == 1 and figures.size and np.isfinite(figures).all()):
        raise InputError(f"values: expected at least one finite number in one row, got {values!r}.")
    if not 0 < level < 1:
        raise InputError(f"level: expected a share between 0 and 1, got {level!r}.")
    rng, n = np.random.default_rng(seed), figures.size
    rows = max(1, BLOCK // n)
    blocks = [min(rows, draws - first) for first in range(0, draws, rows)]
    means = np.concatenate([figures[rng.integers(n, size=(block, n))].mean(axis=1) for block in blocks])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


MEASURES: dict[int, dict[str, Callable[[Array, Array, Bounds], float]]] = {
    1: {"snr_db": snr_db},
    2: {"ssim": ssim, "psnr_db": psnr_db},
    3: {"ssim": ssim, "psnr_db": psnr_db},
}
"""What `perceptibility` measures at each rank."""


SPREAD: dict[int, dict[str, Callable[[Array, Array, Bounds], float]]] = {
    3: {"map": mean_absolute_perturbation, "frames_touched": frames_touched, "pixels_touched": pixels_touched},
}
"""What `spread` measures at each rank."""


def _touched(clean: Array, modified: Array) -> np.ndarray:
    """`extent` bool: where any channel differs."""
    _check_shapes(clean, modified)
    return (np.asarray(clean) != np.asarray(modified)).any(axis=0)


def _check_shapes(clean: Array, modified: Array) -> None:
    if np.shape(clean) != np.shape(modified):
        raise InputError(f"expected two samples of one shape, got {np.shape(clean)} and {np.shape(modified)}.")


def _change(clean: Array, modified: Array, bounds: Bounds) -> Floats:
    _check_shapes(clean, modified)
    low, high = check_bounds(bounds)
    return (np.asarray(modified, np.float64) - clean) / (high - low)


def _scaled(sample: Array, bounds: Bounds) -> Floats:
    low, high = check_bounds(bounds)
    return (np.asarray(sample, np.float64) - low) / (high - low)


def _smooth(values: Floats, radius: int) -> Floats:
    """Gaussian means over the last two axes."""
    return gaussian_filter1d(gaussian_filter1d(values, SIGMA, axis=-1, radius=radius), SIGMA, axis=-2, radius=radius)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
