"""Curves of a comparison: success rate and distance against queries, one column of panels for each victim."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from brinkmap.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["distance_curve", "draw_curves", "success_curve"]

PANEL = (3.9, 2.9)
"""Inches of one panel."""
ACROSS = 4
"""Victims side by side; more begin another pair of rows."""
COLOURS = ("#0b62a4", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#00798c", "#8d5524", "#5a5a5a", "#c71585", "#556b2f")
DASHES = ("-", "--", "-.", ":")
"""Lines differ in dash too, once colours repeat and for those who do not tell them apart."""


def success_curve(capped: Floats, success: np.ndarray, marks: Floats) -> Floats:
    """(k,) the share of samples flipped within each of these numbers of queries.

    Args:
        capped: (n,) queries to the flip.
        success: (n,) bool.
        marks: (k,) queries.
    """
    to_flip = np.sort(np.where(success, capped, np.inf))
    return np.searchsorted(to_flip, marks, side="right") / max(len(to_flip), 1)


def distance_curve(paths: list[list[list[float]]], marks: Floats) -> Floats:
    """(k,) the median distance of the nearest flip found by each number of queries; infinite until half have one.

    Args:
        paths: for each sample (query, L2) of its first flip and of each nearer one.
        marks: (k,) queries.
    """
    reached = np.full((len(paths), len(marks)), np.inf)
    for row, path in zip(reached, paths, strict=True):
        for query, l2 in path:  # each is nearer than those before
            row[marks >= query] = l2
    return np.asarray(np.quantile(reached, 0.5, axis=0, method="higher"))


def draw_curves(samples: pd.DataFrame, budget: int, title: str, path: Path) -> list[Path]:
    """Both curves of one track under one bound, as PNG and SVG.

    Args:
        samples: of `samples_of`, the rows of this track and bound.
        budget: the most queries an attack might spend on a sample, refining included.
        title: above the panels.
        path: of the files, without a suffix.
    """
    victims = list(dict.fromkeys(samples["victim"]))
    attacks = list(dict.fromkeys(samples["attack"]))
    across, pairs = min(ACROSS, len(victims)), math.ceil(len(victims) / ACROSS)
    size = (PANEL[0] * across + 1.9, PANEL[1] * 2 * pairs)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(2 * pairs, across, squeeze=False)
    marks = np.unique(np.rint(np.geomspace(1, max(budget, 2), 300)))
    for place, victim in enumerate(victims):
        pair, column = divmod(place, ACROSS)
        here = samples[samples["victim"] == victim]
        _draw_pair(panels[2 * pair, column], panels[2 * pair + 1, column], here, attacks, marks, victim)
    for place in range(len(victims), pairs * across):
        pair, column = divmod(place, ACROSS)
        panels[2 * pair, column].set_visible(False)
        panels[2 * pair + 1, column].set_visible(False)
    figure.suptitle(title, fontsize=11)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    written = [path.with_name(f"{path.name}.{kind}") for kind in ("png", "svg")]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name}):
        for file in written:
            figure.savefig(file, dpi=130, metadata={"Date": None} if file.suffix == ".svg" else None)
    return written


def _draw_pair(above: Axes, below: Axes, here: pd.DataFrame, attacks: list[str], marks: Floats, victim: str) -> None:
    for number, attack in enumerate(attacks):
        rows = here[here["attack"] == attack]
        style: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": DASHES[number // len(COLOURS) % len(DASHES)] if number >= len(COLOURS) else DASHES[number % 2],
            "linewidth": 1.8,
            "label": attack,
        }
        if not len(rows):
            above.plot([], [], **style)
            continue
        rates = success_curve(rows["capped"].to_numpy(float), rows["success"].to_numpy(bool), marks)
        above.step(marks, rates, where="post", **style)
        distances = distance_curve([list(path) for path in rows["distances"]], marks)
        below.step(marks, np.where(np.isfinite(distances), distances, np.nan), where="post", **style)
    above.set(title=victim, ylabel="flipped", ylim=(0, 1.02))
    above.yaxis.set_major_formatter(PercentFormatter(1))
    below.set(ylabel="L2 of the nearest flip, median", xlabel="queries a sample, the clean look included")
    if not any(np.isfinite(line.get_ydata()).any() for line in below.get_lines()):
        said = "no attack flipped half of the samples"
        below.text(0.5, 0.5, said, transform=below.transAxes, ha="center", va="center", fontsize=9, color="#5a5a5a")
        below.set_yticks([])
    below.set_ylim(bottom=0)
    for axes in (above, below):
        axes.set_xscale("log")
        axes.set_xlim(1, marks[-1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(alpha=0.2, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.title.set_fontsize(10)
        axes.yaxis.label.set_fontsize(8)
        axes.xaxis.label.set_fontsize(8)
