"""Samples from a CSV file that lists images and their labels."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brinkmap.data.dataset import DataSet
from brinkmap.data.images import ImageFiles
from brinkmap.errors import InputError

__all__ = ["load_table"]

COLUMNS = ("file", "label")


def load_table(path: Path, limit: int | None = None) -> DataSet:
    """The images in the first `limit` rows of a CSV file with the columns `file` and `label`; others are passed over.

    Files are relative to the CSV file. Labels are integers, or names: these are numbered in order of name, over all
    rows.

    Raises:
        InputError: the CSV or its first image cannot be read, a column or file is missing, or labels are mixed.
    """
    rows = _rows(path)
    labels, class_names = _classes([label for _, label in rows], path)
    files = [path.parent / file for file, _ in rows[:limit]]
    for file in files:
        if not file.is_file():
            raise InputError(f"{path}: no such file: {file}. Give files relative to the folder of the CSV file.")
    samples = ImageFiles.of(tuple(files))
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=labels[:limit],
        names=tuple(file for file, _ in rows[:limit]),
        class_names=class_names,
    )


def _rows(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            table = csv.DictReader(text, strict=True)
            header = table.fieldnames or []
            rows = [(row.get("file"), row.get("label")) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}. Save it as comma-separated UTF-8 text.") from error
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise InputError(
            f"{path}: expected a header with the columns {' and '.join(COLUMNS)}, "
            f"got {', '.join(header) or 'nothing'}. Add {' and '.join(missing)}."
        )
    if not rows:
        raise InputError(f"{path}: expected at least one row below the header, got none. Add a row for each image.")
    return [_complete(row, number, path) for number, row in enumerate(rows, start=1)]


def _complete(row: tuple[str | None, str | None], number: int, path: Path) -> tuple[str, str]:
    file, label = ((value or "").strip() for value in row)
    if not (file and label):
        raise InputError(f"{path}: row {number}: expected a file and a label, got {file!r} and {label!r}. Complete it.")
    return file, label


def _classes(labels: list[str], path: Path) -> tuple[NDArray[np.int64], tuple[str, ...] | None]:
    kinds = {label: _kind(label) for label in labels}
    if set(kinds.values()) == {"integer"}:
        return np.array([int(label) for label in labels], dtype=np.int64), None
    odd = [label for label, kind in kinds.items() if kind == "number"]
    if odd or "integer" in kinds.values():
        example = odd[0] if odd else next(label for label, kind in kinds.items() if kind == "name")
        raise InputError(
            f"{path}: label: expected integers in all rows or names in all rows, got {example!r}. "
            "Write class indices such as 0, 1, 2, or a name that is no number."
        )
    names = sorted(set(labels))
    return np.searchsorted(names, labels).astype(np.int64), tuple(names)


def _kind(label: str) -> str:
    for kind, reads in (("integer", int), ("number", float)):
        with suppress(ValueError):
            reads(label)
            return kind
    return "name"
