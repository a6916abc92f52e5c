"""What stands in the report, in words and rows, so that the template only has to lay it out."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from brinkmap.arrays import Array
from brinkmap.metrics import bootstrap_interval
from brinkmap.report.charts import Chart, l2_histogram, queries_curve, robustness_curve
from brinkmap.report.panels import LARGEST_SIDE, ROWS, panels_of
from brinkmap.report.view import Case, FilterUse, ReportView, Threshold
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

__all__ = ["FORMATS", "page_of"]

CLASS_ROWS = 60
"""Classes in the per-class table; of more, those that flip most readily."""
ERRORS_SHOWN = 5


class Figure(NamedTuple):
    """One key figure: what it is, its value and what to know of it."""

    name: str
    value: str
    note: str


class ClassRow(NamedTuple):
    """One line of the per-class table."""

    name: str
    samples: int
    accuracy: float | None
    attacked: int
    flipped: int
    success_rate: float | None
    l2_median: float | None
    queries_median: float | None


def page_of(view: ReportView) -> dict[str, Any]:
    """Everything the template shows.

    Args:
        view: the audit.
    """
    thresholds = [Threshold(*row) for row in view.thresholds]
    cases = list(view.cases)[:ROWS]
    classes = _class_rows(view)
    return {
        "view": view,
        "summary": view.summary,
        "unnatural": list(view.summary.get("unnatural", ())),
        "thresholds": thresholds,
        "verdict": _verdict(thresholds),
        "headline": _headline(view),
        "figures": _key_figures(view),
        "charts": _charts(view),
        "classes": classes[:CLASS_ROWS],
        "classes_left_out": max(0, len(classes) - CLASS_ROWS),
        "filters": _filters(view),
        "cases": [_case(case, view) for case in cases],
        "cases_left_out": len(view.cases) - len(cases),
        "shrunk_to": LARGEST_SIDE if any(max(case.clean.shape[1:]) > LARGEST_SIDE for case in cases) else None,
        "rank": view.cases[0].clean.ndim - 1 if view.cases else 0,
        "costs": _costs(view),
        "errors": _errors(view.table),
    }
