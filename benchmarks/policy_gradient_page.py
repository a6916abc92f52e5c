"""docs/results/policy-gradient.md, written from the figures beside it and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table

__all__ = ["COSTS", "write"]

Row = dict[str, Any]
INTRO = """# A classifier trained by rewards

Made by `python benchmarks/policy_gradient.py`; figures are in `policy-gradient/`. Gupta 2020 (SVRHM workshop) redone: a
class is drawn from the softmax, +1 for a right one and -1 for a wrong one, loss -(1/B) sum log p R (RL), beside
cross-entropy (CE). All cells of a table have the same network (pairs of 3 x 3 convolutions, a dense layer, LayerNorm
before the softmax unless it says `plain`), the same batches of 32 and, within a schedule, the same compute, counted in
forward and backward passes (`passes`: in those of plain training, of which FGSM costs two and PGD-5 six). Checkpoints
are picked on a tenth of the training images by accuracy under FGSM; the test images pick nothing. `last` is the end of
training, `picked` the early stop.
"""
CASES = {
    "cifar": "CIFAR-10: 9,000 JPEG training images of ../shared/data, 1,000 test images, eps 8/255",
    "digits": "Digits: 1,131 training images, 540 test images, eps 24/255 (17 grey levels)",
}
PUBLISHED = """The paper, on 50,000 training images and 10,000 test images, with a network of this kind: RL (epoch 220)
52.85 % natural and 30.41 % under AutoAttack; CE (epoch 60) 50.96 and 26.36; CE (epoch 220) 59.12 and 17.95; CE on PGD
samples 27.76 under AutoAttack; FGSM at their best epochs 37.66 (RL) and 32.86 (CE)."""
NOTES = "policy-gradient-notes.md"
COSTS = {"none": 1, "fgsm": 2, "pgd": 6}
"""Forward and backward passes of an epoch, in those of plain training."""


def write(results: Path) -> Path:
    """The page and its figures; returns the page's path."""
    parts = [INTRO, PUBLISHED]
    for case, title in CASES.items():
        rows = [json.loads(path.read_text()) for path in sorted((results / case).glob("*.json"))]
        if not rows:
            continue
        rows.sort(key=lambda row: (row["cell"]["schedule"], row["cell"]["adversary"], row["cell"]["objective"]))
        _draw(rows, results / f"{case}.png")
        parts += [f"## {title}", _accuracies(rows), f"![Over training]({results.name}/{case}.png)", _curve(rows)]
        parts += ["### Is it masking?", _signs(rows)]
    notes = results.parent / NOTES
    path = results.parent / "policy-gradient.md"
    path.write_text("\n\n".join([*parts, *([notes.read_text().rstrip()] if notes.is_file() else [])]) + "\n")
    return path


def _name(row: Row) -> str:
    cell = row["cell"]
    plain = "" if cell["layer_norm"] else ", plain"
    repeat = f", repeat {cell['repeat']}" if cell["repeat"] else ""
    return f"{cell['objective']}, {cell['adversary']}, {cell['schedule']}{plain}{repeat}"


def _cost(row: Row) -> int:
    return COSTS[row["cell"]["adversary"]]


def _accuracies(rows: list[Row]) -> str:
    head = [
        "training",
        "checkpoint",
        "epoch",
        "passes",
        "train",
        "test",
        "gap",
        "FGSM",
        "AutoAttack",
        "after each stage",
    ]
    lines = []
    for row in rows:
        for which in ("picked", "last"):
            of, epoch = row[which], row["picked_epoch"] if which == "picked" else row["history"][-1]["epoch"]
            test, eight = of["fgsm"]["0"], of["fgsm"]["8"]
            stages = " ".join(f"{share:.1%}" for share in list(of["autoattack"].values())[1:])
            shares = [f"{share:.1%}" for share in (of["train"], test, of["train"] - test, eight)]
            robust = f"{of['autoattack']['square']:.1%}"
            lines.append([_name(row), which, str(epoch), str(epoch * _cost(row)), *shares, robust, stages])
    return (
        table(head, lines).rstrip()
        + "\n\nAutoAttack on the first test images only; its stages are apgd-ce, apgd-t, fab-t, square."
    )


def _curve(rows: list[Row]) -> str:
    steps = list(rows[0]["last"]["fgsm"])
    lines = [
        [_name(row), which, *(f"{row[which]['fgsm'][step]:.1%}" for step in steps)]
        for row in rows if row["cell"]["adversary"] == "fgsm" for which in ("picked", "last")
    ]  # fmt: skip
    return "### Under FGSM of growing distance\n\n" + table(["training", "checkpoint", *steps], lines).rstrip()


def _signs(rows: list[Row]) -> str:
    head = [
        "training", "samples", "natural", "FGSM", "PGD-40", "transferred", "Square, 1000 queries", "credit, 1000",
        "missed by its gradient", "gradient rms", "vanished", "masked?",
    ]  # fmt: skip
    lines = []
    for row in rows:
        one = row["masking"]
        moved = ", ".join(f"{name} {share:.1%}" for name, share in one["transferred"].items())
        shares = [one["natural"], one["white_box"]["FGSM"], one["white_box"]["PGD"]]
        boxes = [one["black_box"]["Square"], one["black_box"]["credit"]]
        lines.append([
            _name(row), str(one["samples"]), *(f"{share:.1%}" for share in shares), moved,
            *(f"{share:.1%}" for share in boxes), f"{one['missed']:.1%}", f"{one['gradient_rms']:.1e}",
            f"{one['vanished']:.1%}", "yes" if one["masked"] else "no",
        ])  # fmt: skip
    said = "Accuracies at eps. Missed: wrong under an attack without the gradient, right under FGSM and PGD-40."
    return table(head, lines).rstrip() + "\n\n" + said


def _draw(rows: list[Row], path: Path) -> None:
    """The paper's figures 3 and 4: accuracy over training, and under FGSM of growing distance."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    shown = [row for row in rows if row["cell"]["adversary"] == "fgsm" and row["cell"]["layer_norm"]]
    styles = {"modern": "-", "short": "-", "published": "--", "early": ":"}
    for row in (row for row in shown if row["cell"]["objective"] in ("RL", "CE") and not row["cell"]["repeat"]):
        cell = row["cell"]
        colour, style = ("#c0392b" if cell["objective"] == "RL" else "#20639b"), styles[cell["schedule"]]
        passes = [one["epoch"] * _cost(row) for one in row["history"]]
        label = f"{cell['objective']}, {cell['schedule']}"
        left.plot(passes, [one["judged"]["test"] for one in row["history"]], style, color=colour, label=label)
        gaps = [one["natural"]["train"] - one["natural"]["test"] for one in row["history"]]
        middle.plot(passes, gaps, style, color=colour, label=label)
        curve = row["picked"]["fgsm"]
        right.plot([int(step) for step in curve], list(curve.values()), style, color=colour, label=label)
    left.set(
        xlabel="passes, in those of plain training", ylabel="accuracy under FGSM, test", title="Trained on FGSM samples"
    )
    middle.set(xlabel="passes, in those of plain training", ylabel="train minus test accuracy", title="Gap")
    right.set(xlabel="eps, 1/255 of the case's unit", ylabel="accuracy", title="Picked checkpoint under FGSM")
    for axis in (left, middle, right):
        axis.grid(alpha=0.3)
        axis.set_ylim(bottom=min(0.0, float(np.min(axis.dataLim.intervaly))))
    left.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
