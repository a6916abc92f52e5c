"""The figures of a whole run, from one row a result.

Means of queries come twice: `queries_spent_mean` is what the attack cost, `queries_capped_mean` counts every failure at
the full budget and is the one that may be compared with another attack.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["attacked_rows", "l2_bounds", "rows_under", "summarise"]

QUERY_MARKS = (10, 25, 50, 100, 200, 500, 1000)
"""Query counts at which the success rate is given, as far as the budget reaches."""


def summarise(table: pd.DataFrame, *, budget: int, refine_budget: int) -> dict[str, Any]:
    """The figures of a run, every one of them JSON-safe: None where there is nothing to average.

    Where several L2 bounds were attacked, every sample has a row for each of them. Then the top level describes the
    largest bound (no bound being the largest), so that `samples` counts each sample once; only `queries_total` covers
    all rows of all bounds, as it is held against the ledger. `by_bound` has the same figures for each bound.

    Args:
        table: one row a result, with the scalar fields of `AttackResult` as columns.
        budget: queries a sample might cost until it flipped.
        refine_budget: queries it might cost on top.

    Returns:
        max_l2: the bound described; None for no bound.
        budget, refine_budget: as given.
        samples, errors, skipped, attacked, successes, stalled: counts; skipped samples were misclassified clean.
        clean_accuracy: share right among samples with a label and an answer.
        success_rate: successes / attacked.
        queries_spent_mean: over attacked, queries up to the flip, or all up to giving up.
        queries_capped_mean, queries_median: over attacked, queries up to the flip, failures at the full budget.
        steps_mean: over attacked.
        l2_mean, l2_median, linf_mean, changed_mean, clipped_mean, queries_refine_mean: over successes.
        queries_total: over all rows, errors and skipped included.
        asr_at: success rate within 10, 25, ... queries, keyed by text, as far as the budget reaches.
        by_bound: the same for each bound, ascending, no bound last; only where there are several.
    """
    parts = [
        {"max_l2": bound, "budget": budget, "refine_budget": refine_budget} | _figures(rows_under(table, bound), budget)
        for bound in l2_bounds(table)
    ]
    whole = parts[-1] | {"queries_total": int(table["queries"].sum())}
    return whole | {"by_bound": parts} if len(parts) > 1 else whole


def l2_bounds(table: pd.DataFrame) -> list[float | None]:
    """The L2 bounds that were attacked, ascending; None, no bound, stands last. [None] for an empty table."""
    bounds = sorted({math.inf if math.isnan(bound) else bound for bound in _numbers(table, "max_l2")})
    return [None if math.isinf(bound) else bound for bound in bounds] or [None]


def rows_under(table: pd.DataFrame, max_l2: float | None) -> pd.DataFrame:
    """The rows that were attacked under one bound; None for those without."""
    bounds = _numbers(table, "max_l2")
    return table[bounds.isna() if max_l2 is None else bounds == max_l2]


def attacked_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in the denominator of a success rate: no error, and not misclassified to begin with."""
    label = _numbers(table, "label")
    skipped = label.notna() & (label != _numbers(table, "reference"))
    return table[table["error"].isna() & ~skipped]


def _figures(table: pd.DataFrame, budget: int) -> dict[str, Any]:
    """The figures of one bound."""
    attacked = attacked_rows(table)
    flipped = attacked["success"].astype(bool)
    successes = attacked[flipped]
    to_flip = _numbers(attacked, "queries_to_flip").where(flipped)
    capped = to_flip.fillna(budget)
    errors = int(table["error"].notna().sum())
    return {
        "samples": len(table),
        "errors": errors,
        "skipped": len(table) - errors - len(attacked),
        "attacked": len(attacked),
        "successes": len(successes),
        "stalled": int(attacked["stalled"].astype(bool).sum()),
        "clean_accuracy": _clean_accuracy(table),
        "success_rate": _mean(flipped),
        "queries_spent_mean": _mean(attacked["queries"] - attacked["queries_refine"]),
        "queries_capped_mean": _mean(capped),
        "queries_median": _median(capped),
        "steps_mean": _mean(attacked["steps"]),
        "l2_mean": _mean(successes["l2"]),
        "l2_median": _median(successes["l2"]),
        "linf_mean": _mean(successes["linf"]),
        "changed_mean": _mean(successes["changed"]),
        "clipped_mean": _mean(successes["clipped"]),
        "queries_refine_mean": _mean(successes["queries_refine"]),
        "queries_total": int(table["queries"].sum()),
        "asr_at": {str(mark): _mean(to_flip <= mark) for mark in QUERY_MARKS if mark <= budget},
    }


def _clean_accuracy(table: pd.DataFrame) -> float | None:
    label, reference = _numbers(table, "label"), _numbers(table, "reference")
    known = label.notna() & reference.notna()
    return _mean((label == reference)[known])


def _numbers(table: pd.DataFrame, column: str) -> pd.Series:
    """A column that may hold None, as float64 with NaN in its place."""
    return table[column].astype("float64")


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None


def _median(values: pd.Series) -> float | None:
    return float(values.median()) if len(values) else None
