"""Original, distortion and modified sample as pictures, at every rank: the one place that knows how a rank is drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from brinkmap.arrays import Array, Bounds, Floats
from brinkmap.report.view import Case, ReportView

__all__ = ["LARGEST_SIDE", "ROWS", "Panel", "panels_of", "write_grid"]

LARGEST_SIDE = 160
"""Pixels a side, beyond which pictures are shrunk: eight rows of three stay under 2.5 MB even as pure noise."""
ROWS = 8
"""Cases in a report, and rows in the grid of pictures."""
PLOT_INCHES, PLOT_DPI = (4.8, 1.7), 160
GRID_WIDTH, TITLE_HEIGHT, GAP = 8.4, 0.55, 0.12
"""Inches in the grid of pictures."""
GRID_DPI = 150
NAME_LENGTH = 26
"""Letters of a class name in a picture's title."""


@dataclass(frozen=True)
class Panel:
    """One picture with what it shows."""

    title: str
    alt: str
    pixels: np.ndarray
    """(height, width, 3) uint8."""

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, format="PNG", optimize=True)
        return file.getvalue()


@dataclass(frozen=True)
class _Scaled:
    """One case on the scale 0..1, as float64."""

    clean: Floats
    """(c, *extent)."""
    change: Floats
    """(c, *extent)."""
    bounds: Bounds
    unit: str

    @cached_property
    def factor(self) -> float:
        """By how much the distortion is amplified around the middle of the range, so that its peak just fits."""
        return _factor(float(np.abs(self.change).max()), 0.5)

    def raw(self, values: Floats) -> Floats:
        """In the sample's own unit."""
        low, high = self.bounds
        return values * (high - low) + low


def panels_of(case: Case, view: ReportView) -> list[Panel]:
    """The pictures of one case.

    Images: original, distortion around mid-grey, amplified, and modified. Clips: the same for the frame with the
    largest change. Signals: clean and modified over each other, and the distortion alone.
    """
    low, high = view.bounds
    clean = (np.asarray(case.clean, np.float64) - low) / (high - low)
    change = (np.asarray(case.modified, np.float64) - case.clean) / (high - low)
    return DRAW[case.clean.ndim - 1](_Scaled(clean, change, view.bounds, view.unit))


def write_grid(path: Path, view: ReportView, drawn: list[list[Panel]]) -> None:
    """The picture grid: a row a case, original | distortion | modified, titled with classes and probabilities.

    Args:
        path: the PNG file to write.
        view: where the cases are.
        drawn: the panels of the first cases.
    """
    if not drawn:
        _write_note(path, "There is no case to show.")
        return
    columns, wide = len(drawn[0]), GRID_WIDTH / len(drawn[0])
    heights = [wide * row[0].pixels.shape[0] / row[0].pixels.shape[1] + TITLE_HEIGHT for row in drawn]
    width, top = columns * wide, sum(heights)
    figure, total = Figure(figsize=(width, top), dpi=GRID_DPI), top
    for case, panels, height in zip(view.cases, drawn, heights, strict=False):
        top -= height
        for column, (panel, title) in enumerate(zip(panels, _grid_titles(case, panels, view), strict=True)):
            box = (column * wide + GAP / 2, top + GAP / 2, wide - GAP, height - TITLE_HEIGHT)
            axes = figure.add_axes((box[0] / width, box[1] / total, box[2] / width, box[3] / total))
            axes.imshow(panel.pixels)
            axes.set_title(title, fontsize=8, parse_math=False)
            axes.set_axis_off()
    FigureCanvasAgg(figure).print_png(path)


def _grid_titles(case: Case, panels: list[Panel], view: ReportView) -> list[str]:
    """First and last panel carry the answers, the one between the distance."""
    after = int(np.argmax(case.after))
    told = {
        0: f"sample {case.index}: {_answer(view, case.reference, case.before)}",
        len(panels) - 1: f"{_answer(view, after, case.after)}",
    }
    where = f"L2 {case.l2:.3g} at {case.queries} queries"
    if len(panels) == 2:
        return [f"{panels[0].title}\n{told[0]} to {told[1]}", f"{panels[1].title}\n{where}"]
    return [f"{panel.title}\n{told.get(place, where)}" for place, panel in enumerate(panels)]


def _answer(view: ReportView, number: int, probabilities: Array) -> str:
    name = view.class_name(number)
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    return f"{short} ({probabilities[number]:.2f})"


def _write_note(path: Path, text: str) -> None:
    figure = Figure(figsize=(5, 1))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    FigureCanvasAgg(figure).print_png(path)


