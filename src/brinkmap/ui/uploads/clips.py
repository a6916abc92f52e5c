"""An uploaded clip as a sample: frames evenly spread over it, decoded one at a time and brought to size."""

from __future__ import annotations

import io
import time

import numpy as np

from brinkmap.arrays import Array
from brinkmap.errors import InputError, MissingExtra
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads.kinds import File
from brinkmap.ui.uploads.pictures import brought_to, frames_of_gif, within_bounds

__all__ = ["read_clip"]

DEMUXERS = {"mp4": "mp4", "avi": "avi", "webm": "matroska"}
"""Named, so that no playlist or image pattern inside a file leads FFmpeg to other files."""
DECODING_S = 20.0
"""Seconds that decoding may take."""


def read_clip(
    file: File, kind: str, shape: tuple[int, ...] | None, bounds: tuple[float, float], limits: Limits
) -> tuple[Array, list[str]]:
    """The sample, and what was done to get it.

    Raises:
        InputError: it cannot be decoded, is too large or too short, or the victim takes no clips.
        MissingExtra: PyAV is not installed.
    """
    if shape is None or len(shape) != 4:
        raise InputError(f"{file.name}: a clip, and this victim takes none. Choose another victim.")
    channels, count, height, width = shape
    if kind == "gif":
        frames = frames_of_gif(file, (width, height), channels, limits)
    else:
        frames = _decoded(file, kind, (width, height), channels, limits)
    if len(frames) < count:
        raise InputError(f"{file.name}: {len(frames)} frames, and this victim takes {count}. Choose a longer clip.")
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    notes = [f"{len(frames)} frames brought to {width} x {height} pixels"]
    if len(frames) > count:
        notes.append(f"{count} of them, evenly spread")
    return within_bounds(np.stack([frames[at] for at in chosen]), bounds), notes


def _decoded(file: File, kind: str, size: tuple[int, int], channels: int, limits: Limits) -> list[np.ndarray]:
    try:
        import av
    except ImportError as error:
        raise MissingExtra(f"{file.name}: reading a video", "video") from error
    frames: list[np.ndarray] = []
    until = time.monotonic() + DECODING_S
    try:
        with av.open(io.BytesIO(file.content), "r", format=DEMUXERS[kind]) as container:
            if not container.streams.video:
                raise InputError(f"{file.name}: no video stream in it.")
            stream = container.streams.video[0]
            _check_size(file, stream.codec_context.width, stream.codec_context.height, limits)
            for frame in container.decode(stream):
                _check_size(file, frame.width, frame.height, limits)
                if len(frames) == limits.frames:
                    raise InputError(f"{file.name}: more than {limits.frames} frames. Cut it first.")
                if time.monotonic() > until:
                    raise InputError(
                        f"{file.name}: takes more than {DECODING_S:g} seconds to decode. Cut or shrink it."
                    )
                frames.append(brought_to(frame.to_image(), channels, size)[0])
    except InputError:
        raise
    except Exception as error:  # av.error.*, OSError, ValueError, MemoryError
        raise InputError(f"{file.name} cannot be read as a clip: {error}.") from error
    return frames


def _check_size(file: File, width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise InputError(
            f"{file.name}: {width:,} x {height:,} pixels a frame, and {limits.pixels:,} are read at most. "
            "Shrink it first."
        )
