"""A signal's case as one drawing over one time axis: original, distortion as it is and amplified, modified, heat map.

Where rate and unit are known it is drawn on ECG paper: lines every 0.2 s and 0.5 mV, fine ones every 0.04 s and 0.1 mV.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from brinkmap.arrays import Array, Floats
from brinkmap.report.document import Picture
from brinkmap.report.pictures import factor_of
from brinkmap.report.svg import INK, dressed, svg_of

__all__ = ["Strip", "drawn", "mapped", "stacked"]

WIDE = 9.0
LEFT, ACROSS = 0.065, 0.93
"""Shares of the width: before a plot, and the plot's own."""
PLAIN, LEAST, MOST, MAP, TITLE, BELOW = 1.15, 0.7, 2.6, 0.4, 0.3, 0.45
"""Inches: a plot on a plain grid, on ECG paper at least and at most, of the map; above a plot, below all."""
BUCKETS = 700
"""A longer signal is drawn by the least and the greatest value of so many stretches."""
MILLIVOLTS = "mV"
LARGE, FINE = (0.2, 0.5), (0.04, 0.1)
"""Squares of ECG paper in seconds and millivolts."""
PLACES, LINES = 300, 2000
"""Of a heat map that are drawn, and of paper at most."""
FINEST_S = 6.0
"""Beyond so many seconds the fine lines would run into each other."""
RED, BLUE = "#010243", "#010244"


@dataclass(frozen=True)
class Strip:
    """How the signals of a victim are drawn."""

    unit: str = ""
    rate_hz: float | None = None

    @property
    def is_paper(self) -> bool:
        """Whether it is ECG paper."""
        return self.unit == MILLIVOLTS and bool(self.rate_hz)

    @property
    def said(self) -> str:
        """The grid in words."""
        plain = f"a plain grid, values in {self.unit}" if self.unit else "a plain grid"
        return "ECG paper: large squares 0.2 s by 0.5 mV" if self.is_paper else plain


def drawn(name: str, clean: Array, modified: Array, heat: Array | None, heat_of: str, strip: Strip) -> Picture:
    """The channel with the largest change.

    Args:
        name: of the drawing within the page.
        clean, modified: (c, time) in the sample's own unit.
        heat: (time,) on -1..1, or None.
        heat_of: what it is made of.
        strip: of the victim.
    """
    change = np.asarray(modified, np.float64) - clean
    most = int(np.argmax(np.sum(change**2, axis=1)))
    which = f", channel {most + 1} of {len(change)}" if len(change) > 1 else ""
    before, after = np.asarray(clean[most], np.float64), np.asarray(modified[most], np.float64)
    change = after - before
    room = max(float(np.ptp(np.concatenate([before, after]))), 1e-12)
    factor = factor_of(float(np.abs(change).max()), 0.5 * room)

    low, high = _room(np.concatenate([before, after]), strip)
    alone = _room(np.array([-room, room]) / 2, strip)

    def over(axes: Axes) -> None:
        _line(axes, before, strip, INK, 2.4, 0.3)
        _line(axes, after, strip, RED, 0.9)

    rows = [
        _Row("original", low, high, lambda axes: _line(axes, before, strip, INK, 0.9)),
        _Row("distortion × 1", *alone, lambda axes: _line(axes, change, strip, RED, 0.9)),
        _Row(f"distortion × {factor:g}", *alone, lambda axes: _line(axes, factor * change, strip, RED, 0.9)),
        _Row("modified, over original", low, high, over),
    ]
    said = "; ".join(row.title for row in rows) + ("; heat map" if heat is not None else "")
    title = f"original, distortion × 1 and × {factor:g}, modified over original{which}; {strip.said}"
    title += f". Heat map: {heat_of}" if heat is not None else ""
    alt = (
        f"Line plots over one time axis{which}: {said}. The distortion is at most {np.abs(change).max():.3g}"
        f"{' ' + strip.unit if strip.is_paper else ''}."
    )
    return Picture(title, alt, svg=_drawing(name, rows, heat, strip))


