"""The shape of what crosses a seam: samples, batches and answers, checked where data enter and trusted after."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brinkmap.errors import InputError, VictimError

__all__ = [
    "Array",
    "Bounds",
    "Floats",
    "Ints",
    "as_samples",
    "check_answer_shape",
    "check_bounds",
    "check_sample",
    "faults",
    "on_steps",
]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
Bounds = tuple[float, float]

RANKS = (1, 2, 3)
SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to 1: float16 networks reach 5e-4."""


def check_bounds(bounds: Bounds) -> Bounds:
    """The bounds as two floats, lower first.

    Raises:
        InputError: they are not two finite numbers in ascending order.
    """
    low, high = (float(value) for value in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"bounds: expected two finite numbers, the lower first, got ({low:g}, {high:g}).")
    return low, high


def as_samples(values: Any, bounds: Bounds = (0.0, 1.0)) -> Array:
    """Samples as float32 `(n, c, *extent)`, from what people have at hand.

    Args:
        values: a NumPy array or torch tensor. uint8 is read as channels-last `(n, *extent, c)` with 0..255 spanning
            the bounds; floating point is taken as it is, channels first.
        bounds: the valid range of the result.

    Raises:
        InputError: another dtype, or not 3 to 5 axes.
    """
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    if values.ndim - 2 not in RANKS:
        raise InputError(
            f"samples: expected (n, c, *extent) with 1 to 3 axes in extent, got shape {values.shape}. "
            "Add the channel axis, and the sample axis if there is one sample only."
        )
    if values.dtype == np.uint8:
        return np.ascontiguousarray(on_steps(np.moveaxis(values, -1, 1), 255, bounds))
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(
            f"samples: expected float (n, c, *extent) or uint8 (n, *extent, c), got dtype {values.dtype}. "
            "Convert with .astype('float32')."
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def on_steps(steps: Ints, last: int, bounds: Bounds) -> Array:
    """Integer steps 0..last as values from the lower bound to the upper: the one rule for files of so many bits.

    Each is the float32 nearest to its exact value, so that the first and the last are the bounds themselves and, for
    bounds 0 and 1, the others are what dividing by `last` gives.
    """
    return _step_values(last, *bounds)[steps]


def check_sample(sample: Array, shape: tuple[int, ...], bounds: Bounds) -> None:
    """That one sample, or a batch of them, is what the victim takes.

    Args:
        sample: `shape`, or `(n, *shape)`.
        shape: the victim's `(c, *extent)`.
        bounds: the victim's range.

    Raises:
        InputError: wrong shape, NaN, or a value outside the bounds.
    """
    if sample.shape[-len(shape) :] != shape or sample.ndim - len(shape) not in (0, 1):
        raise InputError(
            f"expected the victim's shape {shape}, got {sample.shape}. Reshape, resize or move the channel axis first."
        )
    low, high = bounds
    least, most = (float(sample.min()), float(sample.max())) if sample.size else (low, high)
    if not (np.isfinite(least) and np.isfinite(most)):
        raise InputError("expected finite values, got NaN or infinity. Fill or drop the missing values first.")
    if least < np.float32(low) or most > np.float32(high):
        raise InputError(
            f"expected values within the victim's bounds {low:g} to {high:g}, got {least:g} to {most:g}. "
            f"Give the victim bounds=({min(low, least):g}, {max(high, most):g}), or scale or clip the sample first."
        )


def check_answer_shape(answer: Any, rows: int, classes: int | None) -> Array:
    """The victim's answer as float32 `(rows, classes)`.

    Raises:
        VictimError: another number of rows, axes or classes.
    """
    answer = np.asarray(answer, dtype=np.float32)
    if answer.ndim != 2 or answer.shape[0] != rows or answer.shape[1] < 2:
        raise VictimError(
            f"victim: expected an answer of shape ({rows}, {classes or 'classes'}), got {answer.shape}. "
            "Return one row of at least two class probabilities for each sample."
        )
    if classes is not None and answer.shape[1] != classes:
        raise VictimError(
            f"victim: expected {classes} classes, got {answer.shape[1]}. Give the victim classes={answer.shape[1]}."
        )
    return answer


def faults(probabilities: Array) -> dict[int, str]:
    """The rows of an answer that are no probability distribution, each with the reason.

    Args:
        probabilities: (n, classes) float32.
    """
    with np.errstate(invalid="ignore"):
        sums = probabilities.sum(axis=1, dtype=np.float64)
        good = (np.abs(sums - 1) <= SUM_TOLERANCE) & (probabilities.min(axis=1) >= 0)
    found = {}
    for row in np.flatnonzero(~good):
        if not np.isfinite(probabilities[row]).all():
            found[int(row)] = "the victim answered NaN or infinity where a probability was expected"
        else:
            found[int(row)] = (
                f"the victim's answer is no distribution: it sums to {sums[row]:.4g} with least value "
                f"{probabilities[row].min():.4g}, expected values from 0 to 1 that sum to 1; "
                "if these are logits, wrap it with outputs='logits'"
            )
    return found


@lru_cache(maxsize=8)
def _step_values(last: int, low: float, high: float) -> Array:
    return np.linspace(low, high, last + 1).astype(np.float32)
