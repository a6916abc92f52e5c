"""The figure of docs/results/explain.md: quality against queries, a panel a case and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["draw"]

Group = list[dict[str, Any]]
"""Rows of one method and number of queries, a seed each."""
SCORES = (("dice_area", "Dice (area)"), ("deletion", "deletion, lower is better"))
COLOURS = {"posterior": "#c0392b", "rise": "#20639b", "lime": "#3caea3"}
"""Methods with a line over their numbers of queries."""
CONTROLS = ("random", "centre", "trace")
ACROSS, GAP = 4, 0.055
"""Panels in a row, and the least distance of two labels as a share of a panel's height."""


def draw(cases: Mapping[str, Sequence[Group]], access: Mapping[str, str], path: Path) -> None:
    """Methods that ask are points or lines; those that read the network, and the controls, are marks at the right."""
    import matplotlib.pyplot as plt

    rows = -(-len(cases) // ACROSS) * len(SCORES)
    figure, axes = plt.subplots(rows, ACROSS, figsize=(4.4 * ACROSS, 3 * rows), squeeze=False, layout="constrained")
    for one in axes.flat:
        one.set_visible(False)
    for place, (title, groups) in enumerate(cases.items()):
        for below, (key, said) in enumerate(SCORES):
            own = axes[place // ACROSS * len(SCORES) + below, place % ACROSS]
            own.set_visible(True)
            _panel(own, groups, access, key)
            own.set(xscale="log", xlabel="queries a map", ylabel=said, xlim=(6, 10000))
            own.grid(alpha=0.3)
            if not below:
                own.set_title(title.partition(":")[0], fontsize=10, loc="left")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(own: Any, groups: Sequence[Group], access: Mapping[str, str], key: str) -> None:
    aside: dict[str, float] = {}
    lines: dict[str, list[tuple[float, float]]] = {method: [] for method in COLOURS}
    for group in groups:
        method, queries = group[0]["method"], float(np.mean([np.mean(one["queries"]) for one in group]))
        value = float(np.mean([np.mean(one["scores"][key]) for one in group]))
        if access[method] == "network" or method in CONTROLS:
            aside[method] = value
        elif method in lines:
            lines[method].append((queries, value))
        else:
            own.plot(queries, value, ".", color="#444444")
            own.annotate(method, (queries, value), (0, -9), textcoords="offset points", fontsize=6.5, ha="center")
    for method, points in lines.items():
        if points:
            own.plot(*zip(*sorted(points), strict=True), "o-", color=COLOURS[method], label=method, markersize=4)
    _beside(own, aside, access)


def _beside(own: Any, aside: Mapping[str, float], access: Mapping[str, str]) -> None:
    """Names at the right of the panel, moved apart where two would lie on each other."""
    low, high = own.get_ylim()
    if aside:
        spare = 0.03 * (high - low)
        low, high = (
            min(low, *(one - spare for one in aside.values())),
            max(high, *(one + spare for one in aside.values())),
        )
        own.set_ylim(low, high)
    lowest = -np.inf
    for method, value in sorted(aside.items(), key=lambda one: one[1]):
        colour = "#555555" if access[method] == "network" else "#a67c00"
        own.axhline(value, color=colour, linewidth=0.7, alpha=0.6)
        lowest = max((value - low) / (high - low), lowest + GAP)
        own.text(1.01, lowest, method, transform=own.transAxes, color=colour, fontsize=6.5, va="center")
