"""docs/results/explain.md and its figure, written from the rows beside it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table
from brinkmap.explain.agreement import stability
from brinkmap.metrics import bootstrap_interval
from explain_figure import draw
from intervals import interval_text

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
PAIRED = (
    ("rise", 300), ("rise", 2000), ("occlusion", 300), ("lime", 300), ("kernel-shap", 300), ("rl-cam", 300),
    ("grad-cam", 0), ("ablation-cam", 0), ("score-cam", 0), ("centre", 0),
)  # fmt: skip
"""What ours is set against, sample by sample."""
OURS = ("posterior", 300)
DIFFERENCES = ("dice_area", "iou_area", "dice_otsu", "iou_otsu", "deletion", "insertion")
NOTES = "explain-notes.md"


def write(results: Path, maps: Path, cases: Mapping[str, Any]) -> Path:
    """The page and its figure; returns the page's path."""
    parts, drawn = [INTRO], dict[str, list[list[Row]]]()
    for name, case in cases.items():
        rows = [json.loads(path.read_text()) for path in sorted((results / name).glob("*-*.json"))]
        if rows:
            drawn[case.title] = _groups(rows)
            parts.append(f"## {case.title}\n\n{_table(rows, _stable(rows, maps / name, results / name))}")
    if drawn:
        draw(drawn, ACCESS, results.parent / "explain.png")
        parts.insert(1, "![Quality against queries](explain.png)")
        parts.append(_paired(drawn))
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
    lines = []
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
        lines.append(cells)
    return table(head, lines).rstrip()


def _score(group: list[Row], key: str) -> str:
    return interval_text(np.mean([row["scores"][key] for row in group], axis=0), 3)


def _paired(cases: Mapping[str, list[list[Row]]]) -> str:
    """A table of differences, ours less the other's, means over the samples that both have."""
    titles = dict(COLUMNS)
    head = ["case", "against", "samples", *(titles[key] for key in DIFFERENCES)]
    lines = []
    for title, groups in cases.items():
        known = {(group[0]["method"], group[0]["asked"]): group for group in groups}
        for other in PAIRED:
            if OURS in known and other in known:
                cells = [_difference(known[OURS], known[other], key) for key in DIFFERENCES]
                count = min(known[OURS][0]["samples"], known[other][0]["samples"])
                said = f"{other[0]} {other[1]}" if other[0] == "rise" else other[0]
                lines.append([title.partition(":")[0], said, count, *cells])
    return (
        "## Ours with 300 queries less the others, paired\n\nSame samples, seeds averaged first; 95 % bootstraps over "
        "samples. Bold: the interval leaves zero out in our favour; italic: against us. For deletion less is "
        f"better.\n\n{table(head, lines)}"
    ).rstrip()


def _difference(ours: list[Row], others: list[Row], key: str) -> str:
    one, other = (np.mean([row["scores"][key] for row in group], axis=0) for group in (ours, others))
    values = one[: len(other)] - other[: len(one)]
    low, high = bootstrap_interval(values, seed=0)
    text = interval_text(values, 3, signed=True)
    better = -high if key == "deletion" else low
    worse = -low if key == "deletion" else high
    return f"**{text}**" if better > 0 else f"*{text}*" if worse < 0 else text


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