def _image(scaled: _Scaled) -> list[Panel]:
    """Original, distortion, modified: (c, height, width)."""
    return _three(scaled.clean, scaled.change, scaled.factor, "")


def _clip(scaled: _Scaled) -> list[Panel]:
    """The same of the frame with the largest change: (c, time, height, width)."""
    frame = int(np.argmax(np.sum(scaled.change**2, axis=(0, 2, 3))))
    where = f", frame {frame + 1} of {scaled.clean.shape[1]}"
    return _three(scaled.clean[:, frame], scaled.change[:, frame], scaled.factor, where)


def _three(clean: Floats, change: Floats, factor: float, where: str) -> list[Panel]:
    channels, where_channel = _shown_channels(change)
    clean, change, where = clean[channels], change[channels], where + where_channel
    return [
        Panel(f"original{where}", f"The original sample{where}.", _pixels(clean)),
        Panel(
            f"distortion × {factor:g}",
            f"What was changed{where}, {factor:g} times as strong as it is, mid-grey where nothing was changed.",
            _pixels(0.5 + factor * change),
        ),
        Panel("modified", f"The modified sample{where}.", _pixels(clean + change)),
    ]


def _shown_channels(change: Floats) -> tuple[slice, str]:
    """All of one or three channels; of another number the one with the largest change."""
    count = len(change)
    if count in (1, 3):
        return slice(None), ""
    most = int(np.argmax(np.sum(change.reshape(count, -1) ** 2, axis=1)))
    return slice(most, most + 1), f", channel {most + 1} of {count}"


def _pixels(values: Floats) -> np.ndarray:
    """(1 or 3, height, width) on 0..1 as (height, width, 3) uint8, shrunk to the largest side allowed."""
    colours = np.broadcast_to(np.moveaxis(values, 0, -1), (*values.shape[1:], 3))
    pixels = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    ratio = LARGEST_SIDE / max(pixels.shape[:2])
    if ratio >= 1:
        return pixels
    height, width = (max(1, round(side * ratio)) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def _factor(peak: float, room: float) -> float:
    """What a peak may be multiplied with to stay within the room, rounded down to two digits."""
    if peak == 0:
        return 1.0
    # A peak of 0.05 may be 0.0500000007 in float32.
    ratio = room / peak * (1 + 1e-5)
    digits = 1 - math.floor(math.log10(ratio))
    return math.floor(ratio * 10.0**digits) / 10.0**digits


def _signal(scaled: _Scaled) -> list[Panel]:
    """Clean and modified over each other, and the distortion alone: (c, time)."""
    most = int(np.argmax(np.sum(scaled.change**2, axis=1)))
    where = f", channel {most + 1} of {len(scaled.change)}" if len(scaled.change) > 1 else ""
    clean, modified = (scaled.raw(values[most]) for values in (scaled.clean, scaled.clean + scaled.change))
    top, bottom = max(clean.max(), modified.max()), min(clean.min(), modified.min())
    room = 0.55 * (top - bottom) or 0.5
    peak = float(np.abs(modified - clean).max())
    factor = _factor(peak, room)
    middle = (top + bottom) / 2

    def both(axes: Axes) -> None:
        axes.plot(clean, color="0.6", linewidth=2.4, label="clean")
        axes.plot(modified, color="#b3261e", linewidth=0.9, label="modified")
        axes.set_ylim(middle - room, middle + room)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2, fontsize=7, frameon=False)

    def alone(axes: Axes) -> None:
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.plot(modified - clean, color="#b3261e", linewidth=0.9)
        axes.set_ylim(-room / factor, room / factor)

    return [
        Panel(
            f"clean and modified{where}",
            f"Line plot{where}: the clean signal as a thick grey line, the modified one as a thin red line over it.",
            _plotted(both, scaled.unit),
        ),
        Panel(
            f"distortion × {factor:g}{where}",
            f"Line plot{where}: what was changed, {factor:g} times as strong as it is in the plot before, around 0.",
            _plotted(alone, scaled.unit),
        ),
    ]


def _plotted(draw: Callable[[Axes], None], unit: str) -> np.ndarray:
    figure = Figure(figsize=PLOT_INCHES, dpi=PLOT_DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.26, 0.855, 0.62))
    draw(axes)
    axes.set_xlabel("place in the signal (values)", fontsize=8)
    axes.set_ylabel(unit or "value", fontsize=8, parse_math=False)
    axes.tick_params(labelsize=7)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


DRAW: dict[int, Callable[[_Scaled], list[Panel]]] = {1: _signal, 2: _image, 3: _clip}
"""How each rank is drawn."""
