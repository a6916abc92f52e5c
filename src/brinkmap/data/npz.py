"""Samples from one .npz file with the arrays `x` and, optionally, `y`, and for signals `rate_hz` and `unit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import RANKS
from brinkmap.data.archive import names_in, read_arrays
from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.errors import InputError

__all__ = ["load_npz"]

ARRAYS = ("x", "y", "rate_hz", "unit")


def load_npz(path: Path, limit: int | None = None) -> DataSet:
    """The first `limit` samples in `x`, uint8 `(n, *extent, c)` or float `(n, c, *extent)`; labels in `y` `(n,)` int.

    Values are taken as they are: whether they lie within the victim's bounds is for the victim to say. A number in
    `rate_hz` and a word in `unit` are handed on.

    Raises:
        InputError: the file cannot be read, holds pickled objects, x is missing, or an array is empty or of another
            kind.
    """
    arrays = _arrays(path)
    values = _checked_samples(arrays["x"], path)
    labels = _checked_labels(arrays["y"], len(values), path)[:limit] if "y" in arrays else None
    samples = ArraySamples(values[:limit])
    names = tuple(str(index) for index in range(len(samples)))
    rate_hz = _checked_rate(arrays["rate_hz"], path) if "rate_hz" in arrays else None
    unit = _checked_unit(arrays["unit"], path) if "unit" in arrays else ""
    return DataSet(samples=samples, shape=samples.shape, labels=labels, names=names, rate_hz=rate_hz, unit=unit)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        found = read_arrays(path, ARRAYS)
        names = ", ".join(names_in(path)) or "none"
    except Exception as error:  # zip, zlib, header and pickle errors share no parent
        raise InputError(
            f"{path} cannot be read: {error}. Save it again with numpy.savez, plain numeric arrays only."
        ) from error
    if "x" in found:
        return found
    raise InputError(f"{path}: expected an array named x, got {names}. Save it with numpy.savez(path, x=..., y=...).")


def _checked_samples(values: NDArray[Any], path: Path) -> NDArray[Any]:
    if values.dtype != np.uint8 and values.dtype.kind != "f":
        raise InputError(
            f"{path}: x: expected uint8 (n, *extent, c) or float (n, c, *extent), got dtype {values.dtype}. "
            "Convert it with .astype('float32') or .astype('uint8')."
        )
    if values.ndim - 2 not in RANKS:
        raise InputError(
            f"{path}: x: expected 3 to 5 axes, samples and channels among them, got shape {values.shape}. "
            "Add the missing axis with x[:, None]."
        )
    if not values.size:
        raise InputError(f"{path}: x: expected at least one sample, got shape {values.shape}. Save some samples.")
    return values if values.dtype == np.uint8 else values.astype(np.float32)


def _checked_labels(values: NDArray[Any], samples: int, path: Path) -> NDArray[np.int64]:
    if values.dtype.kind not in "iu":
        raise InputError(f"{path}: y: expected integers, got dtype {values.dtype}. Save it with y=y.astype('int64').")
    if values.shape != (samples,):
        raise InputError(
            f"{path}: y: expected one label for each of {samples} samples, shape ({samples},), got {values.shape}. "
            "Save x and y of the same samples."
        )
    return values.astype(np.int64)


def _checked_rate(value: NDArray[Any], path: Path) -> float:
    if value.size != 1 or value.dtype.kind not in "iuf" or not 0 < value.item() < float("inf"):
        raise InputError(f"{path}: rate_hz: expected one positive number, got {value}. Save it with rate_hz=360.")
    return float(value.item())


def _checked_unit(value: NDArray[Any], path: Path) -> str:
    if value.size != 1 or value.dtype.kind != "U":
        raise InputError(f"{path}: unit: expected one word, got {value}. Save it with unit='mV'.")
    return str(value.item())
