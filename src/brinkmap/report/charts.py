"""The curves of a report, as SVG that takes its colours from the page and so reads in light and dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from brinkmap.arrays import Floats
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Chart", "l2_histogram", "queries_curve", "robustness_curve"]

INK = "#010203"
"""Stands for the text colour until the page is known; so do the lines for the page's series colours."""
LINES = {"#010211": "var(--series-1)", "#010212": "var(--series-2)", "#010213": "var(--series-3)"}
DASHES = ("-", "--", ":", "-.")
"""Lines differ in dash as well as in colour."""
INCHES = (4.0, 2.7)
IDS = r'(id="|url\(#|href="#)'
"""Where an SVG names or refers to one of its parts."""


@dataclass(frozen=True)
class Chart:
    """One figure of the page."""

    title: str
    alt: str
    """What is to be seen, in words and with its main figures."""
    svg: str


def robustness_curve(table: pd.DataFrame) -> Chart | None:
    """Share of the clean-correct samples not flipped at an L2 up to x; None where nothing was attacked.

    Under several bounds, a sample is flipped at the least L2 of any of them.

    Args:
        table: one row a result.
    """
    attacked = attacked_rows(table)
    if attacked.empty:
        return None
    flips = attacked["l2"].astype(float).where(attacked["success"].astype(bool), math.inf)
    least = np.sort(flips.groupby(attacked["index"]).min().to_numpy())
    found = least[np.isfinite(least)]
    bound = l2_bounds(table)[-1]
    end = bound if bound is not None else 1.05 * found[-1] if len(found) else 1.0
    held = 1 - np.arange(len(found) + 1) / len(least)
    halfway = f"; half of them had flipped by {least[(len(least) - 1) // 2]:.3g}" if held[-1] <= 0.5 else ""
    alt = (
        f"Share of the attacked samples not flipped against L2: of {len(least)}, {held[-1]:.0%} held to {end:.3g}"
        f"{halfway}."
    )

    def draw(axes: Axes) -> None:
        _steps(axes, found, held, end, "-", 0)
        axes.set(xlabel="L2, on samples scaled to 0..1", ylabel="not flipped", xlim=(0, end), ylim=(0, 1.03))
        axes.yaxis.set_major_formatter(PercentFormatter(1))

    return Chart("Robustness curve", alt, _svg("robustness", draw))


def queries_curve(table: pd.DataFrame, budget: int) -> Chart | None:
    """Share of the attacked samples flipped within so many queries, a line for each bound; None without any.

    Args:
        table: one row a result.
        budget: queries a sample might cost until it flipped.
    """
    lines = []
    for bound in l2_bounds(table):
        attacked = attacked_rows(rows_under(table, bound))
        if len(attacked):
            flipped = attacked["success"].astype(bool)
            queries = np.sort(attacked.loc[flipped, "queries_to_flip"].to_numpy(float))
            lines.append((_bound_name(bound), queries, np.arange(len(queries) + 1) / len(attacked)))
    if not lines:
        return None
    ends = "; ".join(f"{name}: {rates[-1]:.0%}" for name, _, rates in lines)
    alt = f"Attack success rate against queries, up to the budget of {budget}. At the budget, {ends}."

    def draw(axes: Axes) -> None:
        for place, (name, queries, rates) in enumerate(lines):
            _steps(axes, queries, rates, budget, name, place)
        axes.set(xlabel="queries spent on a sample", ylabel="flipped", xlim=(0, budget), ylim=(0, 1.03))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        if len(lines) > 1:
            axes.legend(fontsize=8, frameon=False, labelcolor=INK)

    return Chart("Attack success rate against queries", alt, _svg("queries", draw))


def l2_histogram(table: pd.DataFrame) -> Chart | None:
    """How the L2 at flip is spread, under the largest bound; None where nothing flipped.

    Args:
        table: one row a result.
    """
    attacked = attacked_rows(rows_under(table, l2_bounds(table)[-1]))
    distances = attacked.loc[attacked["success"].astype(bool), "l2"].to_numpy(float)
    if not len(distances):
        return None
    bins = min(20, max(4, math.ceil(2 * len(distances) ** (1 / 3))))
    alt = (
        f"Histogram of the L2 at flip of {len(distances)} samples: least {distances.min():.3g}, "
        f"median {np.median(distances):.3g}, most {distances.max():.3g}."
    )

    def draw(axes: Axes) -> None:
        axes.hist(distances, bins=bins, range=(0, distances.max() or 1), color=next(iter(LINES)), rwidth=0.92)
        axes.set(xlabel="L2 at flip, on samples scaled to 0..1", ylabel="samples")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))

    return Chart("L2 at flip", alt, _svg("distances", draw))


def _bound_name(bound: float | None) -> str:
    return "no L2 bound" if bound is None else f"L2 ≤ {bound:g}"


def _steps(axes: Axes, places: Floats, heights: Floats, end: float, label: str, number: int) -> None:
    """A line that starts at 0 and takes its next height at each place."""
    colour = list(LINES)[number % len(LINES)]
    x, y = np.concatenate([[0], places, [end]]), np.append(heights, heights[-1])
    axes.step(x, y, where="post", color=colour, linestyle=DASHES[number % len(DASHES)], linewidth=2, label=label)


def _svg(name: str, draw: Callable[[Axes], None]) -> str:
    """One chart as an SVG element whose ids begin with its name, so that several can stand in one page."""
    # The SVG back end takes its fonts and ids from the settings alone; they are put back at once.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=INCHES)
        axes = figure.add_axes((0.165, 0.165, 0.785, 0.82))
        draw(axes)
        _dress(axes)
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = re.sub(r"<metadata>.*?</metadata>", "", file.getvalue(), flags=re.DOTALL)
    head, body = svg[svg.index("<svg") :].split(">", 1)
    head = re.sub(r' (xmlns(:xlink)?|width|height|version)="[^"]*"', "", head)
    svg = f"{head}>" + re.sub(IDS, rf"\g<1>{name}-", body)
    for stand_in, colour in {INK: "currentColor", **LINES}.items():
        svg = svg.replace(stand_in, colour)
    return svg


def _dress(axes: Axes) -> None:
    """Text and frame in the page's colour, and no background."""
    axes.figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color=INK, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
