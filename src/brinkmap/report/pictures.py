"""A case as pictures: original, distortion as it is and amplified, modified, heat map; of images and of clips.

Pictures are lossless. What a page may weigh is shared out among them: they are shrunk together until they fit.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from brinkmap.arrays import Array, Bounds, Floats
from brinkmap.report.document import Picture

__all__ = [
    "SIDES", "WEIGHT", "Shot", "factor_of", "fitted", "heated", "map_shots", "plain_shots", "scaled", "shots_of",
    "shown_channels",
]  # fmt: skip

SIDES = (224, 160, 112, 80, 56, 40)
"""Pixels a side that pictures are shrunk to, the largest that fits being taken."""
FRAMES = 8
"""Of a clip, at even distances."""
WEIGHT = 1_900_000
"""Bytes of all pictures of a page: as base64 they grow by a third, and the page stays below 3 MB."""
FOR, AGAINST = (0.86, 0.12, 0.1), (0.1, 0.4, 0.9)
"""Red speaks for the class that was lost, blue against it."""


@dataclass(frozen=True)
class Shot:
    """One picture before its size is settled."""

    title: str
    alt: str
    pixels: np.ndarray
    """(frames, height, width, 3) uint8."""

    def at(self, side: int) -> tuple[bytes, int, int]:
        """As a PNG file of at most so many pixels a side of a frame, with a frame's width and height."""
        frames = [_shrunk(frame, side) for frame in self.pixels]
        file = io.BytesIO()
        Image.fromarray(np.concatenate(frames, axis=1)).save(file, format="PNG", optimize=True)
        return file.getvalue(), frames[0].shape[1], frames[0].shape[0]


def shots_of(clean: Array, modified: Array, heat: Array | None, heat_of: str, bounds: Bounds) -> list[Shot]:
    """The five pictures of an image or a clip; of a clip, those of up to eight frames.

    Args:
        clean: (c, [time,] height, width).
        modified: the same shape.
        heat: ([time,] height, width) on -1..1, or None.
        heat_of: what it is made of.
        bounds: the range of values.
    """
    before, change = scaled(clean, bounds), scaled(modified, bounds) - scaled(clean, bounds)
    channels, which = shown_channels(change)
    frames = _frames(before.shape[1]) if before.ndim == 4 else np.zeros(1, int)
    where = which + (f", {len(frames)} frames of {before.shape[1]}" if before.ndim == 4 else "")
    clip = before.ndim == 4
    before, change = ((one if clip else one[:, None])[channels][:, frames] for one in (before, change))
    factor = factor_of(float(np.abs(change).max()), 0.5)
    shots = [
        Shot(f"original{where}", f"The original sample{where}.", _pixels(before)),
        Shot(
            "distortion × 1",
            "What was changed, as strong as it is, on mid-grey.",
            _pixels(0.5 + change),
        ),
        Shot(
            f"distortion × {factor:g}",
            f"What was changed, {factor:g} times as strong as it is, mid-grey where nothing was changed.",
            _pixels(0.5 + factor * change),
        ),
        Shot("modified", f"The modified sample{where}.", _pixels(before + change)),
    ]
    if heat is None:
        return shots
    map_ = (np.asarray(heat, np.float64) if clip else np.asarray(heat, np.float64)[None])[frames]
    return [*shots, Shot(f"heat map: {heat_of}", f"The sample in grey with a heat map over it: {heat_of}.",
                         heated(before, map_))]  # fmt: skip


def map_shots(sample: Array, values: Array, mask: np.ndarray, bounds: Bounds) -> list[Shot]:
    """Sample, map over it, and what is in the mask, of an image or a clip.

    Args:
        sample: (c, [time,] height, width).
        values: ([time,] height, width), of any scale.
        mask: the same shape, bool.
        bounds: the range of values.
    """
    before = scaled(sample, bounds)
    clip = before.ndim == 4
    frames = _frames(before.shape[1]) if clip else np.zeros(1, int)
    heat, inside = ((one if clip else one[None])[frames] for one in (np.asarray(values, np.float64), mask))
    before = (before if clip else before[:, None])[:, frames]
    shown = before if len(before) in (1, 3) else before.mean(axis=0, keepdims=True)
    heat = heat / max(float(np.abs(values).max()), np.finfo(float).tiny)
    return [
        Shot("sample", "The sample.", _pixels(shown)),
        Shot("map: for (red), against (blue)", "The sample in grey with its map over it.", heated(shown, heat)),
        Shot("mask", f"What the mask holds, {mask.mean():.0%} of the sample; the rest is greyed out.",
             _pixels(np.where(inside, shown, 0.75 + 0.15 * shown))),
    ]  # fmt: skip


