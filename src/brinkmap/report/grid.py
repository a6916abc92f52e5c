"""`pictures.png`: a row a case, original | distortion | modified, with classes and probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from brinkmap.arrays import Array, Floats
from brinkmap.report.pictures import factor_of, scaled, shown_channels
from brinkmap.report.view import Case, ReportView

__all__ = ["write_grid"]

WIDTH, HEIGHT, TITLE = 8.4, 2.8, 0.55
"""Inches: of the grid, of a row of pictures at most, of a row's titles."""
SIGNAL = 1.6
DPI = 150
NAME_LENGTH = 26
"""Letters of a class name in a title."""


def write_grid(path: Path, view: ReportView, cases: Sequence[Case]) -> None:
    """Draw the cases, or say that there is none.

    Args:
        path: the PNG file to write.
        view: for names and bounds.
        cases: in order.
    """
    if not cases:
        figure = Figure(figsize=(4, 1), dpi=DPI)
        figure.text(0.5, 0.5, "There is no case to show.", ha="center", va="center", fontsize=9)
        FigureCanvasAgg(figure).print_png(path)
        return
    signals = cases[0].clean.ndim == 2
    high = SIGNAL if signals else min(HEIGHT, WIDTH / 3 * cases[0].clean.shape[-2] / cases[0].clean.shape[-1])
    total = len(cases) * (high + TITLE)
    figure = Figure(figsize=(WIDTH, total), dpi=DPI)
    for row, case in enumerate(cases):
        columns = _signal(case) if signals else _pictures(case, view)
        top, wide = total - row * (high + TITLE), WIDTH / len(columns)
        for column, ((title, draw), said) in enumerate(zip(columns, _told(case, len(columns), view), strict=True)):
            gap = 0.4 if signals else 0.06
            box = (column * wide + gap, top - high - TITLE + 0.12, wide - gap - 0.06, high)
            place = (box[0] / WIDTH, box[1] / total, box[2] / WIDTH, box[3] / total)
            axes = figure.add_axes(place)
            draw(axes)
            axes.set_title(f"{title}\n{said}", fontsize=8, parse_math=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a class may be named in any script
        FigureCanvasAgg(figure).print_png(path)


Drawn = list[tuple[str, Callable[[Axes], None]]]


def _pictures(case: Case, view: ReportView) -> Drawn:
    """Of a clip, the frame with the largest change."""
    clean, change = (
        scaled(case.clean, view.bounds),
        scaled(case.modified, view.bounds) - scaled(case.clean, view.bounds),
    )
    where = ""
    if clean.ndim == 4:
        frame = int(np.argmax(np.sum(change**2, axis=(0, 2, 3))))
        where = f", frame {frame + 1} of {clean.shape[1]}"
        clean, change = clean[:, frame], change[:, frame]
    channels, _ = shown_channels(change)
    clean, change = clean[channels], change[channels]
    factor = factor_of(float(np.abs(change).max()), 0.5)
    return [
        (f"original{where}", _shower(clean)),
        (f"distortion × {factor:g}", _shower(0.5 + factor * change)),
        ("modified", _shower(clean + change)),
    ]


def _shower(values: Floats) -> Callable[[Axes], None]:
    pixels = np.clip(np.broadcast_to(np.moveaxis(values, 0, -1), (*values.shape[1:], 3)), 0, 1)

    def draw(axes: Axes) -> None:
        axes.imshow(pixels)
        axes.set_axis_off()

    return draw


def _signal(case: Case) -> Drawn:
    change = np.float64(case.modified) - case.clean
    most = int(np.argmax(np.sum(change**2, axis=1)))

    def both(axes: Axes) -> None:
        axes.plot(case.clean[most], color="0.6", linewidth=1.8)
        axes.plot(case.modified[most], color="#b3261e", linewidth=0.8)
        _plain(axes)

    def alone(axes: Axes) -> None:
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.plot(change[most], color="#b3261e", linewidth=0.8)
        _plain(axes)

    return [("clean (grey) and modified", both), ("distortion, on a scale of its own", alone)]


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=6)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)


def _told(case: Case, columns: int, view: ReportView) -> list[str]:
    """First and last panel carry the answers, one between or the last the distance."""
    after = int(np.argmax(case.after))
    first = f"sample {case.index}: {_answer(view, case.reference, case.before)}"
    last = _answer(view, after, case.after)
    where = f"L2 {case.l2:.3g} at {case.queries} queries"
    return [f"{first} to {last}", where] if columns == 2 else [first, where, last]


def _answer(view: ReportView, number: int, probabilities: Array) -> str:
    name = view.class_name(number)
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    return f"{short} ({probabilities[number]:.2f})"
