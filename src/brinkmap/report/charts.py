"""The curves of an audit: what stays right against distance, what flips against queries, and how far flips are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.report.document import Plot
from brinkmap.report.plots import Line, Scale, bars, curves
from brinkmap.report.wording import bound_name
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["accuracy_line", "charts_of", "flips_line", "l2_histogram", "queries_curve", "robustness_curve"]

DISTANCE = "L2, on samples scaled to 0..1"


def charts_of(table: pd.DataFrame, budget: int) -> list[Plot]:
    """Those curves that there is something to draw for.

    Args:
        table: one row a result.
        budget: queries a sample might cost until it flipped.
    """
    return [
        plot
        for plot in (robustness_curve(table), queries_curve(table, budget), l2_histogram(table))
        if plot is not None
    ]


def accuracy_line(table: pd.DataFrame, name: str = "") -> Line | None:
    """The share of samples still answered right, or unchanged where labels are not known, after a distortion of at
    most L2 x; None where nothing was attacked.

    It begins at the clean accuracy. Under several bounds, a sample is flipped at the least L2 of any of them.

    Args:
        table: one row a result.
        name: for a legend.
    """
    attacked, answered = attacked_rows(table), table[table["error"].isna()]["index"].nunique()
    if attacked.empty:
        return None
    flips = attacked["l2"].astype(float).where(attacked["success"].astype(bool), math.inf)
    least = np.sort(flips.groupby(attacked["index"]).min().to_numpy())
    found, bound = least[np.isfinite(least)], l2_bounds(table)[-1]
    end = bound if bound is not None else 1.05 * found[-1] if len(found) else 1.0
    held = (len(least) - np.arange(len(found) + 1)) / answered
    return Line(name, np.concatenate([[0], found, [end]]), np.append(held, held[-1]))


def robustness_curve(table: pd.DataFrame) -> Plot | None:
    """Accuracy against L2; arguments and None as for `accuracy_line`."""
    line = accuracy_line(table)
    if line is None:
        return None
    labelled = table["label"].notna().any()
    what = "answered right" if labelled else "unchanged"
    below = line.x[line.y <= line.y[0] / 2]
    halfway = f"; half of what was {'right' if labelled else 'there'} is lost by {below[0]:.3g}" if len(below) else ""
    alt = (
        f"Share of samples {what} against L2: {line.y[0]:.0%} without distortion, {line.y[-1]:.0%} at "
        f"{line.x[-1]:.3g}{halfway}."
    )
    title = "Accuracy against distance" if labelled else "Unchanged answers against distance"
    return curves("robustness", title, alt, [line], Scale(DISTANCE, what, float(line.x[-1])))


def flips_line(table: pd.DataFrame, bound: float | None, budget: int, name: str = "") -> Line | None:
    """Share of the attacked samples flipped within so many queries under one bound; None where there are none.

    Args:
        table: one row a result.
        bound: the L2 bound; None for those without.
        budget: queries a sample might cost until it flipped.
        name: for a legend.
    """
    attacked = attacked_rows(rows_under(table, bound))
    if attacked.empty:
        return None
    flipped = attacked["success"].astype(bool)
    queries = np.sort(attacked.loc[flipped, "queries_to_flip"].to_numpy(float))
    rates = np.arange(len(queries) + 1) / len(attacked)
    return Line(name, np.concatenate([[0], queries, [budget]]), np.append(rates, rates[-1]))


def queries_curve(table: pd.DataFrame, budget: int) -> Plot | None:
    """Success rate against queries, a line for each bound; arguments and None as for `flips_line`."""
    found = [flips_line(table, bound, budget, bound_name(bound)) for bound in l2_bounds(table)]
    lines = [line for line in found if line is not None]
    if not lines:
        return None
    ends = "; ".join(f"{line.name}: {line.y[-1]:.0%}" for line in lines)
    alt = f"Attack success rate against queries, up to the budget of {budget}. At the budget, {ends}."
    scale = Scale("queries spent on a sample", "flipped", budget)
    return curves("queries", "Attack success rate against queries", alt, lines, scale)


def l2_histogram(table: pd.DataFrame) -> Plot | None:
    """How the L2 at flip is spread, under the largest bound; None where nothing flipped."""
    attacked = attacked_rows(rows_under(table, l2_bounds(table)[-1]))
    distances = attacked.loc[attacked["success"].astype(bool), "l2"].to_numpy(float)
    if not len(distances):
        return None
    alt = (
        f"Histogram of the least L2 found at which {len(distances)} samples flip: least {distances.min():.3g}, "
        f"median {np.median(distances):.3g}, most {distances.max():.3g}."
    )
    return bars("distances", "Least distortion found", alt, distances, "L2 at flip, on samples scaled to 0..1")
