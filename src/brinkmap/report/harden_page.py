"""The report of a training: how accuracy went, which look was picked, and what attacks come to before and after."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
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

__all__ = ["page_of"]

SIDES = ("before", "after")
COMPARED = (
    ("clean accuracy", "clean_accuracy", percent),
    ("flipped within the budget", "success_rate", percent),
    ("queries, failures at the full budget (mean)", "queries_capped_mean", number),
    ("L2 of the flipped (mean)", "l2_mean", number),
    ("samples", "samples", number),
    ("queries", "queries", number),
)
GUIDE = (
    "The picked look is the one that does best on the validation samples under the adversary, and within the tolerance "
    "for clean accuracy where one was set; nothing is picked by the test samples.",
    "Before and after are the same samples, attack, seed and budget, and both were asked anew. A success rate is of "
    "the samples that each network has right, so one that has less right has less to lose: read clean accuracy first.",
    "Robustness against one attack is not robustness against another. brinkmap audit and brinkmap compare take the "
    "hardened model as they take any other.",
)


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a hardening's folder.

    Args:
        folder: with `history.csv`, `summary.json` and, where it was audited, `before-after.json`.
        facts: title, command, adversary (of the looks), audited (the attack in words, or an empty text), versions.
    """
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    kept = json.loads((folder / "summary.json").read_text())
    found = json.loads((folder / "before-after.json").read_text()) if facts["audited"] else {}
    versions = facts.get("versions") or {}
    return Document(
        title=facts["title"],
        about="Hardening",
        lead=[_figures(kept["picked"], facts["adversary"], found)],
        sections=[
            Section("Before and after", _audited(found, facts["audited"])),
            Section("How accuracy went", _curves(history, kept["picked"], facts["adversary"])),
            Section("How to read this", [Bullets(GUIDE)]),
            repeat_section(facts["command"], {"recipe": kept["recipe"]}, versions, facts.get("source") or {}),
        ],
        made=made_with(versions, facts.get("made", "")),
    )


def _figures(picked: Mapping[str, Any], adversary: str, found: Mapping[str, Any]) -> Figures:
    held = "test" if "test" in picked["natural"] else "validation"
    figures = [
        Figure("Accuracy", percent(picked["natural"][held]), f"on the {held} samples as they are"),
        Figure(f"Against {adversary}", percent(picked["judged"][held]), f"on the {held} samples under it"),
        Figure("Picked", f"epoch {picked['epoch']}", f"after {seconds(picked['seconds'])} of training"),
    ]
    if picked.get("queries"):
        figures.append(Figure("Queries", count(picked["queries"]), "of attacks that made samples to train on"))
    if found:
        for name, key in (("Clean accuracy", "clean_accuracy"), ("Flipped", "success_rate")):
            before, after = (percent(found[side][key]) for side in SIDES)
            figures.append(Figure(name, f"{before} → {after}", "of the audited samples, before and after"))
    return Figures(figures)


def _audited(found: Mapping[str, Any], said: str) -> list[Block]:
    if not found:
        return [Text("No attack was made before and after. --audit N attacks N test samples and shows both here.")]
    rows = [[title, *(form(found[side][key]) for side in SIDES)] for title, key, form in COMPARED]
    return [Table(said, (Column("figure"), *(Column(name, True) for name in SIDES)), rows)]


def _curves(history: Sequence[Mapping[str, str]], picked: Mapping[str, Any], adversary: str) -> list[Block]:
    if not history:
        return [Text("There is no look to show.")]
    sets = [name.removeprefix("natural_") for name in history[0] if name.startswith("natural_")]
    plots = [
        _plot("natural", "Accuracy as they are", sets, history),
        _plot("judged", f"Accuracy against {adversary}", sets, history),
    ]
    columns = (
        Column("epoch"), Column("seconds", True), Column("loss", True),
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
