"""What an uploaded file is, by its content; its name only has to agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from brinkmap.errors import InputError

__all__ = ["KNOWN", "File", "kind_of"]

KNOWN = "png, jpg, gif, npz, csv, edf, WFDB (.hea with its .dat), mp4, avi or webm"
SUFFIXES = {
    "png": {".png"}, "jpeg": {".jpg", ".jpeg"}, "gif": {".gif"}, "npz": {".npz"}, "edf": {".edf"},
    "mp4": {".mp4", ".m4v", ".mov"}, "avi": {".avi"}, "webm": {".webm", ".mkv"}, "hea": {".hea"}, "csv": {".csv"},
}  # fmt: skip
"""The endings that go with each kind."""
STARTS = {
    b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif",
    b"PK\x03\x04": "npz", b"0       ": "edf", b"\x1aE\xdf\xa3": "webm",
}  # fmt: skip


@dataclass(frozen=True)
class File:
    """One uploaded file."""

    name: str
    """As the browser gave it, without folders; shown, never used as a path."""
    content: bytes

    @property
    def suffix(self) -> str:
        """The ending of its name, in lower case."""
        return PurePosixPath(self.name).suffix.lower()


def kind_of(file: File) -> str:
    """One of the keys of `SUFFIXES`.

    Raises:
        InputError: the content is of no kind that is read here, or the name says another.
    """
    kind = _by_content(file.content[:4096])
    if kind == "text" and file.suffix in (".hea", ".csv"):
        return file.suffix[1:]
    if kind not in SUFFIXES:
        raise InputError(f"{file.name}: not a kind of file that is read here. Expected {KNOWN}.")
    if file.suffix not in SUFFIXES[kind]:
        raise InputError(
            f"{file.name}: its content is {kind}, which goes with {' or '.join(sorted(SUFFIXES[kind]))}, "
            f"got {file.suffix or 'no ending'}. Rename it, if that is what it is."
        )
    return kind


def _by_content(head: bytes) -> str:
    for start, kind in STARTS.items():
        if head.startswith(start):
            return kind
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return "text" if b"\0" not in head and error.start > len(head) - 4 else ""  # cut within a letter
    return "text" if head and b"\0" not in head else ""