def plain_shots(samples: Mapping[str, Array], bounds: Bounds) -> list[Shot]:
    """Images or clips (c, [time,] height, width) as they are, by what stands below them."""
    shots = []
    for title, sample in samples.items():
        before = scaled(sample, bounds)
        clip = before[:, _frames(before.shape[1])] if before.ndim == 4 else before[:, None]
        shown = clip if len(clip) in (1, 3) else clip.mean(axis=0, keepdims=True)
        shots.append(Shot(title, f"The sample, {title}.", _pixels(shown)))
    return shots


def fitted(shots: Sequence[Sequence[Shot]], weight: int = WEIGHT) -> tuple[list[list[Picture]], int | None]:
    """All pictures of a page, and what they were shrunk to, or None where they were not.

    Args:
        shots: those of each case.
        weight: bytes that all files together may have.
    """
    largest = max((max(shot.pixels.shape[1:3]) for row in shots for shot in row), default=0)
    for side in SIDES:
        files = [[shot.at(side) for shot in row] for row in shots]
        if sum(len(file) for row in files for file, _, _ in row) <= weight:
            break
    pictures = [
        [_picture(shot, *file) for shot, file in zip(row, held, strict=True)]
        for row, held in zip(shots, files, strict=True)
    ]
    return pictures, side if largest > side else None


def scaled(sample: Array, bounds: Bounds) -> Floats:
    """A sample on 0..1."""
    low, high = bounds
    return (np.asarray(sample, np.float64) - low) / (high - low)


def shown_channels(change: Floats) -> tuple[slice, str]:
    """All of one or three channels; of another number the one with the largest change, and its name."""
    count = len(change)
    if count in (1, 3):
        return slice(None), ""
    most = int(np.argmax(np.sum(change.reshape(count, -1) ** 2, axis=1)))
    return slice(most, most + 1), f", channel {most + 1} of {count}"


def factor_of(peak: float, room: float) -> float:
    """What a peak may be multiplied with to stay within the room, rounded down to two digits."""
    if peak == 0:
        return 1.0
    # A peak of 0.05 may be 0.0500000007 in float32.
    ratio = room / peak * (1 + 1e-5)
    digits = 1 - math.floor(math.log10(ratio))
    return math.floor(ratio * 10.0**digits) / 10.0**digits


def heated(clip: Floats, heat: Floats) -> np.ndarray:
    """(frames, height, width, 3) uint8: grey frames (c, frames, height, width) under heat (frames, height, width)."""
    grey = np.broadcast_to(0.15 + 0.7 * np.clip(clip.mean(axis=0), 0, 1)[..., None], (*heat.shape, 3))
    colours = np.where(heat[..., None] > 0, FOR, AGAINST)
    weight = 0.8 * (np.minimum(np.abs(heat), 1) ** 0.75)[..., None]
    return np.rint(255 * np.clip((1 - weight) * grey + weight * colours, 0, 1)).astype(np.uint8)


def _picture(shot: Shot, file: bytes, width: int, height: int) -> Picture:
    source = f"data:image/png;base64,{base64.b64encode(file).decode()}"
    return Picture(shot.title, shot.alt, source, len(shot.pixels), width / height)


def _frames(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int))


def _pixels(values: Floats) -> np.ndarray:
    """(1 or 3, frames, height, width) on 0..1 as (frames, height, width, 3) uint8."""
    colours = np.broadcast_to(np.moveaxis(values, 0, -1), (*values.shape[1:], 3))
    return np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)


def _shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    ratio = side / max(pixels.shape[:2])
    if ratio >= 1:
        return pixels
    height, width = (max(1, round(length * ratio)) for length in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
