"""How videos become samples, as flags: the same wherever data are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from brinkmap.data.video import Clips, holds_clips
from brinkmap.errors import InputError

__all__ = ["ClipFlags", "clips_of"]


@dataclass(frozen=True, kw_only=True)
class ClipFlags:
    """Videos (.mp4, .avi, .webm, .mkv, .mov; extra `video`); nothing of this is read for other data."""

    frames: int | None = None
    """Frames taken of each video; none given means what the victim takes, else 16."""
    sampling: str | None = None
    """uniform: evenly over the video; segments: at random in so many equal parts (TSN); dense: one after the other from
    the middle. None given means uniform."""
    size: tuple[int, int] | None = None
    """Height and width that frames are scaled and cut to; none given means what the victim takes, else those of the
    first video."""


def clips_of(flags: ClipFlags, path: str, shape: tuple[int, ...] | None) -> Clips:
    """How the videos under a path become samples of this victim; of no meaning where there are none.

    Args:
        flags: as stated.
        path: what `load_data` takes.
        shape: `(c, *extent)` the victim's, where it says so.

    Raises:
        InputError: something is stated, and the path holds no videos; or a value that cannot work.
    """
    stated = {name: value for name, value in vars(flags).items() if value is not None}
    if stated and not holds_clips(path):
        raise InputError(f"{next(iter(stated))}: {path} holds no videos. Leave it out.")
    wanted = {}
    if shape is not None and len(shape) == 4 and shape[0] in (1, 3):
        wanted = {"channels": shape[0], "frames": shape[1], "size": (shape[2], shape[3])}
    return Clips(**(wanted | stated))  # type: ignore[arg-type]