def mapped(name: str, sample: Array, heat: Array, mask: np.ndarray, strip: Strip) -> Picture:
    """A signal with its explanation: what is in the mask in colour, and the map below.

    Args:
        name: of the drawing within the page.
        sample: (c, time).
        heat: (time,) on -1..1.
        mask: (time,) bool.
        strip: of the victim.
    """

    def row(values: Array) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            _line(axes, np.asarray(values, np.float64), strip, INK, 0.9)
            inside = np.where(mask, values, np.nan).astype(np.float64)
            _line(axes, inside, strip, RED, 1.6)

        return draw

    rows = [
        _Row(f"channel {number}" if len(sample) > 1 else "sample", *_room(one, strip), row(one))
        for number, one in enumerate(sample, 1)
    ]
    alt = f"The signal with the mask's {mask.mean():.0%} in red, and the map below it, red for and blue against."
    title = f"sample with the mask in red, and the map; {strip.said}"
    return Picture(title, alt, svg=_drawing(name, rows, heat, strip))


def stacked(name: str, samples: Mapping[str, Array], strip: Strip) -> Picture:
    """The first channel of several signals (c, time) over one time axis; what each is stands below, in order.

    Args:
        name: of the drawing within the page.
        samples: by what is said of them.
        strip: of the victim.
    """

    def row(values: Array) -> Callable[[Axes], None]:
        return lambda axes: _line(axes, np.asarray(values, np.float64), strip, INK, 0.9)

    room = _room(np.concatenate([one[0] for one in samples.values()]), strip)
    rows = [_Row(f"row {number}", *room, row(one[0])) for number, one in enumerate(samples.values(), 1)]
    said = "; ".join(f"row {number}: {what}" for number, what in enumerate(samples, 1))
    alt = f"Line plots over one time axis. {said}."
    return Picture(f"{said}; {strip.said}", alt, svg=_drawing(name, rows, None, strip))


@dataclass(frozen=True)
class _Row:
    """One plot of several above each other."""

    title: str
    low: float
    high: float
    paint: Callable[[Axes], None]


