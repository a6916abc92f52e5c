"""docs/results/agent.md, written from the figures in agent.json and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import agent_figure
from brinkmap.compare.page import table
from brinkmap.metrics import bootstrap_interval
from intervals import interval_text

__all__ = ["summary", "write_page"]

Row = dict[str, Any]
EARLY = (2, 3, 5, 10, 20, 50)

INTRO = """# The learned agent beside its controls

Made by `python benchmarks/agent.py` from the figures in `agent.json`; agents by `python scripts/train_agents.py`.

CIFAR-10, the 460 lossless test images, the first {samples} that the victim gets right (ablations: 100). Agents were
trained on the 10,000 JPEG training images with flips and shifts. Untargeted. The clean look counts as query 1,
failures count at the full budget. Distances are on pixels scaled to 0..1. Intervals are 95 % bootstraps over samples,
seeds averaged first; `seeds` of trained agents are training seeds. Differences are paired over samples.

![Left, the share of images that flipped against queries, an agent a line; right, mean queries against those of
training](agent.png)
"""
TITLES = {
    "headline": (
        "ResNet-20, one value a cell (`tint`, patch 1) under a bound",
        "Unnatural, norm-matched: to meet Square on its own ground. Transfer and P-RGF are given a network of ours as "
        "surrogate, with the same access to data and answers as the agent has.",
    ),
    "patches": ("The same with patches of 2 x 2 and 4 x 4", "Square has no such restriction."),
    "victims": ("Other victims", "ResNet-56 was never asked in training; the last two were trained adversarially."),
    "natural": (
        "Natural filters, 4 x 4 patches, no bound",
        "60 queries to flip, then 40 to refine. L2 at the first flip, and after refining.",
    ),
    "changes": ("How many cells change in one step", "`tint`, 4 x 4, L2 <= 2, budget 200, 100 samples."),
    "dual": ("Adding only, the dual action, refining", "100 samples; the natural filters have 60 queries to flip."),
    "patch size": ("Patch size", "100 samples. Training had 1, 2 and 4."),
    "parts": ("What each part is worth", "`tint`, patch 1, L2 <= 0.5, budget 200, 100 samples."),
    "thousand": ("Budget 1000", "`tint`, patch 1."),
}
HEADS = (
    "agent", "victim", "L2 <=", "patch", "training queries", "seeds", "capped mean queries (95 %)", "by seed", "ASR",
    "within 2 / 3 / 5 / 10 / 20 / 50", "fewer than Square's (95 %)", "L2 at flip", "L2 at the end", "ms a query",
    "CPU s / peak MiB",
)  # fmt: skip
NOTES = Path(__file__).resolve().parents[1] / "docs" / "results" / "agent-notes.md"


def write_page(known: dict[str, Row], costs: dict[str, Row], path: Path) -> None:
    """The page: all tables of which something is known, the break-even, what trainings took, and what people wrote.

    Args:
        known: rows by key.
        costs: of trainings, by folder.
        path: of the page.
    """
    rows = [summary(row) for row in known.values()]
    parts = [INTRO.format(samples=200)]
    agent_figure.draw(rows, path.with_suffix(".png"))
    for name, (title, what) in TITLES.items():
        of = [row for row in rows if row["table"] == name]
        if of:
            parts.append(f"## {title}\n\n{what}\n\n{_table(of)}")
    parts.append(_break_even(rows))
    if costs:
        parts.append(_costs(costs))
    if NOTES.is_file():
        parts.append(NOTES.read_text())
    path.write_text("\n".join(part.rstrip() + "\n" for part in parts))


def summary(row: Row) -> Row:
    """A row of several runs as the page shows it: over samples, seeds averaged first."""
    runs = [row["runs"][seed] for seed in sorted(row["runs"], key=int)]
    to_flip = np.array([[count or np.inf for count in run["to_flip"]] for run in runs])
    capped = np.minimum(to_flip, row["settings"]["budget"])
    by_sample, queries = capped.mean(axis=0), sum(run["queries"] for run in runs)
    return {name: row[name] for name in ("table", "title", "victim", "settings", "training", "samples")} | {
        "seeds": len(runs),
        "to_flip": to_flip,
        "asr": float(np.isfinite(to_flip).mean()),
        "asr_by_seed": [round(float(one), 3) for one in np.isfinite(to_flip).mean(axis=1)],
        "asr_at": {str(count): round(float((to_flip <= count).mean()), 3) for count in EARLY},
        "queries_capped_mean": round(float(by_sample.mean()), 1),
        "by_seed": [round(float(one), 1) for one in capped.mean(axis=1)],
        "interval": [round(one, 1) for one in bootstrap_interval(by_sample, seed=0)],
        "capped_by_sample": by_sample,
        "l2_mean": _mean([one for run in runs for one in run["l2"]]),
        "l2_at_flip_mean": _mean([one for run in runs for one in run["l2_at_flip"]]),
        "milliseconds_a_query": round(1000 * sum(run["seconds"] for run in runs) / queries, 1),
        "cpu_seconds": round(sum(run["cpu_seconds"] for run in runs) / len(runs), 1),
        "peak_mib": max(run["peak_mib"] for run in runs),
    }


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _table(rows: list[Row]) -> str:
    lines = []
    for row in sorted(rows, key=_order):
        square, settings = _square(rows, row), row["settings"]
        low, high = row["interval"]
        lines.append([
            row["title"],
            row["victim"],
            settings.get("max_l2", "none"),
            settings.get("patch", "-"),
            f"{row['training']:,d}",
            row["seeds"],
            f"{row['queries_capped_mean']} ({low} to {high})",
            " ".join(map(str, row["by_seed"])) if row["seeds"] > 1 else "",
            f"{row['asr']:.3f}",
            " ".join(f"{share:.3f}".lstrip("0") for share in row["asr_at"].values()),
            "" if square is None or square is row else _difference(square, row),
            _number(row["l2_at_flip_mean"]),
            _number(row["l2_mean"]),
            row["milliseconds_a_query"],
            f"{row['cpu_seconds']:.0f} / {row['peak_mib']:,d}",
        ])  # fmt: skip
    return table(HEADS, lines)


def _order(row: Row) -> tuple[str, float, float, list[str | int]]:
    settings = row["settings"]
    parts = re.split(r"(\d[\d,]*)", row["title"])  # every other one is a number, so that 4 comes before 16
    title = [int(part.replace(",", "")) if place % 2 else part for place, part in enumerate(parts)]
    return row["victim"], settings.get("max_l2") or 0.0, settings.get("patch") or 0, title


def _square(rows: Iterable[Row], row: Row) -> Row | None:
    """Square on the same victim, under the same bound and budget."""
    same = [
        one for one in rows
        if one["title"] == "square" and one["table"] == row["table"] and one["victim"] == row["victim"]
        and all(one["settings"].get(name) == row["settings"].get(name) for name in ("max_l2", "budget"))
    ]  # fmt: skip
    return same[0] if same else None


def _difference(square: Row, row: Row) -> str:
    return interval_text(square["capped_by_sample"] - row["capped_by_sample"], 1)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _break_even(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        square = _square(rows, row)
        if not row["training"] or square is None or "transfer" in row["title"]:
            continue
        saved = square["queries_capped_mean"] - row["queries_capped_mean"]
        if saved > 0:
            settings, samples = row["settings"], row["training"] / saved
            lines.append([
                row["title"], row["victim"], settings.get("max_l2"), settings.get("budget"), f"{row['training']:,d}",
                f"{saved:.1f}", f"{samples:,.0f}",
            ])  # fmt: skip
    head = ("agent", "victim", "L2 <=", "budget", "training queries", "queries saved a sample", "samples")
    return "## Break-even\n\nAudited samples after which the training queries are repaid against Square.\n\n" + table(
        head, lines
    )


def _costs(costs: dict[str, Row]) -> str:
    head = ("training", "queries", "CPU s", "wall s", "threads", "peak MiB")
    lines = [
        [name, f"{of['queries']:,d}", f"{of['cpu_seconds']:,.0f}", f"{of['wall_seconds']:,.0f}", of["threads"],
         f"{of['peak_mib']:,d}"]
        for name, of in sorted(costs.items())
    ]  # fmt: skip
    return (
        "## What training takes\n\nFolders of `build/agents`: s is the seed, q the queries; `labels`: fitted to true "
        "labels first; `ppo4at2.0`: PPO on 4 x 4 patches under L2 2.0, `add`: it only adds.\n\n" + table(head, lines)
    )
