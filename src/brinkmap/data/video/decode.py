"""Video files, decoded frame by frame: never more of them in memory than are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Floats, Ints
from brinkmap.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["SUFFIXES", "Scan", "decoded", "picked", "scan"]

DEMUXERS = {
    ".avi": "avi", ".m4v": "mp4", ".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".webm": "matroska",
}  # fmt: skip
"""Named, so that no playlist or image pattern inside a file leads FFmpeg to other files."""
SUFFIXES = frozenset(DEMUXERS)
MOST_PIXELS = 2**26
"""Beyond (8192 x 8192) a small file can ask for gigabytes."""
STEADY = 1.5
"""A frame rate is variable where the longest stay of a frame exceeds the usual one by this factor: containers round."""
PIXELS = {1: "gray", 3: "rgb24"}


@dataclass(frozen=True)
class Scan:
    """What a video holds."""

    times_s: Floats
    """(n,) when each frame comes on screen."""
    ends_s: float
    size: tuple[int, int]
    """(height, width)."""
    turned: bool
    """Whether the file asks players to turn it, which is not done here."""

    @property
    def variable(self) -> bool:
        """Whether frames stay on screen for different times."""
        stays = np.diff(self.times_s)
        return len(stays) > 1 and float(stays.max()) > STEADY * float(np.median(stays))


def scan(path: Path) -> Scan:
    """Decode a whole video, one frame at a time, and note when each is shown.

    Raises:
        InputError: it cannot be decoded from its beginning to its end, has no video stream or no frame.
        MissingExtra: PyAV is not installed.
    """
    times: list[float] = []
    size, turned = (0, 0), False
    for frame in decoded(path):
        if not times:
            size, turned = (frame.height, frame.width), bool(frame.rotation)
        times.append(float(len(times)) if frame.time is None else float(frame.time))  # a file without times is steady
    if not times:
        raise InputError(f"{path}: no frame in it that can be decoded. Replace the file or leave it out.")
    shown = np.maximum.accumulate(np.array(times))
    stay = float(np.median(np.diff(shown))) if len(shown) > 1 else 1.0
    return Scan(shown, float(shown[-1]) + stay, size, turned)


def picked(path: Path, places: Ints, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Some frames of a video, (len(places), height, width, channels).

    Args:
        path: the file.
        places: which frames, ascending; one may be asked for more than once.
        size: (height, width) that they are scaled to cover and cut to.
        channels: 1 or 3.

    Raises:
        InputError: it ends before the last of them, or cannot be decoded.
        MissingExtra: PyAV is not installed.
    """
    clip = np.empty((len(places), *size, channels), np.uint8)
    filled = 0
    for number, frame in enumerate(decoded(path)):
        while filled < len(places) and places[filled] == number:
            clip[filled] = clip[filled - 1] if filled and places[filled - 1] == number else _brought_to(frame, clip[0])
            filled += 1
        if filled == len(places):
            return clip
    raise InputError(f"{path}: ends before frame {places[-1]}, which it had when it was first read.")


def decoded(path: Path) -> Iterator[VideoFrame]:
    """Each frame of the first video stream, in the order in which they are shown.

    Raises:
        InputError: it cannot be decoded, or has no video stream.
        MissingExtra: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtra(f"{path}: reading a video", "video") from error
    av.logging.set_level(av.logging.PANIC)  # what matters is raised
    with path.open("rb") as file, _said(path), av.open(file, "r", format=DEMUXERS[path.suffix.lower()]) as container:
        if not container.streams.video:
            raise InputError(f"{path}: no video stream in it. Replace the file or leave it out.")
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"  # other threads hold several frames each
        for frame in container.decode(stream):
            if frame.width * frame.height > MOST_PIXELS:
                raise InputError(f"{path}: {frame.width} x {frame.height} pixels a frame, more than {MOST_PIXELS:,}.")
            yield frame


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What decoders raise, as one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # what PyAV raises has no parent but this one
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be decoded ({reason}). Replace the file or leave it out.") from error


def _brought_to(frame: Any, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame scaled until it covers (height, width, channels), the middle of it."""
    height, width, channels = like.shape
    scale = max(height / frame.height, width / frame.width)
    tall, wide = max(height, round(frame.height * scale)), max(width, round(frame.width * scale))
    pixels = frame.reformat(wide, tall, PIXELS[channels], interpolation="BICUBIC").to_ndarray()
    top, left = (tall - height) // 2, (wide - width) // 2
    return np.asarray(pixels[top : top + height, left : left + width].reshape(height, width, channels), np.uint8)
