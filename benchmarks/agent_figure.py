"""The figure of docs/results/agent.md: how soon answers flip, and what training queries buy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent_cases import BEST, FRUGAL

__all__ = ["draw"]

BOUND = 1.0
LINES = (
    ("planning in the victim itself (white box)", "white box", "#999999"),
    (f"trained, {BEST:,d} answers", f"trained, {BEST:,d} queries", "#c0392b"),
    (f"trained, labels then {FRUGAL:,d} answers", f"labels, then {FRUGAL:,d} queries", "#e67e22"),
    ("labels only, uncorrected", "labels alone, uncorrected", "#a67c00"),
    ("learning, no training", "learning, no training", "#3caea3"),
    ("square", "Square", "#20639b"),
    ("uniform random", "uniform random", "#555555"),
)
"""Titles of rows, what the figure calls them, and their colours."""
TRAINED = "trained, "
COLOUR, LABELS_COLOUR = (colour for title, _, colour in LINES if title.startswith(TRAINED))
CONTROLS = LINES[-3:]
"""Levels in the right panel."""


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Rows of the headline table, as `summary` gives them, into a PNG; those that are not there yet are left out."""
    import matplotlib.pyplot as plt

    of = {row["title"]: row for row in rows if row["table"] == "headline" and row["settings"].get("max_l2") == BOUND}
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    for title, name, colour in LINES:
        if title in of:
            left.plot(*_flipped(of[title]), color=colour, label=name, drawstyle="steps-post")
    left.set(
        xscale="log", ylim=(0, 1.02), xlabel="queries, the clean look included",
        ylabel="share of the images that flipped", title=f"ResNet-20, single values, L2 <= {BOUND:g}",
    )  # fmt: skip
    left.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    _ticks(left, (1, 2, 5, 10, 20, 50, 100, 200))
    _curve(right, of)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _flipped(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Queries, and the share of (sample, seed) pairs that flipped within so many."""
    counts = np.arange(1, row["settings"]["budget"] + 1)
    return counts, (row["to_flip"][..., None] <= counts).mean(axis=(0, 1))


def _curve(axis: Any, of: dict[str, dict[str, Any]]) -> None:
    """Mean queries against what training cost, a dot a seed."""
    answers = [row for title, row in of.items() if title.startswith(TRAINED) and title.endswith("answers")]
    plain = sorted((row for row in answers if "labels" not in row["title"]), key=lambda row: row["training"])
    axis.plot([row["training"] for row in plain], [row["queries_capped_mean"] for row in plain], "-", color=COLOUR)
    for row in answers:
        first = "labels" in row["title"]
        colour = LABELS_COLOUR if first else COLOUR
        axis.plot([row["training"]] * row["seeds"], row["by_seed"], "o", color=colour, markersize=4)
        if first:
            at = (row["training"], row["queries_capped_mean"])
            axis.annotate("labels first", at, (8, 0), textcoords="offset points", fontsize=8, va="center")
    for title, name, colour in CONTROLS:
        if title in of:
            axis.axhline(of[title]["queries_capped_mean"], color=colour, linewidth=1)
            axis.text(1.01, of[title]["queries_capped_mean"], name, color=colour, fontsize=8, va="center",
                      transform=axis.get_yaxis_transform())  # fmt: skip
    axis.set(
        xscale="log", xlim=(15_000, 700_000), xlabel="queries that training cost", title="What training queries buy",
        ylabel="mean queries a sample, failures at 200",
    )  # fmt: skip
    axis.set_ylim(bottom=0)
    _ticks(axis, (20_000, 60_000, 180_000, 500_000))


def _ticks(axis: Any, at: Sequence[int]) -> None:
    """These along a logarithmic axis, as people write them."""
    axis.set_xticks(at, [f"{one:,d}" for one in at])
    axis.minorticks_off()
