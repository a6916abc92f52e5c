"""docs/results/harden.md out of the rows of `harden.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table

__all__ = ["METHODS", "write"]

METHODS = ("none", "random", "fgsm", "pgd", "simba", "square", "ours-queries", "ours")
"""Rows of the matrix, in this order."""
CASES = {
    "digits": "Digits: a small network, 200 test images",
    "cifar": "CIFAR-10: ResNet-20, the first 200 lossless test images, fine-tuned on the JPEG training images",
}
HEAD = """# Hardened by, evaluated by

Made by `python benchmarks/harden.py digits`, `cifar` and `page`; rows are in `harden/`. Classification error in per
cent, lower is better: the share of test samples that is wrong already, or after the attack of that column. All methods
begin with the same trained network and have the same CPU seconds of training, the making of attacks included;
checkpoints are picked on a tenth of the training images, by accuracy under FGSM, among those that lose at most a point
of natural accuracy. `random` is the control: our filters within our distance, put anywhere. `ours` plans patches by the
gradients of the network under training (`brinkmap.harden.Planned`), which FGSM and PGD have too; `ours-queries` is the
agent credit, which only asks. SimBA, Square and ours keep to the L2 distance and the budget of the case; PGD (40 steps)
and AutoAttack to the Linf distance; AutoAttack on 100 images. `ours: ...` is the credit agent with that one filter;
`corruption: ...` the same filter over the whole picture at level 3.

On CIFAR-10 minutes of training cost more than a point whatever is shown. There, for all methods alike, the labels that
are fitted are what the network said of the JPEG images before; the batch statistics stay as they are; the split that
picks is the other 260 lossless test images; and the last weights may be mixed with the first (`brinkmap harden
--blend`), as far as that point asks: `weights` is the share of hardened ones. Training goes less far than what is
evaluated, too: ours within L2 0.25, FGSM and PGD within Linf 0.5/255; the others within L2 1.

Caltech-101, ImageNet training images and the RobustBench models of the slides are not to be had here.
"""


def write(results: Path) -> Path:
    """The page beside the folder of rows."""
    parts = [HEAD]
    for name, title in CASES.items():
        rows = [json.loads(path.read_text()) for path in sorted((results / name).glob("*.json"))]
        if rows:
            parts.append(_table(title, rows))
    notes = results.parent / "harden-notes.md"
    if notes.exists():
        parts.append(notes.read_text())
    page = results.parent / "harden.md"
    page.write_text("\n".join(parts))
    return page


def _table(title: str, rows: list[dict[str, Any]]) -> str:
    columns, first = list(rows[0]["errors"]), rows[0]
    head = ("hardened by", "seeds", *columns, "mean but clean", "epochs", "weights %", "queries")
    by_method = {method: [row for row in rows if row["method"] == method] for method in METHODS}
    lines = [_line(method, own, columns, rows) for method, own in by_method.items() if own]
    return (
        f"## {title}\n\nL2 <= {first['max_l2']:g}, budget {first['budget']}, Linf <= {first['epsilon']:.3g}, "
        f"{first['allowed_seconds']:g} CPU seconds a training.\n\n{table(head, lines)}\n"
        "Bold: the lowest of its column. Several seeds: mean and, in brackets, range.\n"
    )


def _line(method: str, own: list[dict[str, Any]], columns: list[str], rows: list[dict[str, Any]]) -> list[str]:
    cells = []
    for column in columns:
        text = _spread([100 * row["errors"][column] for row in own])
        lowest = min(_mean(rows, other, column) for other in METHODS if any(row["method"] == other for row in rows))
        cells.append(f"**{text}**" if _mean(rows, method, column) == lowest else text)
    others = [100 * float(np.mean([row["errors"][column] for column in columns if column != "clean"])) for row in own]
    epochs, queries = (_spread([row["training"][name] for row in own]) for name in ("epochs", "queries"))
    shares = _spread([100 * row["training"].get("share", float(row["training"]["epochs"] > 0)) for row in own])
    return [method, str(len(own)), *cells, _spread(others), epochs, shares, queries]


def _mean(rows: list[dict[str, Any]], method: str, column: str) -> float:
    return float(np.mean([row["errors"][column] for row in rows if row["method"] == method]))


def _spread(values: list[float]) -> str:
    mean = f"{np.mean(values):,.1f}".removesuffix(".0")
    return mean if len(values) == 1 else f"{mean} ({min(values):,.1f} to {max(values):,.1f})"
