"""What stands in the report, in rows and pictures, so that the template only has to lay it out."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from brinkmap.metrics import perceptibility
from brinkmap.report.charts import Chart, l2_histogram, queries_curve, robustness_curve
from brinkmap.report.panels import LARGEST_SIDE, Panel
from brinkmap.report.view import Case, ReportView, Threshold
from brinkmap.report.wording import cost_figures, headline, key_figures, number, verdict
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

__all__ = ["page_of"]

CLASS_ROWS = 60
"""Classes in the per-class table; of more, those that flip most readily."""
ERRORS_SHOWN = 5
TOP = 3
"""Answers shown of each case."""
MEASURE_TEXTS = {"ssim": "SSIM {}", "psnr_db": "PSNR {} dB", "snr_db": "SNR {} dB"}


@dataclass(frozen=True)
class ClassRow:
    """One line of the per-class table."""

    name: str
    samples: int
    accuracy: float | None
    attacked: int
    flipped: int
    success_rate: float | None
    l2_median: float | None
    queries_median: float | None


@dataclass(frozen=True)
class FilterRow:
    """One line of the table of filters."""

    name: str
    kind: str
    samples: int | None
    cells: int | None


@dataclass(frozen=True)
class Picture:
    """One picture of a case, inline."""

    title: str
    alt: str
    source: str


@dataclass(frozen=True)
class ShownCase:
    """One case as the page shows it."""

    index: int
    change: str
    facts: str
    answers: list[tuple[str, float, str, float]]
    """Class and probability before, class and probability after; the likeliest first."""
    pictures: list[Picture]


def page_of(view: ReportView, drawn: list[list[Panel]]) -> dict[str, Any]:
    """Everything the template shows.

    Args:
        view: the audit.
        drawn: the panels of its first cases; the others are only counted.
    """
    thresholds = [Threshold(*row) for row in view.thresholds]
    cases, classes = view.cases[: len(drawn)], _class_rows(view)
    return {
        "view": view,
        "summary": view.summary,
        "unnatural": list(view.summary.get("unnatural") or ()),
        "thresholds": thresholds,
        "verdict": verdict(thresholds),
        "headline": headline(view),
        "figures": key_figures(view),
        "charts": _charts(view),
        "classes": classes[:CLASS_ROWS],
        "classes_left_out": max(0, len(classes) - CLASS_ROWS),
        "filters": _filter_rows(view),
        "cases": [_shown(case, panels, view) for case, panels in zip(cases, drawn, strict=True)],
        "cases_left_out": len(view.cases) - len(cases),
        "shrunk_to": LARGEST_SIDE if any(_is_shrunk(case) for case in cases) else None,
        "rank": view.cases[0].clean.ndim - 1 if cases else 0,
        "costs": cost_figures(dict(view.summary)),
        "errors": _errors(view.table),
    }


def _charts(view: ReportView) -> list[tuple[Chart, Markup]]:
    """The curves that there is something to draw for, with their SVG marked as safe: it holds no text of the user's."""
    charts: Iterable[Chart | None] = (
        robustness_curve(view.table),
        queries_curve(view.table, view.summary["budget"]),
        l2_histogram(view.table),
    )
    return [(chart, Markup(chart.svg)) for chart in charts if chart is not None]  # noqa: S704


def _class_rows(view: ReportView) -> list[ClassRow]:
    """By true class where it is known, else by the victim's clean answer; those that flip most readily first."""
    table = rows_under(view.table, l2_bounds(view.table)[-1])
    classes = table["label"].astype("float64").fillna(table["reference"].astype("float64"))
    rows = [_class_row(view.class_name(int(own)), part) for own, part in table.groupby(classes)]
    return sorted(rows, key=lambda row: -1.0 if row.success_rate is None else row.success_rate, reverse=True)


def _class_row(name: str, table: pd.DataFrame) -> ClassRow:
    attacked = attacked_rows(table)
    flips = attacked[attacked["success"].astype(bool)]
    label, reference = (table[column].astype("float64") for column in ("label", "reference"))
    right = (label == reference)[label.notna() & reference.notna()]
    return ClassRow(
        name,
        len(table),
        float(right.mean()) if len(right) else None,
        len(attacked),
        len(flips),
        len(flips) / len(attacked) if len(attacked) else None,
        float(flips["l2"].median()) if len(flips) else None,
        float(flips["queries_to_flip"].astype("float64").median()) if len(flips) else None,
    )


def _filter_rows(view: ReportView) -> list[FilterRow]:
    """Every filter of the arsenal, used or not, the most used first."""
    used = {use.name: use for use in view.filters}
    unnatural = set(view.summary.get("unnatural") or ())
    names = dict.fromkeys([*used, *(view.summary.get("distortions") or ())])
    rows = []
    for name in names:
        kind = "unnatural, norm-matched" if name in unnatural else "natural"
        use = used.get(name)
        counts = (use.samples, use.cells) if use is not None else (0, 0) if view.filters else (None, None)
        rows.append(FilterRow(name, kind, *counts))
    return sorted(rows, key=lambda row: row.cells or 0, reverse=True)


def _shown(case: Case, panels: list[Panel], view: ReportView) -> ShownCase:
    after = int(np.argmax(case.after))
    was, now = view.class_name(case.reference), view.class_name(after)
    change = f"{was} became {now}" if after != case.reference else f"{was}, unchanged"
    truth = "" if case.label is None else f"true class {view.class_name(case.label)}; "
    measures = perceptibility(case.clean, case.modified, view.bounds)
    seen = "".join(f", {MEASURE_TEXTS[name].format(number(value))}" for name, value in measures.items())
    facts = f"{truth}{case.queries} queries, L2 {case.l2:.3g}{seen}; {case.filters or 'no filter'}"
    before_top, after_top = (np.argsort(-np.asarray(p), kind="stable")[:TOP] for p in (case.before, case.after))
    answers = [
        (view.class_name(int(b)), float(case.before[b]), view.class_name(int(a)), float(case.after[a]))
        for b, a in zip(before_top, after_top, strict=True)
    ]
    pictures = [
        Picture(panel.title, panel.alt, f"data:image/png;base64,{base64.b64encode(panel.png).decode()}")
        for panel in panels
    ]
    return ShownCase(case.index, change, facts, answers, pictures)


def _is_shrunk(case: Case) -> bool:
    return case.clean.ndim > 2 and max(case.clean.shape[-2:]) > LARGEST_SIDE


def _errors(table: pd.DataFrame) -> list[tuple[str, int]]:
    """The commonest reasons why samples could not be attacked."""
    counts = table.dropna(subset="error").groupby("error")["index"].nunique().sort_values(ascending=False)
    return [(str(text), int(times)) for text, times in counts.head(ERRORS_SHOWN).items()]
