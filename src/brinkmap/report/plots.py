"""Curves and bars of a report: steps, lines and histograms, with their legends in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from brinkmap.arrays import Floats
from brinkmap.report.document import Key, Plot
from brinkmap.report.svg import DASHES, SERIES, dressed, svg_of

__all__ = ["Line", "Scale", "bars", "curves"]

INCHES = (4.0, 2.7)
PLACE = (0.165, 0.175, 0.785, 0.8)
POINTS = 400
"""A curve of more is drawn at so many places: a page does not grow with the number of samples."""


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    x: Floats
    y: Floats
    steps: bool = True
    """Whether a height holds until the next place; else points are joined."""


@dataclass(frozen=True)
class Scale:
    """What the axes say."""

    x: str
    y: str
    end: float | None = None
    """Where the horizontal axis ends; None for where the curves do."""
    begin: float = 0.0
    share: bool = True
    """Whether heights are shares, written in per cent from 0 to 100."""
    log: bool = False


def curves(name: str, title: str, alt: str, lines: Sequence[Line], scale: Scale) -> Plot:
    """Curves in one frame; more than one get a legend.

    Args:
        name: of the drawing within the page: letters, digits, hyphens.
        title: above it.
        alt: in words.
        lines: at least one.
        scale: of the axes.
    """
    keys = [
        Key(line.name, place % len(SERIES) + 1, (place + place // len(SERIES)) % len(DASHES))
        for place, line in enumerate(lines)
    ]

    def draw(canvas: Canvas) -> None:
        axes = canvas.add_axes(PLACE)
        for line, key in zip(lines, keys, strict=True):
            x, y = _thinned(line)
            style: dict[str, Any] = {"color": SERIES[key.colour - 1], "linestyle": DASHES[key.dash], "linewidth": 2}
            if line.steps:
                axes.step(x, y, where="post", **style)
            else:
                axes.plot(x, y, marker="o", markersize=3, **style)
        _scaled(axes, scale)

    return Plot(title, alt, svg_of(name, INCHES, draw), keys if len(keys) > 1 else ())


def bars(name: str, title: str, alt: str, values: Floats, x: str) -> Plot:
    """A histogram of figures from 0 on; arguments as for `curves`."""
    count = min(20, max(4, int(np.ceil(2 * len(values) ** (1 / 3)))))

    def draw(canvas: Canvas) -> None:
        axes = canvas.add_axes(PLACE)
        axes.hist(values, bins=count, range=(0, float(values.max()) or 1), color=SERIES[0], rwidth=0.92)
        axes.set(xlabel=x, ylabel="samples")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        dressed(axes)

    return Plot(title, alt, svg_of(name, INCHES, draw))


def _scaled(axes: Axes, scale: Scale) -> None:
    axes.set(xlabel=scale.x, ylabel=scale.y)
    if scale.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()
    axes.set_xlim(scale.begin, scale.end)
    axes.set_ylim(0, 1.03 if scale.share else None)
    if scale.share:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    dressed(axes)


def _thinned(line: Line) -> tuple[Floats, Floats]:
    """At most so many places of a curve, its last one among them."""
    if len(line.x) <= POINTS:
        return line.x, line.y
    kept = np.unique(np.linspace(0, len(line.x) - 1, POINTS).round().astype(int))
    return line.x[kept], line.y[kept]
