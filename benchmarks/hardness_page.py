"""docs/results/benchmark.md out of the rows of `hardness.py`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table
from hardness_cases import Case

__all__ = ["write"]

DROPS = (0.05, 0.1, 0.2)
"""Of accuracy, at which distances are compared."""
WAYS = ("ours", "random", "whole", "beside")
SHOWN = ("x1", "x2", "x4", "x8")
HEAD = """# Test sets made of found weaknesses, and how hard they are

Made by `python benchmarks/hardness.py digits`, `cifar` and `page`; rows are in `benchmark/`. A set is made on one
victim (`brinkmap benchmark`, each filter by itself; agent credit, for `tint` a trained agent) and put to
others that were never asked while it was made. `ours` are its samples at 1 to 8 times the distance at flip; `random`:
patches of the same filter and levels anywhere, up to the same distance sample by sample; `whole`: the filter over the
whole picture, at its levels, as in ImageNet-C; for `tint`, whose whole picture is a shift of colour, `beside` is
Gaussian noise over the whole picture. The weakest of each way is also faded towards the clean picture, so that all
begin near nothing. Distances are mean L2 on samples scaled to 0..1, over all samples.

Each cell of the second kind of table is the L2 at which the reader has lost so many points of accuracy, between two
measured strengths by a straight line. `>` says that the loss was not reached at the largest distance measured, `-`
that it was not reached by ours. The victims that share training data, architecture or both with the attacked one are
closer to it than a stranger's model would be.
"""
SUMMARY = """### How many times less L2 than the whole picture, and than patches anywhere

Medians over the readers that were not attacked and losses of 5, 10 and 20 points that ours reaches, with the
range. Where the control never reaches the loss, its largest measured distance counts, so that the figure is
a lower bound.
"""
SUMMARY_HEAD = (
    "flipped on", "filter", "cells", "whole / ours", "of them at least 3", "random / ours", "beside / ours",
    "robust readers: whole / ours",
)  # fmt: skip


def write(results: Path, cases: Mapping[str, Case]) -> Path:
    """The page beside the folder of rows."""
    parts = [HEAD]
    for case in cases.values():
        paths = [results / case.name / f"{name}.json" for name in case.attacked]
        found = [json.loads(path.read_text()) for path in paths if path.exists()]
        if found:
            parts.append(f"## {case.title}\n")
            parts += [_attacked(one, case) for one in found]
            parts.append(_summary(found, case))
    notes = results.parent / "benchmark-notes.md"
    if notes.exists():
        parts.append(notes.read_text())
    page = results.parent / "benchmark.md"
    page.write_text("\n".join(parts))
    return page


def _attacked(found: dict[str, Any], case: Case) -> str:
    """Accuracies of all, and the distances of equal loss."""
    readers, rows = list(found["clean"]), found["rows"]
    head = ["filter", "severity", "L2", "flipped on it"]
    head += [f"{one}{' (robust)' if one in case.robust else ''}" for one in readers]
    lines = [["clean", "", "", "", *(_percent(found["clean"][one]) for one in readers)]]
    for distortion in dict.fromkeys(row["distortion"] for row in rows):
        for strength in SHOWN:
            own = [
                row for row in rows
                if (row["distortion"], row["way"], row["strength"]) == (distortion, "ours", strength)
            ]  # fmt: skip
            cells = [_percent(next(row["accuracy"] for row in own if row["reader"] == one)) for one in readers]
            first = own[0]
            lines.append([distortion, strength, f"{first['l2']:.2f}", _percent(first["flipped"]), *cells])
    return (
        f"### Flipped on {found['attacked']}\n\n{found['samples']} samples, {found['queries']:,} queries, budget "
        f"{found['budget']} a sample and filter.\n\nAccuracy, per cent, on ours. Robust: trained against attacks.\n\n"
        f"{table(head, lines)}\n{_equal_loss(found)}"
    )


def _equal_loss(found: dict[str, Any]) -> str:
    """A row a reader and filter: the L2 of each loss by each way."""
    head = ["reader", "filter", *(f"{100 * drop:g} points: {way}" for drop in DROPS for way in WAYS)]
    lines = []
    for reader, distortion in _pairs(found):
        cells = [_said(_needed(found, reader, distortion, way, drop), way) for drop in DROPS for way in WAYS]
        lines.append([reader, distortion, *cells])
    return f"L2 at equal loss of accuracy, on victims that were not attacked:\n\n{table(head, lines)}"


def _summary(found: list[dict[str, Any]], case: Case) -> str:
    """How many times less distance ours needs, by attacked victim and filter, over readers and losses."""
    lines = []
    for one in found:
        for distortion in dict.fromkeys(row["distortion"] for row in one["rows"]):
            pairs = [pair for pair in _pairs(one) if pair[1] == distortion]
            whole, random, beside, robust = ([] for _ in range(4))
            for reader, _ in pairs:
                for drop in DROPS:
                    ours, _ = _needed(one, reader, distortion, "ours", drop)
                    if math.isfinite(ours):
                        whole.append(_least(one, reader, distortion, "whole", drop) / ours)
                        random.append(_least(one, reader, distortion, "random", drop) / ours)
                        other = _least(one, reader, distortion, "beside", drop) / ours
                        beside += [] if math.isnan(other) else [other]
                        robust += whole[-1:] if reader in case.robust else []
            most = f"{sum(ratio >= 3 for ratio in whole)} of {len(whole)}"
            lines.append([
                one["attacked"], distortion, f"{len(whole)} of {len(DROPS) * len(pairs)}", _spread(whole), most,
                _spread(random), _spread(beside), _spread(robust),
            ])  # fmt: skip
    return f"{SUMMARY}\n{table(SUMMARY_HEAD, lines)}"


def _pairs(found: dict[str, Any]) -> list[tuple[str, str]]:
    members = found["attacked"].split("+")
    return list(dict.fromkeys(
        (row["reader"], row["distortion"]) for row in found["rows"] if row["reader"] not in members
    ))  # fmt: skip


def _needed(found: dict[str, Any], reader: str, distortion: str, way: str, drop: float) -> tuple[float, float]:
    """The L2 at which so much accuracy is lost (infinite if never), and the largest L2 that was measured."""
    own = [
        row for row in found["rows"]
        if (row["reader"], row["distortion"], row["way"]) == (reader, distortion, way)
    ]  # fmt: skip
    if not own:
        return math.nan, math.nan
    points = sorted((row["l2"], found["clean"][reader] - row["accuracy"]) for row in own)
    before = (0.0, 0.0)
    for l2, lost in points:
        if lost >= drop:
            return before[0] + (l2 - before[0]) * (drop - before[1]) / (lost - before[1]), points[-1][0]
        before = (l2, lost)
    return math.inf, points[-1][0]


def _least(found: dict[str, Any], reader: str, distortion: str, way: str, drop: float) -> float:
    l2, largest = _needed(found, reader, distortion, way, drop)
    return largest if math.isinf(l2) else l2


def _said(needed: tuple[float, float], way: str) -> str:
    l2, largest = needed
    if math.isnan(l2):
        return ""
    return f"{l2:.2f}" if math.isfinite(l2) else "-" if way == "ours" else f"> {largest:.2f}"


def _spread(ratios: list[float]) -> str:
    if not ratios:
        return ""
    return f"{np.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")
