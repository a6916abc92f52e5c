"""The report of a comparison of attacks: curves, figures and paired differences of each track under each bound."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.compare.contest import NATURAL, NORM
from brinkmap.compare.curves import distance_curve, success_curve
from brinkmap.compare.page import INTRO, TERMS, curves_name, difference_cells, figure_cells, remarks
from brinkmap.report.audit_page import made_with, repeat_section
from brinkmap.report.document import Block, Bullets, Column, Document, Plot, Plots, Section, Table, Text
from brinkmap.report.plots import Line, Scale, curves
from brinkmap.report.wording import percent, some

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["page_of"]

TEXTS = ("victim", "attack", "queries fewer than", "training repaid after")
"""Columns that are no figures."""


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a comparison's folder.

    Args:
        folder: with `compare.json` and `compare.parquet`.
        facts: title, command, note, versions.
    """
    import pandas as pd

    kept = json.loads((folder / "compare.json").read_text())
    samples = pd.read_parquet(folder / "compare.parquet")
    rows = [row for row in kept["rows"] if "left_out" not in row]
    sections = []
    for track in (NATURAL, NORM):
        for bound in dict.fromkeys(row["bound"] for row in rows if row["track"] == track):
            here = [row for row in rows if (row["track"], row["bound"]) == (track, bound)]
            pairs = [row for row in kept["differences"] if (row["track"], row["bound"]) == (track, bound)]
            part = samples[(samples["track"] == track) & (samples["bound"] == bound)]
            sections.append(Section(f"{track.capitalize()}, {bound}", _blocks(track, bound, here, pairs, part)))
    said = remarks(kept["rows"])
    sections += [Section("Remarks", [Bullets(said)])] if said else []
    versions = facts.get("versions") or {}
    return Document(
        title=facts["title"],
        about="Attacks side by side",
        lead=[*([Text(facts["note"])] if facts.get("note") else []), *_lead(rows)],
        sections=[*sections, repeat_section(facts["command"], {}, versions, {})],
        made=made_with(versions, facts.get("made", "")),
    )


def _lead(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not rows:
        return [Text("Nothing is finished yet.")]
    best = []
    for key in dict.fromkeys((row["track"], row["bound"], row["victim"]) for row in rows):
        here = [row for row in rows if (row["track"], row["bound"], row["victim"]) == key]
        won = min(here, key=lambda row: row["queries_capped_mean"])
        best.append(
            f"{key[2]}, {key[0]}, {key[1]}: {won['attack']} needs the fewest queries, {won['queries_capped_mean']:.1f} "
            f"on average with failures at the full budget, and flips {percent(won['success_rate'])}."
        )
    queries = sum(row["ledger_total"] for row in rows)
    return [Bullets(best), Text(f"{some(queries, 'query', 'queries')} in all. {TERMS}", quiet=True)]


def _blocks(
    track: str, bound: str, rows: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]], part: pd.DataFrame
) -> list[Block]:
    budget = max(row["budget"] + row["refine_budget"] for row in rows)
    plots: list[Plot] = []
    for number, (victim, here) in enumerate(part.groupby("victim", sort=False)):
        plots += _plots(f"{curves_name(track, bound).replace('.', '_')}-{number}", str(victim), here, budget)
    blocks: list[Block] = [Text(INTRO[track]), Plots(plots), _table("Figures of each attack", *figure_cells(rows))]
    if pairs:
        caption = "Queries fewer than the reference on the same samples; more than 0 is better than it"
        blocks.append(_table(caption, *difference_cells(pairs)))
    return blocks


def _plots(name: str, victim: str, here: pd.DataFrame, budget: int) -> list[Plot]:
    marks = np.unique(np.rint(np.geomspace(1, max(budget, 2), 300)))
    flips, near = [], []
    for attack, rows in here.groupby("attack", sort=False):
        rates = success_curve(rows["capped"].to_numpy(float), rows["success"].to_numpy(bool), marks)
        flips.append(Line(str(attack), marks, rates))
        distances = distance_curve([list(path) for path in rows["distances"]], marks)
        near.append(Line(str(attack), marks, np.where(np.isfinite(distances), distances, np.nan)))
    scale = Scale("queries a sample", "flipped", budget, begin=1, log=True)
    ends = "; ".join(f"{line.name}: {line.y[-1]:.0%}" for line in flips)
    alt = f"Success rate against queries on {victim}. At {budget}, {ends}."
    plots = [curves(f"{name}-flips", f"{victim}: success rate", alt, flips, scale)]
    if any(np.isfinite(line.y).any() for line in near):
        far = "; ".join(f"{line.name}: {line.y[-1]:.3g}" for line in near if np.isfinite(line.y[-1]))
        said = f"Median L2 of the nearest flip found against queries on {victim}. At {budget}, {far}."
        distance = Scale("queries a sample", "L2 of the nearest flip", budget, begin=1, log=True, share=False)
        plots.append(curves(f"{name}-near", f"{victim}: distance", said, near, distance))
    return plots


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return Table(caption, [Column(name, name not in TEXTS) for name in head], rows)
