"""The report of a training: how accuracy went, which look was picked, and what attacks come to before and after."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.report.audit_page import made_with, repeat_section
from brinkmap.report.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    Figure,
    Figures,
    Plot,
    Plots,
    Section,
    Table,
    Text,
)
from brinkmap.report.plots import Line, Scale, curves
from brinkmap.report.wording import count, number, percent, seconds

__all__ = ["compared_rows", "page_of"]

COMPARED: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("clean accuracy, attacked samples", "clean_accuracy", percent),
    ("flipped within the budget", "success_rate", percent),
    ("queries, failures at the full budget (mean)", "queries_capped_mean", number),
    ("L2 of the flipped (mean)", "l2_mean", number),
    ("attacked samples", "samples", number),
    ("queries of the attack", "queries", number),
    ("accuracy, all samples", "natural_accuracy", percent),
    ("the same against {judge}", "judged_accuracy", percent),
    ("CPU seconds of training", "seconds", number),
    ("epochs of training", "epochs", number),
    ("picked after epoch", "picked", number),
    ("queries in training", "training_queries", number),
    ("training ended by", "ended", str),
)
"""Figures of a network: in words, in `before-after.json`, and how they are written."""
ENDED = {
    "epochs": "as many as were asked for", "seconds": "by the clock",
    "patience": "after {patience} looks without a better one",
}  # fmt: skip
"""What ended a training, in words."""
GUIDE = (
    "The picked look is the one that does best on the validation samples under its judge, and within the tolerance "
    "for clean accuracy where one was set; nothing is picked by the test samples.",
    "All columns are of the same samples, attack, seed and budget, and every network was asked anew. A success rate is "
    "of the samples that each network has right, so one that has less right has less to lose: read clean accuracy "
    "first.",
    "Baselines begin with the network as it was before, on the same samples, and differ from the hardened one in what "
    "they are trained on alone: none, the samples as they are; random, the same filters anywhere; fgsm and pgd, along "
    "the gradient; square and simba, as these attacks leave them. The clock ends them at the end of the first epoch "
    "after as many CPU seconds as the hardening took, attacks included, so their epochs differ: read the seconds "
    "first. They have about as many looks to be picked from.",
    "Robustness against one attack is not robustness against another. brinkmap audit and brinkmap compare take the "
    "hardened model as they take any other.",
)


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a hardening's folder.

    Args:
        folder: with `history.csv`, `summary.json` and, where it was audited, `before-after.json`.
        facts: title, command, adversary (that looks are judged by), columns (of `before-after.json`, in order; none
            where nothing was compared), gradient (their adversary), audited (what was measured, in words), versions.
    """
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    kept = json.loads((folder / "summary.json").read_text())
    columns = facts["columns"]
    found = json.loads((folder / "before-after.json").read_text()) if columns else {}
    versions = facts.get("versions") or {}
    return Document(
        title=facts["title"],
        about="Hardening",
        lead=[_figures(kept, facts["adversary"], found)],
        sections=[
            Section("Before and after", _compared(found, columns, facts)),
            Section("How accuracy went", _curves(history, kept["picked"], facts["adversary"])),
            Section("How to read this", [Bullets(GUIDE)]),
            repeat_section(facts["command"], {"recipe": kept["recipe"]}, versions, facts.get("source") or {}),
        ],
        made=made_with(versions, facts.get("made", "")),
    )


def compared_rows(found: Mapping[str, Any], columns: Sequence[str], judge: str) -> list[list[str]]:
    """The figures of networks side by side: a title, then one text a column; those that none has are left out.

    Args:
        found: of each network its figures, as `before-after.json` has them.
        columns: the networks, in order.
        judge: the adversary of the judged accuracy.
    """
    return [
        [title.format(judge=judge), *(form(found[name][key]) if key in found[name] else "-" for name in columns)]
        for title, key, form in COMPARED
        if any(key in found[name] for name in columns)
    ]


def _figures(kept: Mapping[str, Any], adversary: str, found: Mapping[str, Any]) -> Figures:
    picked = kept["picked"]
    held = "test" if "test" in picked["natural"] else "validation"
    figures = [
        Figure("Accuracy", percent(picked["natural"][held]), f"on the {held} samples as they are"),
        Figure(f"Against {adversary}", percent(picked["judged"][held]), f"on {held} samples under it"),
        Figure("Picked", f"epoch {picked['epoch']}", f"after {seconds(picked['seconds'])} of CPU time in training"),
        Figure("Ended", f"epoch {kept['epochs']}", ENDED[kept["ended"]].format(patience=kept["patience"])),
    ]
    if picked.get("queries"):
        figures.append(Figure("Queries", count(picked["queries"]), "of attacks that made samples to train on"))
    if "success_rate" in found.get("before", {}):
        for name, key in (("Clean accuracy", "clean_accuracy"), ("Flipped", "success_rate")):
            before, after = (percent(found[side][key]) for side in ("before", "hardened"))
            figures.append(Figure(name, f"{before} → {after}", "of the attacked samples, before and after"))
    return Figures(figures)


def _compared(found: Mapping[str, Any], columns: Sequence[str], facts: Mapping[str, Any]) -> list[Block]:
    if not found:
        return [Text("No attack was made before and after. --audit N attacks N test samples and shows both here.")]
    rows: list[list[str | Cell]] = [list(row) for row in compared_rows(found, columns, facts["gradient"])]
    return [Table(facts["audited"], (Column("figure"), *(Column(name, True) for name in columns)), rows)]


def _curves(history: Sequence[Mapping[str, str]], picked: Mapping[str, Any], adversary: str) -> list[Block]:
    if not history:
        return [Text("There is no look to show.")]
    sets = [name.removeprefix("natural_") for name in history[0] if name.startswith("natural_")]
    plots = [
        _plot("natural", "Accuracy as they are", sets, history),
        _plot("judged", f"Accuracy against {adversary}", sets, history),
    ]
    columns = (
        Column("epoch"), Column("CPU s", True), Column("loss", True),
        *(Column(f"{name}, as they are", True) for name in sets), *(Column(f"{name}, attacked", True) for name in sets),
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    for one in history:
        mark = " (picked)" if int(one["epoch"]) == picked["epoch"] else ""
        shares = [percent(float(one[f"{kind}_{name}"])) for kind in ("natural", "judged") for name in sets]
        rows.append([f"{one['epoch']}{mark}", one["seconds"], number(float(one["loss"])), *shares])
    return [Plots(plots), Table("Every look at the network under training", columns, rows)]


def _plot(kind: str, title: str, sets: Sequence[str], history: Sequence[Mapping[str, str]]) -> Plot:
    epochs = np.array([float(one["epoch"]) for one in history])
    lines = [
        Line(name, epochs, np.array([float(one[f"{kind}_{name}"]) for one in history]), steps=False) for name in sets
    ]
    ends = "; ".join(f"{line.name}: {line.y[-1]:.0%}" for line in lines)
    alt = f"{title} against epochs. After the last, {ends}."
    return curves(f"training-{kind}", title, alt, lines, Scale("epochs", "answered right"))
