"""Samples from a folder: one sub-folder of images for each class, or images without labels."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np

from brinkmap.data.dataset import DataSet
from brinkmap.data.images import SUFFIXES, ImageFiles
from brinkmap.errors import InputError

__all__ = ["load_folder", "load_picture"]


def load_folder(path: Path, limit: int | None = None) -> DataSet:
    """The images under a folder: one of each class in turn, so that the first n of them spare no class.

    Classes are the sub-folders in order of name; where all names are numbers these are the labels. Files of other
    types and hidden ones are passed over. A folder of images without sub-folders has no labels.

    Raises:
        InputError: no image in it or in one of its sub-folders, images beside sub-folders, or an unreadable first one.
    """
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    loose = _images(path)
    if loose and folders:
        raise InputError(
            f"{path}: expected images or one sub-folder for each class, got {len(loose)} images and {len(folders)} "
            "sub-folders. Move the images into their classes."
        )
    if not folders:
        return _data_set(path, loose, None, None, limit)
    numbers = all(folder.name.isdecimal() for folder in folders)
    labels = [int(folder.name) if numbers else place for place, folder in enumerate(folders)]
    columns = [_class_images(folder) for folder in folders]
    rows = [(file, label) for row in zip_longest(*columns) for file, label in zip(row, labels, strict=True) if file]
    names = None if numbers else tuple(folder.name for folder in folders)
    return _data_set(path, [file for file, _ in rows], [label for _, label in rows], names, limit)


def load_picture(path: Path, limit: int | None = None) -> DataSet:
    """One image, without a label.

    Raises:
        InputError: it cannot be read.
    """
    return _data_set(path.parent, [path], None, None, limit)


def _data_set(
    path: Path, files: list[Path], labels: list[int] | None, class_names: tuple[str, ...] | None, limit: int | None
) -> DataSet:
    if not files:
        raise InputError(f"{path}: no images in it. Expected {', '.join(sorted(SUFFIXES))}, in one sub-folder a class.")
    samples = ImageFiles.of(tuple(files[:limit]))
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=None if labels is None else np.array(labels[:limit], dtype=np.int64),
        names=tuple(file.relative_to(path).as_posix() for file in samples.paths),
        class_names=class_names,
    )


def _class_images(folder: Path) -> list[Path]:
    found = _images(folder)
    if not found:
        raise InputError(f"{folder}: no images for this class. Remove the sub-folder or put its images in it.")
    return found


def _images(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_file() and entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".")
    )
