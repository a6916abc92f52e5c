"""How a video becomes a sample: how many frames, which ones, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from brinkmap.arrays import Floats, Ints
from brinkmap.errors import InputError

__all__ = ["SAMPLING", "Clips", "chosen"]

SAMPLING = ("uniform", "dense", "segments")
MOST_PIXELS = 2**24
"""Of a frame that is asked for."""


@final
@dataclass(frozen=True, kw_only=True)
class Clips:
    """How videos become samples, uint8 (frames, height, width, channels).

    Raises:
        InputError: a value that cannot work.
    """

    frames: int = 16
    sampling: str = "uniform"
    """uniform: what is on screen in the middle of each of so many equal spans of time; segments: at a random moment of
    each (TSN); dense: the frames in the middle of the video, one after the other."""
    size: tuple[int, int] | None = None
    """(height, width); None means that of the first video. Videos are scaled until they cover it, and what stands over
    on two sides is cut off."""
    channels: int = 3
    """3 for colour, 1 for grey."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise InputError(f"frames: expected at least 1, got {self.frames}.")
        if self.sampling not in SAMPLING:
            raise InputError(f"sampling: expected {', '.join(SAMPLING[:-1])} or {SAMPLING[-1]}, got {self.sampling!r}.")
        if self.size is not None and not (min(self.size) >= 1 and self.size[0] * self.size[1] <= MOST_PIXELS):
            raise InputError(f"size: expected height and width, up to {MOST_PIXELS:,} pixels, got {self.size}.")
        if self.channels not in (1, 3):
            raise InputError(f"channels: clips have 1 (grey) or 3 (colour), got {self.channels}.")


def chosen(clips: Clips, times_s: Floats, ends_s: float, rng: np.random.Generator) -> Ints:
    """Which frames of a video are taken, by their places in it, ascending.

    Where a frame stays on screen for long, as in a video of variable frame rate, it may be taken more than once.

    Args:
        clips: how many, and by which rule.
        times_s: (n,) when each frame comes on screen, ascending; at least one.
        ends_s: when the last one leaves it.
        rng: for `segments`.

    Source: Wang et al. 2016, arXiv:1608.00859, for the segments.

    >>> chosen(Clips(frames=3), np.arange(6.0), 6.0, np.random.default_rng(0)).tolist()
    [1, 3, 5]
    """
    if clips.sampling == "dense":
        first = (len(times_s) - clips.frames) // 2
        return np.arange(first, first + clips.frames)
    within = rng.random(clips.frames) if clips.sampling == "segments" else np.full(clips.frames, 0.5)
    moments = times_s[0] + (ends_s - times_s[0]) * (np.arange(clips.frames) + within) / clips.frames
    return np.maximum(np.searchsorted(times_s, moments, side="right") - 1, 0)
