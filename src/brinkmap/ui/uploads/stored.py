"""One array out of an uploaded .npz: measured before anything is unpacked, and never unpickled."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from brinkmap.errors import InputError
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads.kinds import File

__all__ = ["read_stored"]

MEMBERS = ("x", "rate_hz", "unit")
MOST_MEMBERS = 16
LARGEST_HEADER = 10_000


def read_stored(file: File, limits: Limits) -> dict[str, np.ndarray]:
    """The array `x`, and `rate_hz` and `unit` where they are there.

    Raises:
        InputError: it is no such file, there is no x, or an array is of objects or larger than an upload may hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()[: MOST_MEMBERS + 1]}
            if "x" not in members or len(members) > MOST_MEMBERS:
                raise InputError(
                    f"{file.name}: expected an array named x, got {', '.join(list(members)[:MOST_MEMBERS]) or 'none'}. "
                    "Save it with numpy.savez(path, x=...)."
                )
            return {name: _array(file, archive, members[name], limits) for name in MEMBERS if name in members}
    except InputError:
        raise
    except Exception as error:  # zip, zlib and header errors share no parent
        raise InputError(f"{file.name} cannot be read: {error}. Save it again with numpy.savez.") from error


def _array(file: File, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> np.ndarray:
    largest = 8 * limits.values * 4
    if info.file_size > largest + LARGEST_HEADER:
        raise InputError(
            f"{file.name}: {info.filename} unpacks to {info.file_size:,} bytes, and {largest:,} are read at most."
        )
    with archive.open(info) as member:
        shape, _, dtype = _header(member)
        size = int(np.prod([int(side) for side in shape], dtype=object)) * dtype.itemsize
        if dtype.hasobject:
            raise InputError(f"{file.name}: {info.filename} holds objects. Save plain numbers.")
        if size > largest:
            raise InputError(f"{file.name}: {info.filename} says {size:,} bytes, and {largest:,} are read at most.")
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(member, max_header_size=LARGEST_HEADER)
    return np.lib.format.read_array_header_2_0(member, max_header_size=LARGEST_HEADER)
