"""Samples as the page draws them: pictures and clips as one strip of frames, signals as their values."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from brinkmap.arrays import Array, Bounds, Floats
from brinkmap.report.pictures import factor_of, scaled

__all__ = ["packed", "shown_change", "shown_sample", "strip_of", "unpacked"]

LARGEST_SIDE = {1: 224, 2: 112}
"""Pixels a side beyond which what is shown is shrunk: of one frame, and of each of several."""
MOST_FRAMES = 32
"""Frames of a clip that are shown, evenly spread."""
LOSSLESS = 64_000
"""Pixels in all up to which a picture is sent as PNG; larger ones as JPEG."""
MOST_VALUES = 4_096
"""Values of a lead that are sent; of longer ones every second, third ..."""
MOST_LEADS = 12

Shown = dict[str, Any]


def shown_sample(sample: Array, bounds: Bounds) -> Shown:
    """A sample as it is.

    Args:
        sample: (c, *extent).
        bounds: the victim's.
    """
    return DRAW[sample.ndim - 1](scaled(sample, bounds), sample)


def shown_change(clean: Array, modified: Array, bounds: Bounds) -> tuple[Shown, float]:
    """What was changed, amplified, and by how much.

    In pictures around mid-grey, so that the largest change just fits; in signals so that it fills the range of the two.
    """
    change = scaled(modified, bounds) - scaled(clean, bounds)
    peak, room = float(np.abs(change).max()), ROOM[clean.ndim - 1](scaled(clean, bounds))
    factor = factor_of(peak, room) if room > peak else 1.0
    return DRAW[clean.ndim - 1](0.5 + factor * change, modified.astype(np.float64) - clean), factor


def packed(values: np.ndarray) -> str:
    """The bytes of an array, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def unpacked(text: str, dtype: str) -> np.ndarray:
    """The array behind `packed`, flat."""
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))


def strip_of(shown: Shown) -> Image.Image:
    """The frames of a shown picture or clip, one below the other, in colour."""
    return Image.open(io.BytesIO(base64.b64decode(shown["url"].partition(",")[2]))).convert("RGB")


def _signal(_: Floats, values: Array | Floats) -> Shown:
    leads = values[:MOST_LEADS]
    every = -(-leads.shape[1] // MOST_VALUES)
    kept = leads[:, ::every].astype(np.float32)
    return {"leads": len(kept), "length": kept.shape[1], "every": every, "values": packed(kept)}


def _picture(scaled: Floats, _: Array | Floats) -> Shown:
    return _frames(scaled[:, None])


def _clip(scaled: Floats, _: Array | Floats) -> Shown:
    return _frames(scaled)


def _frames(scaled: Floats) -> Shown:
    """(c, frames, height, width) on 0..1 as one strip."""
    count = scaled.shape[1]
    chosen = np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int)
    colours = scaled[:, chosen] if len(scaled) in (1, 3) else scaled[:, chosen].mean(axis=0, keepdims=True)
    pixels = np.rint(np.clip(np.moveaxis(colours, 0, -1), 0, 1) * 255).astype(np.uint8)
    frames = np.stack([_shrunk(frame, LARGEST_SIDE[min(len(chosen), 2)]) for frame in pixels])
    strip = frames.reshape(-1, *frames.shape[2:])
    image = Image.fromarray(strip[..., 0] if strip.shape[2] == 1 else strip)
    file, lossless = io.BytesIO(), image.width * image.height <= LOSSLESS
    image.save(file, **({"format": "PNG"} if lossless else {"format": "JPEG", "quality": 88, "subsampling": 0}))
    kind = "png" if lossless else "jpeg"
    return {
        "frames": len(frames), "width": frames.shape[2], "height": frames.shape[1], "of": count,
        "url": f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}",
    }  # fmt: skip


def _shrunk(frame: np.ndarray, largest: int) -> np.ndarray:
    height, width = frame.shape[:2]
    ratio = largest / max(height, width)
    if ratio >= 1:
        return frame
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    image = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS)).reshape(size[1], size[0], -1)


DRAW: dict[int, Callable[[Floats, Array | Floats], Shown]] = {1: _signal, 2: _picture, 3: _clip}
"""How each rank is handed to the page: from what is scaled to 0..1, and from what is in its own unit."""
ROOM: dict[int, Callable[[Floats], float]] = {1: lambda clean: np.ptp(clean) / 2, 2: lambda _: 0.5, 3: lambda _: 0.5}
