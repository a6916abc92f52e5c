"""Arrays out of an .npz file that may come from a stranger: no pickle, no more memory than its size makes likely."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

__all__ = ["names_in", "read_arrays"]

FREE_BYTES = 2**28
"""What an archive may always unpack to: 256 MB."""
LARGEST_RATIO = 200
"""Beyond that it may unpack to so many times its own size. Deflate reaches 1,000, real samples 20."""


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that the file holds.

    Args:
        path: an .npz file.
        names: of arrays, without .npy.

    Raises:
        ValueError, OSError and others that NumPy and zipfile raise: it cannot be read, holds pickled objects, an array
            is shorter than its header says, or it unpacks to more than its size makes likely.
    """
    if not path.is_file():
        raise ValueError("no such file")
    with zipfile.ZipFile(path) as archive:
        held = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        found = [name for name in names if name in held]
        total = sum(_checked_bytes(archive, held[name]) for name in found)
    if total > max(FREE_BYTES, LARGEST_RATIO * path.stat().st_size):
        raise ValueError(
            f"{path.stat().st_size:,} bytes unpack to {total:,}, which looks like a decompression bomb. If it is none, "
            "save it uncompressed with numpy.savez"
        )
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in found}


def names_in(path: Path) -> list[str]:
    """The arrays that a file holds, by name.

    Raises:
        OSError, zipfile.BadZipFile: it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _checked_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """How much room an array asks for, once its header has been held against what is there."""
    with archive.open(info) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError(f"{info.filename} holds pickled objects, which can run code and are never loaded")
    asked = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or asked > info.file_size:
        raise ValueError(f"{info.filename}: its header says {asked:,} bytes, there are {info.file_size:,}")
    return asked
