"""The count of queries on disk, written before each batch goes out: a killed run has asked no more than it says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType
from typing import final

from brinkmap.errors import BrinkmapError

__all__ = ["Tally", "read_tally"]

FORM = re.compile(rb"(\d{19}) (\d{19})\n")


@final
class Tally:
    """One line of a file, overwritten in place: samples asked so far, and samples that may have reached the victim.

    It is not synced: what a killed process wrote, the system keeps; a machine that loses power may lose seconds of it.

    Args:
        path: made if need be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def __enter__(self) -> Tally:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, asked: int, sent: int) -> None:
        """Put these numbers in place of the ones before.

        Raises:
            BrinkmapError: the disk is full or gone.
        """
        try:
            os.pwrite(self._file, b"%019d %019d\n" % (asked, sent), 0)
        except OSError as error:
            raise BrinkmapError(
                f"{self._path}: the count of queries cannot be written: {error.strerror}. Make room; what is finished "
                "is kept, and the same command goes on from there."
            ) from error


def read_tally(path: Path) -> tuple[int, int]:
    """What was asked and sent; zeros where there is no file, or none that a tally wrote whole."""
    try:
        found = FORM.fullmatch(path.read_bytes())
    except OSError:
        return 0, 0
    return (int(found[1]), int(found[2])) if found else (0, 0)
