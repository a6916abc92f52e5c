"""docs/results/explain.md and its figure, written from the rows beside it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.explain.agreement import stability
from brinkmap.metrics import bootstrap_interval

__all__ = ["write"]

Row = dict[str, Any]
INTRO = """# Explanations against known reasons

Made by `python benchmarks/explain.py`; rows are in `explain/`. What is explained is the victim's own answer, where it
is right, and the truth is what made the label: for the embedded sets the mask of what was put into the sample (a
digit's strokes, a beat, a moving digit), and nothing else tells the classes apart. Means over samples and seeds; 95 %
bootstraps over samples. `queries` are what a map cost, the clean look included. Only the positive part of a map
localises.

Dice and IoU (area): the mask has the area of the truth. (Otsu): the map chooses. Pointing: the highest place hits.
Energy: share of the positive map inside. AUC: places inside against outside. Deletion (lower is better): area under the
class's chance as the highest places are replaced by the sample's mean; insertion (higher is better): as they appear in
the blurred sample. Sensitivity: correlation of the map's sum over random cells with the fall of the chance. Stable:
rank correlation of maps of several seeds. Random net: rank correlation with the map of the same network with random
weights (near 0 is right). `posterior` is ours; `trace` is read off an attack's own queries, with none of its own.
"""
COLUMNS = (
    ("dice_area", "Dice (area)"), ("iou_area", "IoU (area)"), ("dice_otsu", "Dice (Otsu)"), ("iou_otsu", "IoU (Otsu)"),
    ("pointing", "pointing"), ("energy", "energy"), ("auc", "AUC"), ("deletion", "deletion"),
    ("insertion", "insertion"), ("sensitivity", "sensitivity"), ("infidelity", "infidelity"),
)  # fmt: skip
ACCESS = {
    "posterior": "asks", "trace": "an attack's queries", "rl-cam": "asks", "rise": "asks", "occlusion": "asks",
    "lime": "asks", "kernel-shap": "asks", "grad-cam": "network", "ablation-cam": "network", "score-cam": "network",
    "integrated-gradients": "network", "smoothgrad": "network", "random": "nothing", "centre": "nothing",
}  # fmt: skip
CURVES = ("posterior", "rise", "lime")
NOTES = "explain-notes.md"


def write(results: Path, maps: Path, cases: Mapping[str, Any]) -> Path:
    """The page and its figure; returns the page's path."""
    parts, drawn = [INTRO], {}
    for name, case in cases.items():
        rows = [json.loads(path.read_text()) for path in sorted((results / name).glob("*-*.json"))]
        if rows:
            drawn[case.title] = rows
            parts.append(f"## {case.title}\n\n{_table(rows, _stable(rows, maps / name, results / name))}")
    if drawn:
        _draw(drawn, results.parent / "explain.png")
        parts.insert(1, "![Quality against queries](explain.png)")
    notes = results.parent / NOTES
    path = results.parent / "explain.md"
    path.write_text("\n\n".join([*parts, *([notes.read_text().rstrip()] if notes.is_file() else [])]) + "\n")
    return path


def _groups(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that differ in nothing but the seed, in the order of `ACCESS`."""
    found: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        found.setdefault((list(ACCESS).index(row["method"]), row["asked"]), []).append(row)
    return [found[key] for key in sorted(found)]


def _table(rows: list[Row], stable: Mapping[str, float]) -> str:
    head = ["method", "access", "queries", "samples", "seeds", *(title for _, title in COLUMNS), "stable", "random net",
            "no map", "CPU s a sample"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for group in _groups(rows):
        first = group[0]
        found = np.mean([row["found"] for row in group])
        seconds = np.mean([row["cpu_seconds"] / row["samples"] for row in group])
        sanity = [value for row in group for value in row["scores"].get("randomised", ())]
        cells = [
            first["method"], ACCESS[first["method"]], f"{np.mean([row['queries'] for row in group]):.0f}",
            str(first["samples"]), str(len(group)), *(_score(group, key) for key, _ in COLUMNS),
            f"{stable[_key(first)]:.2f}" if _key(first) in stable else "",
            f"{np.nanmean(sanity):.2f}" if sanity else "", f"{1 - found:.0%}", f"{seconds:.2f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _score(group: list[Row], key: str) -> str:
    values = np.mean([row["scores"][key] for row in group], axis=0)
    low, high = bootstrap_interval(values, seed=0)
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def _stable(rows: list[Row], maps: Path, results: Path) -> dict[str, float]:
    """Rank correlation between seeds of each method and number of queries, over the seeds whose maps are at hand.

    Maps are large and stay under build/; what they say is kept beside the rows.
    """
    path = results / "stability.json"
    found: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    for group in _groups(rows):
        paths = [maps / f"{_key(row)}-{row['seed']}.npz" for row in group]
        there = [np.load(one)["maps"].astype(float) for one in paths if one.is_file()]
        if len(there) > 1:
            found[_key(group[0])] = round(float(stability(np.stack(there)).correlation.mean()), 3)
    if found:
        path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return found


def _key(row: Row) -> str:
    return f"{row['method']}-{row['asked']}"


def _draw(cases: dict[str, list[Row]], path: Path) -> None:
    """Dice and deletion against queries, a column a case; methods that need no query are lines across."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(cases), figsize=(4.2 * len(cases), 6), squeeze=False, layout="constrained")
    for column, (title, rows) in enumerate(cases.items()):
        for row, (key, said) in enumerate((("dice_area", "Dice (area)"), ("deletion", "deletion, lower is better"))):
            own = axes[row, column]
            for group in _groups(rows):
                method, queries = group[0]["method"], np.mean([one["queries"] for one in group])
                if method not in CURVES:
                    value, network = np.mean([one["scores"][key] for one in group]), ACCESS[method] == "network"
                    if network or method in ("random", "trace"):
                        own.axhline(value, color="#777777" if network else "#c9a227", linewidth=0.7, alpha=0.7)
                        own.text(9000, value, method, fontsize=6, va="bottom", ha="right")
                    else:
                        own.plot(queries, value, ".", color="#777777")
                        own.annotate(method, (queries, value), fontsize=6)
            for method, colour in zip(CURVES, ("#c0392b", "#20639b", "#3caea3"), strict=True):
                points = sorted(
                    (np.mean([one["queries"] for one in group]), np.mean([one["scores"][key] for one in group]))
                    for group in _groups(rows) if group[0]["method"] == method
                )  # fmt: skip
                queries, values = np.array(points).reshape(-1, 2).T
                own.plot(queries, values, "o-", color=colour, label=method, markersize=4)
            own.set(xscale="log", xlabel="queries a map", ylabel=said, xlim=(20, 10000))
            own.grid(alpha=0.3)
        axes[0, column].set_title(title, fontsize=9)
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
