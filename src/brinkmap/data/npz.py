"""Samples from one .npz file with the arrays `x` and, optionally, `y`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import RANKS
from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.errors import InputError

__all__ = ["load_npz"]


def load_npz(path: Path, limit: int | None = None) -> DataSet:
    """The first `limit` samples in `x`, uint8 `(n, *extent, c)` or float `(n, c, *extent)`; labels in `y` `(n,)` int.

    Values are taken as they are: whether they lie within the victim's bounds is for the victim to say.

    Raises:
        InputError: the file cannot be read, holds pickled objects, or x or y is missing, empty or of another kind.
    """
    x, y = _arrays(path)
    values = _checked_samples(x, path)
    labels = None if y is None else _checked_labels(y, len(values), path)[:limit]
    samples = ArraySamples(values[:limit])
    names = tuple(str(index) for index in range(len(samples)))
    return DataSet(samples=samples, shape=samples.shape, labels=labels, names=names)


def _arrays(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if "x" in stored.files:
                return stored["x"], stored["y"] if "y" in stored.files else None
            names = ", ".join(stored.files) or "none"
    except Exception as error:  # zip, zlib, header and pickle errors share no parent
        raise InputError(
            f"{path} cannot be read: {error}. Save it again with numpy.savez, plain numeric arrays only."
        ) from error
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