def _room(values: Floats, strip: Strip) -> tuple[float, float]:
    """From where to where a plot of the values goes: whole large squares on ECG paper."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.06 * max(high - low, 1e-12)
    if strip.is_paper:
        return LARGE[1] * math.floor((low - margin) / LARGE[1]), LARGE[1] * math.ceil((high + margin) / LARGE[1])
    return low - margin, high + margin


def _drawing(name: str, rows: Sequence[_Row], heat: Array | None, strip: Strip) -> str:
    """Rows above each other, all on one scale where they share a unit, so that a distortion has its true size."""
    seconds = _length(rows, strip)
    highs = [_row_height(row, seconds, strip) for row in rows]
    total = sum(highs) + len(rows) * TITLE + (MAP + TITLE if heat is not None else 0) + BELOW

    def draw(figure: Figure) -> None:
        top = total
        above: Axes | None = None
        for row, high in zip(rows, highs, strict=True):
            top -= TITLE + high
            axes = figure.add_axes((LEFT, top / total, ACROSS, high / total), sharex=above)
            row.paint(axes)
            axes.set_title(row.title, loc="left", fontsize=9, color=INK, pad=3)
            axes.set_ylim(row.low, row.high)
            _papered(axes, strip)
            axes.tick_params(labelbottom=False)
            above = axes
        if heat is not None:
            top -= TITLE + MAP
            axes = figure.add_axes((LEFT, top / total, ACROSS, MAP / total), sharex=above)
            _heat(axes, np.asarray(heat, np.float64), strip)
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("s" if strip.rate_hz else "place in the signal (values)", fontsize=9)

    return svg_of(name, (WIDE, total), draw)


def _length(rows: Sequence[_Row], strip: Strip) -> float:
    """Of the time axis."""
    axes = Figure().add_subplot()
    rows[0].paint(axes)
    begin, end = axes.dataLim.intervalx
    return float(end - begin)


def _row_height(row: _Row, seconds: float, strip: Strip) -> float:
    """Inches: on ECG paper such that its squares are square, as far as that is neither flat nor endless."""
    if not strip.is_paper or seconds <= 0:
        return PLAIN
    square = WIDE * ACROSS * LARGE[0] / seconds
    return min(max(square * (row.high - row.low) / LARGE[1], LEAST), MOST)


def _heat(axes: Axes, heat: Floats, strip: Strip) -> None:
    # a map is smooth or flat in stretches: so many places show all of it
    at = np.unique(np.linspace(0, len(heat) - 1, min(PLACES, len(heat))).round().astype(int))
    times, shown = at / (strip.rate_hz or 1), heat[at]
    axes.fill_between(times, 0, np.maximum(shown, 0), color=RED, linewidth=0)
    axes.fill_between(times, np.minimum(shown, 0), 0, color=BLUE, linewidth=0)
    axes.set_title("heat map", loc="left", fontsize=9, color=INK, pad=3)
    axes.margins(x=0)
    axes.set_ylim(min(-0.05, 1.1 * float(heat.min())), 1.05)
    dressed(axes)
    axes.set_yticks([0, 1])


def _line(axes: Axes, values: Floats, strip: Strip, colour: str, width: float, alpha: float = 1.0) -> None:
    times, low, high = _envelope(values, strip)
    if len(times) == len(values):
        axes.plot(times, values, color=colour, linewidth=width, alpha=alpha)
        return
    both = np.stack([low, high], axis=1)
    both[1::2] = both[1::2, ::-1]
    axes.plot(np.repeat(times, 2), both.ravel(), color=colour, linewidth=width, alpha=alpha)


def _envelope(values: Floats, strip: Strip) -> tuple[Floats, Floats, Floats]:
    """Times, and the least and the greatest value of as many stretches as can be told apart."""
    times = np.arange(len(values)) / (strip.rate_hz or 1)
    if len(values) <= 2 * BUCKETS:
        return times, values, values
    starts = np.linspace(0, len(values), BUCKETS, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return times[starts], low, high


def _papered(axes: Axes, strip: Strip) -> None:
    dressed(axes)
    axes.margins(x=0)
    if not strip.is_paper:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_locator(MaxNLocator(10))
        return
    axes.grid(visible=False)
    (begin, end), (low, high) = axes.get_xlim(), axes.get_ylim()
    seconds = end - begin
    if seconds <= FINEST_S:
        _ruled(axes, FINE, "#010242", 0.4)
    _ruled(axes, (LARGE[0] if seconds <= 4 * FINEST_S else 5 * LARGE[0], LARGE[1]), "#010241", 0.7)
    every = next(step for step in (LARGE[0], 1.0, 5.0, 60.0, 600.0, math.inf) if seconds / step <= 16)
    axes.xaxis.set_major_locator(MultipleLocator(every) if math.isfinite(every) else MaxNLocator(10))
    axes.yaxis.set_major_locator(MultipleLocator(LARGE[1] if high - low <= 6 * LARGE[1] else 2 * LARGE[1]))
    axes.set(xlim=(begin, end), ylim=(low, high))


def _ruled(axes: Axes, squares: tuple[float, float], colour: str, width: float) -> None:
    """All lines of one kind as one path, which keeps the page small."""
    (begin, end), (low, high) = axes.get_xlim(), axes.get_ylim()
    across, up = (
        step * np.arange(math.ceil(first / step - 1e-6), math.floor(last / step + 1e-6) + 1)
        for step, first, last in zip(squares, (begin, low), (end, high), strict=True)
    )
    if len(across) + len(up) > LINES:
        return
    x = [part for one in across for part in (one, one, np.nan)] + [begin, end, np.nan] * len(up)
    y = [low, high, np.nan] * len(across) + [part for one in up for part in (one, one, np.nan)]
    axes.plot(x, y, color=colour, linewidth=width, zorder=0.5, scalex=False, scaley=False)
