"""The report of an audit, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from brinkmap.report.cases import case_blocks, has_clips, shown_cases
from brinkmap.report.charts import charts_of
from brinkmap.report.document import Block, Bullets, Code, Column, Document, Figures, Plots, Section, Table, Text
from brinkmap.report.evidence import evidence_blocks
from brinkmap.report.tables import (
    bounds_table,
    class_table,
    cost_table,
    filter_table,
    flips_table,
    plain_table,
    threshold_table,
)
from brinkmap.report.view import ReportView, Threshold
from brinkmap.report.wording import count, headline, key_figures, number, verdict
from brinkmap.summary import LEARNED_ACROSS

__all__ = ["audit_page", "made_with", "repeat_section", "unnatural_label"]

ERRORS_SHOWN = 5
JUDGED = "Thresholds count a sample that never flipped as infinitely far; the figures below are of the flips alone."
GUIDE = (
    "The victim is seen only through its answers. The attack puts filters on patches of a sample until the answer "
    "changes, and counts every sample it passes through the victim, the first look at the clean sample included.",
    "The success rate is taken over the samples that the victim had right to begin with. Where no label is known, its "
    "clean answer is taken as right. Samples that ended in an error are counted apart.",
    "Distances are measured on samples scaled from the victim's bounds to 0..1. L2 is the length of the whole change, "
    "Linf the largest change of one value. An L2 at flip is what this attack found: there may be smaller ones.",
    "The accuracy curve begins at the accuracy without distortion and falls where samples flip. The higher and the "
    "further right it stays, the more it takes. Where it ends above zero, the attack gave up on the rest.",
    "A heat map says where a sample is fragile. Read off a trace, it is the credit of every place for the answers "
    "that the attack saw; read off the plan, it is where distortion stands in the end, and how strong; for an attack "
    "without a plan, it is the size of the change.",
    "A robust result is evidence, not proof: it says that this attack, with these filters, this bound and this budget, "
    "found nothing. Another attack or a larger budget may.",
)


def audit_page(view: ReportView) -> Document:
    """The whole document."""
    return Document(
        title=view.title,
        about="Robustness audit",
        lead=_lead(view),
        sections=[
            Section("How much it takes", _curves(view)),
            Section("Classes and filters", _classes(view)),
            Section("Worst and typical cases", case_blocks(view)),
            Section("Queries and cost", [cost_table(view.summary), *_training(view)]),
            repeat_section(view.command, _settings(view), view.summary.get("versions") or {}, view.source),
            Section("How to read this", [Bullets(GUIDE)]),
            Section("Evidence for other texts", evidence_blocks(view.summary, _maps(view))),
        ],
        label=unnatural_label(view.summary.get("unnatural") or ()),
        made=made_with(view.summary.get("versions") or {}, view.made),
        moving=has_clips(view),
    )


def unnatural_label(names: Any) -> str:
    """The warning that filters that do not look like anything must carry."""
    if not names:
        return ""
    return (
        f"unnatural, norm-matched: {', '.join(names)}. Made to meet other attacks at the same distance, not to look "
        "like anything that happens by itself. Do not read these figures as natural robustness."
    )


def made_with(versions: Mapping[str, str], made: str = "") -> str:
    """The last line of every page."""
    version = versions.get("brinkmap")
    return f"Brinkmap{f' {version}' if version else ''}{f', {made}' if made else ''}. This page loads nothing."


def repeat_section(
    command: str, settings: Mapping[str, Any], versions: Mapping[str, str], source: Mapping[str, str]
) -> Section:
    """What makes the same run again, and what it was a run of."""
    blocks: list[Block] = [Code(command)] if command else []
    if source:
        blocks.append(plain_table("Victim and data, with checksums", source))
    if settings:
        blocks.append(plain_table("Settings", settings))
    if versions:
        blocks.append(Text(f"Versions: {', '.join(f'{name} {one}' for name, one in versions.items())}.", quiet=True))
    return Section("Do it again", blocks)


def _lead(view: ReportView) -> list[Block]:
    thresholds = [Threshold(*row) for row in view.thresholds]
    summary = view.summary
    stalled = f", {summary['stalled']} of the attacked stalled for want of anything new to propose"
    counted = (
        f"{summary['samples']} samples: {summary['attacked']} attacked, {summary['skipped']} misclassified to begin "
        f"with and left alone, {summary['errors']} ended in an error{stalled if summary['stalled'] else ''}."
    )
    errors = _errors(view.table)
    judged: list[Block] = [threshold_table(thresholds), Text(JUDGED, quiet=True)] if thresholds else []
    return [
        verdict(thresholds),
        Text(headline(view)),
        *judged,
        Figures(key_figures(view)),
        Text(counted, quiet=True),
        *([Bullets([f"{times} × {text}" for text, times in errors])] if errors else []),
    ]


def _curves(view: ReportView) -> list[Block]:
    plots = charts_of(view.table, view.summary["budget"])
    if not plots:
        return [Text("Nothing was attacked, so there is no curve to draw.")]
    blocks: list[Block] = [Plots(plots)]
    if not view.summary["successes"]:
        blocks.append(Text("No sample flipped, so there is no distance to show."))
    if "by_bound" in view.summary:
        blocks.append(bounds_table(view.summary["by_bound"]))
    return blocks


def _classes(view: ReportView) -> list[Block]:
    filters = filter_table(view)
    if filters is None:
        filters_block: Block = Text("The attack used no filters of Brinkmap's; it changed the samples in its own way.")
    else:
        filters_block = filters
    flips = view.summary.get("flips")
    return [*([flips_table(flips)] if flips else []), class_table(view), filters_block]


def _training(view: ReportView) -> list[Block]:
    """What the agent cost before it was let loose, from its card."""
    card, attacked = view.training, view.summary["attacked"]
    meanwhile = [Text(LEARNED_ACROSS)] if view.summary.get("learns_across") else []
    if not card:
        return [Text("The agent was not trained: it has cost no query before these."), *meanwhile]
    queries = card.get("training_queries")
    rows = [["Victims it was trained on", ", ".join(card.get("victims") or ()) or "not stated", ""]]
    if queries is not None:
        each = number(queries / attacked) if attacked else "none"
        rows.append(["Training queries", count(queries), "paid once, before any audit"])
        rows.append(["Spread over this audit", each, "a sample attacked here, on top of its own queries"])
    rows.append(["Trained on labels alone", "yes" if card.get("labels") else "no", ""])
    even = card.get("break_even")
    said = number(even) if isinstance(even, (int, float)) else str(even) if even else "not in the agent's card"
    rows.append(["Break-even, samples", said, "audited until the training is repaid against Square"])
    columns = (Column("what"), Column("figure", True), Column("meaning"))
    return [Table("What training the agent cost, as its card says", columns, rows), *meanwhile]


def _settings(view: ReportView) -> dict[str, Any]:
    low, high = view.bounds
    more = {name: view.summary[name] for name in ("agent", "patch") if view.summary.get(name) is not None}
    shown = {**more, **view.run, "bounds of a value": f"{number(low)} to {number(high)} {view.unit}".strip()}
    return shown | ({"sampling rate": f"{view.rate_hz:g} Hz"} if view.rate_hz else {})


def _maps(view: ReportView) -> int:
    return sum(case.heat is not None for case in shown_cases(view))


def _errors(table: pd.DataFrame) -> list[tuple[str, int]]:
    """The commonest reasons why samples could not be attacked."""
    counts = table.dropna(subset="error").groupby("error")["index"].nunique().sort_values(ascending=False)
    return [(str(text), int(times)) for text, times in counts.head(ERRORS_SHOWN).items()]
