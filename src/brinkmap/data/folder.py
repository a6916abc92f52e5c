"""Samples from a folder: one sub-folder of images for each class, or images without labels."""

from __future__ import annotations

from collections.abc import Collection
from itertools import zip_longest
from pathlib import Path

import numpy as np

from brinkmap.data.dataset import DataSet
from brinkmap.data.images import SUFFIXES, ImageFiles
from brinkmap.errors import InputError

__all__ = ["files_by_class", "load_folder", "load_picture"]


def load_folder(path: Path, limit: int | None = None) -> DataSet:
    """The images under a folder: one of each class in turn, so that the first n of them spare no class.

    Raises:
        InputError: as `files_by_class`, or an unreadable first one.
    """
    files, labels, class_names = files_by_class(path, SUFFIXES, "images")
    return _data_set(path, files, labels, class_names, limit)


def files_by_class(
    path: Path, suffixes: Collection[str], what: str
) -> tuple[list[Path], list[int] | None, tuple[str, ...] | None]:
    """The files of some types under a folder, one of each class in turn, with their labels and the classes' names.

    Classes are the sub-folders in order of name; where all names are numbers these are the labels. Files of other
    types and hidden ones are passed over. A folder without sub-folders has no labels.

    Args:
        path: the folder.
        suffixes: the types, in small letters.
        what: they are called in messages.

    Raises:
        InputError: none in it or in one of its sub-folders, or some beside sub-folders.
    """
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    loose = _files(path, suffixes)
    if loose and folders:
        raise InputError(
            f"{path}: expected {what} or one sub-folder for each class, got {len(loose)} {what} and {len(folders)} "
            f"sub-folders. Move the {what} into their classes."
        )
    columns = [_files(folder, suffixes) for folder in folders]
    for folder, column in zip(folders, columns, strict=True):
        if not column:
            raise InputError(f"{folder}: no {what} for this class. Remove the sub-folder or put its {what} in it.")
    if not folders and not loose:
        raise InputError(f"{path}: no {what} in it. Expected {', '.join(sorted(suffixes))}, in one sub-folder a class.")
    if not folders:
        return loose, None, None
    numbers = all(folder.name.isdecimal() for folder in folders)
    labels = [int(folder.name) if numbers else place for place, folder in enumerate(folders)]
    rows = [(file, label) for row in zip_longest(*columns) for file, label in zip(row, labels, strict=True) if file]
    names = None if numbers else tuple(folder.name for folder in folders)
    return [file for file, _ in rows], [label for _, label in rows], names


def load_picture(path: Path, limit: int | None = None) -> DataSet:
    """One image, without a label.

    Raises:
        InputError: it cannot be read.
    """
    return _data_set(path.parent, [path], None, None, limit)


def _data_set(
    path: Path, files: list[Path], labels: list[int] | None, class_names: tuple[str, ...] | None, limit: int | None
) -> DataSet:
    samples = ImageFiles.of(tuple(files[:limit]))
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=None if labels is None else np.array(labels[:limit], dtype=np.int64),
        names=tuple(file.relative_to(path).as_posix() for file in samples.paths),
        class_names=class_names,
    )


def _files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_file() and entry.suffix.lower() in suffixes and not entry.name.startswith(".")
    )
