"""The tables of an audit: thresholds, bounds, classes, filters, costs, training, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from brinkmap.report.document import Cell, Column, Table
from brinkmap.report.view import ReportView, Threshold
from brinkmap.report.wording import cost_figures, number, percent, plain
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

__all__ = ["bounds_table", "class_table", "cost_table", "filter_table", "flips_table", "plain_table", "threshold_table"]

KINDS = (
    ("dangerous", "dangerous", "findings", "a finding became normal"),
    ("alarm", "alarm", "normals", "normal became a finding"),
    ("rejected", "rejected", None, "became unclassifiable: the right answer to enough noise"),
    ("other", "other", None, "one finding for another, and whatever an unclassifiable sample became"),
)
CLASS_ROWS = 60
"""Classes in the table; of more, those that flip most readily."""


def threshold_table(thresholds: Sequence[Threshold]) -> Table:
    """What was required, what was measured, and whether that will do."""
    rows: list[list[str | Cell]] = [
        [one.name, number(one.required), number(one.measured),
         Cell("✓ met", mark="met") if one.passed else Cell("✗ missed", mark="missed")]
        for one in thresholds
    ]  # fmt: skip
    columns = (Column("threshold"), Column("required", True), Column("measured", True), Column("result"))
    return Table("Thresholds", columns, rows)


def bounds_table(parts: Sequence[Mapping[str, Any]]) -> Table:
    """Each L2 bound by itself.

    Args:
        parts: `by_bound` of a summary.
    """
    columns = (
        Column("L2 bound"), Column("attacked", True), Column("flipped", True), Column("success rate", True),
        Column("queries, capped mean", True), Column("L2 at flip, median", True),
    )  # fmt: skip
    rows = [
        ["no bound" if part["max_l2"] is None else number(part["max_l2"]), str(part["attacked"]),
         str(part["successes"]), percent(part["success_rate"]), number(part["queries_capped_mean"]),
         number(part["l2_median"])]
        for part in parts
    ]  # fmt: skip
    return Table("Every L2 bound by itself; key figures and the other tables describe the largest", columns, rows)


def class_table(view: ReportView) -> Table:
    """By true class where it is known, else by the victim's clean answer; those that flip most readily first."""
    table = rows_under(view.table, l2_bounds(view.table)[-1])
    classes = table["label"].astype("float64").fillna(table["reference"].astype("float64"))
    found = [_class_row(view.class_name(int(own)), part) for own, part in table.groupby(classes)]
    found.sort(key=lambda row: -1.0 if row[0] is None else row[0], reverse=True)
    left_out = len(found) - CLASS_ROWS
    caption = (
        "By true class, or by the victim's clean answer where that is not known; most readily flipped first"
        f"{f'; {left_out} more classes are not shown' if left_out > 0 else ''}"
    )
    columns = (
        Column("class"), Column("samples", True), Column("clean accuracy", True), Column("attacked", True),
        Column("flipped", True), Column("success rate"), Column("L2 at flip, median", True),
        Column("queries to flip, median", True),
    )  # fmt: skip
    return Table(caption, columns, [row for _, row in found[:CLASS_ROWS]])


def _class_row(name: str, table: pd.DataFrame) -> tuple[float | None, list[str | Cell]]:
    attacked = attacked_rows(table)
    flips = attacked[attacked["success"].astype(bool)]
    label, reference = (table[column].astype("float64") for column in ("label", "reference"))
    right = (label == reference)[label.notna() & reference.notna()]
    rate = len(flips) / len(attacked) if len(attacked) else None
    return rate, [
        name, str(len(table)), percent(float(right.mean()) if len(right) else None), str(len(attacked)),
        str(len(flips)), Cell(percent(rate), share=rate),
        number(float(flips["l2"].median()) if len(flips) else None),
        number(float(flips["queries_to_flip"].astype("float64").median()) if len(flips) else None),
    ]  # fmt: skip


def filter_table(view: ReportView) -> Table | None:
    """Every filter of the arsenal, used or not, the most used first; None where the attack had none."""
    used = {use.name: use for use in view.filters}
    unnatural = set(view.summary.get("unnatural") or ())
    names = dict.fromkeys([*used, *(view.summary.get("distortions") or ())])
    flips, most = view.summary.get("successes") or 0, max((use.cells for use in view.filters), default=0)
    rows: list[tuple[int, list[str | Cell]]] = []
    for name in names:
        use = used.get(name)
        samples, cells = (use.samples, use.cells) if use is not None else (0, 0)
        known = use is not None or bool(view.filters)
        rows.append((
            cells,
            [name, "unnatural, norm-matched" if name in unnatural else "natural",
             *((str(samples), percent(samples / flips if flips else None), Cell(str(cells), cells / max(most, 1)))
               if known else ("not kept", "not kept", "not kept"))],
        ))  # fmt: skip
    columns = (
        Column("filter"), Column("kind"), Column("samples", True), Column("of the flips", True), Column("cells"),
    )  # fmt: skip
    caption = "Filters the attack might use, and how often they stand in the flips it found"
    return Table(caption, columns, [row for _, row in sorted(rows, key=lambda row: -row[0])]) if rows else None


def cost_table(summary: Mapping[str, Any]) -> Table:
    """What the attack cost, those figures that are known."""
    refining = summary["refine_budget"]
    caption = (
        f"A query is one sample passed through the victim; budget {summary['budget']} a sample until it flips"
        f"{f', and {refining} more to take distortion away' if refining else ''}"
    )
    rows = [[one.name, one.value, one.note] for one in cost_figures(dict(summary))]
    rows += [
        [f"Flipped within {mark} queries", percent(share), "of the attacked"]
        for mark, share in summary["asr_at"].items()
    ]
    return Table(caption, (Column("what"), Column("figure", True), Column("meaning")), rows)


def flips_table(flips: Mapping[str, Any]) -> Table:
    """What the flips would have done, where it is known which classes mean that all is well.

    Args:
        flips: as `brinkmap.summary.flips_by_kind` gives them.
    """
    rows = [
        [title, f"{flips[kind]} of {flips[among]}" if among else str(flips[kind]), meaning]
        for title, kind, among, meaning in KINDS
    ]
    return Table("What the flips would have done", (Column("kind"), Column("flips", True), Column("meaning")), rows)


def plain_table(caption: str, values: Mapping[str, Any]) -> Table:
    """Names and values."""
    return Table(caption, (Column("what"), Column("value")), [[name, plain(value)] for name, value in values.items()])
