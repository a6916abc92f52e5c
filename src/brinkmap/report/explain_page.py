"""The report of explanations: maps, masks, regions in words, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.explain.kept import kept_maps
from brinkmap.report.audit_page import made_with, repeat_section
from brinkmap.report.document import (
    Block,
    Bullets,
    Cases,
    Cell,
    Column,
    Document,
    Figure,
    Figures,
    Picture,
    Section,
    ShownCase,
    Table,
    Text,
)
from brinkmap.report.pictures import fitted, map_shots
from brinkmap.report.signals import Strip, mapped
from brinkmap.report.view import named
from brinkmap.report.wording import count, number, percent

__all__ = ["page_of"]

REGIONS = 6
"""Regions of a sample that are listed."""
ROWS = 200
"""Samples in the table of all."""
GUIDE = (
    "A map says how much each place speaks for the class (red) or against it (blue), out of answers of the victim to "
    "this sample hidden, distorted or masked in part; it is about this victim and this sample, not about the class.",
    "The mask is where the map stands out, by Otsu's threshold on what speaks for the class. A region's share is its "
    "part of all that speaks for the class.",
    "Where nothing that was tried moved the victim there is no mask, and none is invented.",
    "A map shows where an answer depends on the sample, not why, and not whether it should. How well each method finds "
    "reasons that are known is measured in Brinkmap's documentation, results, explain.",
)


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a folder of explanations.

    Args:
        folder: with `explanations.json` and `maps`.
        facts: title, command, method, class_names, bounds, unit, rate_hz, versions.
    """
    told = json.loads((folder / "explanations.json").read_text())["explanations"]
    maps = kept_maps(folder)
    shown = [one for one in told if one["index"] in maps]
    clips = any(one["sample"].ndim == 4 for one in maps.values())
    versions = facts.get("versions") or {}
    return Document(
        title=facts["title"],
        about="Explanations",
        lead=_lead(told, facts),
        sections=[
            Section("Maps and masks", _cases(shown, maps, facts, len(told))),
            Section("All samples", [_all(told, facts)]),
            repeat_section(facts["command"], {}, versions, {}),
            Section("How to read this", [Bullets(GUIDE)]),
        ],
        made=made_with(versions, facts.get("made", "")),
        moving=clips,
    )


def _lead(told: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> list[Block]:
    found = [one for one in told if one["found"]]
    queries = sum(one["queries"] for one in told)
    masked = float(np.mean([one["masked"] for one in found])) if found else None
    return [
        Figures([
            Figure("Samples", count(len(told)), f"explained by {facts['method']}"),
            Figure("With a map", count(len(found)), "where something that was tried moved the victim"),
            Figure("Mask, mean", percent(masked), "of a sample, where there is one"),
            Figure("Queries, mean", number(queries / len(told) if told else None), "a sample, the clean look included"),
            Figure("Queries in all", count(queries), "samples passed through the victim"),
        ])
    ]  # fmt: skip


def _cases(
    shown: Sequence[Mapping[str, Any]], maps: Mapping[int, Mapping[str, np.ndarray]], facts: Mapping[str, Any], of: int
) -> list[Block]:
    if not shown:
        return [Text("There is no sample to show.")]
    held = [maps[one["index"]] for one in shown]
    signals, side = held[0]["sample"].ndim == 2, None
    pictures: list[list[Picture]]
    if signals:
        strip = Strip(facts["unit"], facts["rate_hz"])
        pictures = [
            [mapped(f"map-{place}", one["sample"], _unit(one["map"]), one["mask"], strip)]
            for place, one in enumerate(held)
        ]
    else:
        low, high = facts["bounds"]
        pictures, side = fitted([map_shots(one["sample"], one["map"], one["mask"], (low, high)) for one in held])
    said = [f"The first {len(shown)} of {of} samples." if of > len(shown) else ""]
    said += [f"Pictures are shrunk to {side} pixels a side."] if side is not None else []
    cases = [_shown(one, row, facts) for one, row in zip(shown, pictures, strict=True)]
    words = " ".join(part for part in said if part)
    return [*([Text(words, quiet=True)] if words else []), Cases("", cases, wide=signals)]


def _shown(one: Mapping[str, Any], pictures: Sequence[Picture], facts: Mapping[str, Any]) -> ShownCase:
    name = named(one["target"], facts["class_names"])
    answer = f", answered at {one['answer'][one['target']]:.0%}" if one["answer"] else ""
    nothing = one["error"] or "no mask found: nothing that was tried moved the victim"
    masked = f"mask {percent(one['masked'])} of the sample" if one["found"] else nothing
    rows = [
        [region["said"].rsplit(":", 1)[0], Cell(percent(region["share"]), region["share"])]
        for region in one["regions"][:REGIONS]
    ]
    table = Table("Where the evidence is", (Column("region"), Column("share")), rows) if rows else None
    return ShownCase(f"{one['name']}: {name}{answer}", f"{one['queries']} queries; {masked}", pictures, table)


def _all(told: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> Table:
    columns = (
        Column("sample"), Column("explained class"), Column("probability", True), Column("queries", True),
        Column("mask", True), Column("largest region"),
    )  # fmt: skip
    rows = [
        [
            one["name"], named(one["target"], facts["class_names"]),
            f"{one['answer'][one['target']]:.3f}" if one["answer"] else "none", str(one["queries"]),
            percent(one["masked"]) if one["found"] else "none",
            one["error"] or (one["regions"][0]["said"] if one["regions"] else "no mask found"),
        ]
        for one in told[:ROWS]
    ]  # fmt: skip
    more = len(told) - ROWS
    return Table(f"Every sample{f'; {more} more are in explanations.json' if more > 0 else ''}", columns, rows)


def _unit(values: np.ndarray) -> np.ndarray:
    return values / max(float(np.abs(values).max()), float(np.finfo(np.float32).tiny))
