"""The report of a leaderboard: models in order, and the accuracy of each under every distortion at every severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.benchmark.board import Standing, kept_board, standings
from brinkmap.benchmark.loading import CLEAN
from brinkmap.report.audit_page import made_with, repeat_section
from brinkmap.report.document import Block, Bullets, Cell, Column, Document, Plot, Plots, Section, Table, Text
from brinkmap.report.plots import Line, Scale, curves
from brinkmap.report.wording import percent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["page_of"]

GUIDE = (
    "Mean error: over distortions, of the error over severities. Relative: as a share of the baseline's, so that 1 is "
    "as bad as the baseline (after Hendrycks & Dietterich 2019).",
    "Distortions were put where the attacked victim is weak: its own row is low by construction. Compare the others.",
    "Severities level:N are levels of a filter on the cells where a sample flipped; xN is N times the distance of "
    "the flip. L2 is the mean on samples scaled to 0..1.",
)


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a leaderboard's folder.

    Args:
        folder: with `leaderboard.csv`.
        facts: title, command, about (a sentence on the set), source, versions.
    """
    tables = kept_board(folder)
    order = standings(tables)
    baseline = next(iter(tables))
    tables = {one.model: tables[one.model] for one in order}
    versions = facts.get("versions") or {}
    return Document(
        title=facts["title"],
        about="Leaderboard",
        lead=[Text(facts["about"]), _table(order, baseline)],
        sections=[
            Section("Accuracy by distortion and severity", _blocks(tables)),
            Section("How to read this", [Bullets(GUIDE)]),
            repeat_section(facts["command"], {}, versions, facts["source"]),
        ],
        made=made_with(versions, facts.get("made", "")),
    )


def _table(order: Sequence[Standing], baseline: str) -> Table:
    columns = (
        Column("model"), Column("clean accuracy", True), Column("accuracy, distorted"), Column("mean error", True),
        Column("relative", True),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [one.model, percent(one.clean), Cell(percent(one.mean), one.mean), f"{one.error:.3f}",
         "none" if one.relative is None else f"{one.relative:.3f}"]
        for one in order
    ]  # fmt: skip
    return Table(f"Best first; the baseline of relative errors is {baseline}", columns, rows)


def _blocks(tables: Mapping[str, pd.DataFrame]) -> list[Block]:
    rows = {name: table[table["distortion"] != CLEAN] for name, table in tables.items()}
    first = next(iter(rows.values()))
    plots = [_plot(number, str(kind), rows) for number, kind in enumerate(first["distortion"].unique())]
    columns = (Column("distortion, severity"), Column("L2, mean", True), *(Column(name) for name in tables))
    lines: list[list[str | Cell]] = [
        [f"{one.distortion}, {one.severity}", f"{one.l2:.2f}",
         *(_share(float(table["accuracy"].iloc[place])) for table in rows.values())]
        for place, one in enumerate(first.itertuples())
    ]  # fmt: skip
    return [Plots(plots), Table("Share of the samples answered right", columns, lines)]


def _share(value: float) -> Cell:
    return Cell(percent(value), value)


def _plot(number: int, kind: str, rows: Mapping[str, pd.DataFrame]) -> Plot:
    lines = []
    for name, table in rows.items():
        part = table[table["distortion"] == kind].sort_values("l2")
        clean = float(table["clean_accuracy"].iloc[0])
        x = np.concatenate([[0.0], part["l2"].to_numpy(float)])
        lines.append(Line(name, x, np.concatenate([[clean], part["accuracy"].to_numpy(float)]), steps=False))
    ends = "; ".join(f"{line.name}: {line.y[-1]:.0%}" for line in lines)
    alt = f"Accuracy under {kind} against mean L2. At the largest distance, {ends}."
    scale = Scale("mean L2, on samples scaled to 0..1", "answered right")
    return curves(f"board-{number}", kind, alt, lines, scale)
