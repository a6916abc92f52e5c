"""One way in: a path, or a registered word, to a DataSet."""

from __future__ import annotations

from pathlib import Path

from brinkmap.arrays import Array, Ints
from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.data.folder import load_folder
from brinkmap.data.npz import load_npz
from brinkmap.data.table import load_table
from brinkmap.errors import InputError

__all__ = ["load_data"]

DIGITS = {"digits": digits_heldout, "digits-train": digits_train}
FILES = {".npz": load_npz, ".csv": load_table}


def load_data(path: str | Path, *, limit: int | None = None) -> DataSet:
    """The samples under a path.

    Args:
        path: a .npz file with the arrays x and (optionally) y; a folder of images, one sub-folder a class; a .csv file
            with the columns file and label; or the word "digits" for the held-out digits that come with Brinkmap, and
            "digits-train" for those that their victim was trained on (write "./digits" for a folder of that name).
        limit: at most so many samples: the first ones, of a folder one of each class in turn.

    Raises:
        InputError: there is nothing there, it is of another kind, or it cannot be read.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit: expected at least 1 sample, got {limit}. Leave it out for all samples.")
    if path in DIGITS:
        return _digits(*DIGITS[str(path)](), limit)
    path = Path(path)
    if path.is_dir():
        return load_folder(path, limit)
    if not path.exists():
        raise InputError(f"no such file or folder: {path}. Give a .npz or .csv file, a folder of images, or 'digits'.")
    if path.suffix.lower() not in FILES:
        raise InputError(
            f"{path}: expected a {' or '.join(FILES)} file or a folder of images, got {path.suffix or 'no suffix'!r}. "
            "Save the samples with numpy.savez(path, x=..., y=...)."
        )
    return FILES[path.suffix.lower()](path, limit)


def _digits(x: Array, y: Ints, limit: int | None) -> DataSet:
    samples = ArraySamples(x[:limit])
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=y[:limit],
        names=tuple(str(index) for index in range(len(samples))),
        class_names=tuple("0123456789"),
    )
