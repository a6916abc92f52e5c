"""The page's four panels for a GIF: the one file of the page's server that draws each rank."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from brinkmap.ui.shown import strip_of, unpacked

__all__ = ["INK", "QUIET", "draw_panels", "font"]

Shown = dict[str, Any]
GAP, CAPTION, LANE = 10, 20, 84
INK, QUIET, RULE, CHANGE = "#1a1f26", "#535c67", "#d5dbe2", "#b3261e"
WARM, COLD = (214, 73, 28), (41, 98, 204)


def draw_panels(begun: Shown, shown: Shown | None, credit: Shown | None, width: int) -> Image.Image:
    """Original, distortion, modified and map.

    Args:
        begun: the data of an attack's first event.
        shown: the pictures of the moment, None where nothing is modified yet.
        credit: the map of the moment, None where there is none.
        width: of the result, in pixels.
    """
    return DRAW[begun["rank"]](begun, shown, credit, width)


def _captions(shown: Shown | None) -> tuple[str, str, str, str]:
    return "original", f"distortion × {shown['factor']:g}" if shown else "distortion", "modified", "where it counts"


def _pictures(begun: Shown, shown: Shown | None, credit: Shown | None, width: int) -> Image.Image:
    """Beside each other; of a clip the frame that is changed most."""
    clean = begun["shown"]
    side = (width - 3 * GAP) // 4
    size = (side, round(side * clean["height"] / clean["width"]))
    original = _stack(clean)
    modified, change = (_stack(shown[name]) if shown else None for name in ("modified", "change"))
    at = 0 if change is None else int(np.argmax(((change - 127.5) ** 2).sum(axis=(1, 2, 3))))
    grey = original[at].mean(axis=2, keepdims=True).repeat(3, axis=2) * 0.75 + 32
    panels = [
        original[at],
        np.full_like(original[at], 128) if change is None else change[at],
        original[at] if modified is None else modified[at],
        grey,
    ]
    drawn = [_sized(panel, size) for panel in panels]
    if credit:
        drawn[3] = _heated(drawn[3], credit, at, clean["frames"])
    whole = Image.new("RGB", (width, size[1] + CAPTION), "white")
    pen = ImageDraw.Draw(whole)
    for place, (panel, caption) in enumerate(zip(drawn, _captions(shown), strict=True)):
        left = place * (side + GAP)
        where = f", frame {at + 1}" if clean["frames"] > 1 and place == 0 else ""
        pen.text((left, 0), caption + where, QUIET, font(12))
        whole.paste(panel, (left, CAPTION))
    return whole


def _stack(shown: Shown) -> np.ndarray:
    """(frames, height, width, 3) float64 on 0..255."""
    return np.asarray(strip_of(shown), np.float64).reshape(shown["frames"], shown["height"], shown["width"], 3)


def _sized(pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    image = Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))
    grows = size[0] >= image.width
    return image.resize(size, Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS)


def _heated(under: Image.Image, credit: Shown, at: int, of: int) -> Image.Image:
    deep = credit["shape"][0]
    values = unpacked(credit["values"], "i1").reshape(credit["shape"])[min(deep - 1, at * deep // max(1, of))]
    smooth = Image.fromarray(values.astype(np.float32)).resize(under.size, Image.Resampling.BICUBIC)
    heat = np.asarray(smooth)[..., None] / 127
    alpha = np.minimum(0.9 * np.abs(heat) ** 1.15, 1)
    colours = np.where(heat > 0, WARM, COLD)
    mixed = (1 - alpha) * np.asarray(under, np.float64) + alpha * colours
    return Image.fromarray(np.rint(np.clip(mixed, 0, 255)).astype(np.uint8))


def _signals(begun: Shown, shown: Shown | None, credit: Shown | None, width: int) -> Image.Image:
    """Below each other, the first lead of each."""
    clean = _lead(begun["shown"])
    modified, change = (_lead(shown[name]) if shown else None for name in ("modified", "change"))
    captions, whole = _captions(shown), Image.new("RGB", (width, 4 * (LANE + CAPTION)), "white")
    low, high = float(clean.min()), float(clean.max())
    half = max(high - low, 1e-9) / 2
    factor = shown["factor"] if shown else 1.0
    rows: list[list[tuple[np.ndarray, str, int]]] = [
        [(clean, INK, 1)],
        [(np.zeros_like(clean) if change is None else change * factor, CHANGE, 1)],
        [(clean, "#b9c1cb", 3), (clean if modified is None else modified, CHANGE, 1)],
        [(clean, INK, 1)],
    ]
    pen = ImageDraw.Draw(whole)
    for place, (caption, lines) in enumerate(zip(captions, rows, strict=True)):
        top = place * (LANE + CAPTION)
        pen.text((0, top), caption, QUIET, font(12))
        box = (0, top + CAPTION, width - 1, top + CAPTION + LANE - 4)
        middle = 0.0 if place == 1 else (low + high) / 2
        reach = max(half, *(float(np.abs(values - middle).max()) for values, _, _ in lines))
        if place == 3 and credit:
            strip = Image.new("RGB", (width, box[3] - box[1]), "white")
            whole.paste(_heated(strip, credit, 0, 1), (0, box[1]))
        pen.rectangle(box, outline=RULE)
        for values, colour, wide in lines:
            _line(pen, values, (middle - 1.1 * reach, middle + 1.1 * reach), box, colour, wide)
    return whole


def _lead(shown: Shown) -> np.ndarray:
    return unpacked(shown["values"], "f4")[: shown["length"]].astype(np.float64)


def _line(
    pen: ImageDraw.ImageDraw, values: np.ndarray, span: tuple[float, float], box: tuple[int, int, int, int],
    colour: str, wide: int,
) -> None:  # fmt: skip
    across = np.linspace(box[0], box[2], len(values))
    down = box[3] - np.clip((values - span[0]) / (span[1] - span[0]), 0, 1) * (box[3] - box[1])
    pen.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=colour, width=wide, joint="curve")


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes inside matplotlib's wheel."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


Drawn = Callable[[Shown, Shown | None, Shown | None, int], Image.Image]
DRAW: dict[int, Drawn] = {1: _signals, 2: _pictures, 3: _pictures}
