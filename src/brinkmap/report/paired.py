"""Two audits of the same samples, figure by figure: differences with paired bootstrap intervals, or unpaired ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.arrays import Floats
from brinkmap.metrics import bootstrap_interval
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "Difference", "differences_of", "turned"]

DRAWS = 2000


@dataclass(frozen=True)
class Difference:
    """One figure of two audits."""

    name: str
    first: float
    second: float
    difference: float
    """Second minus first; on the shared samples where it is paired."""
    interval: tuple[float, float] | None
    """Bootstrap 95 %; None where all samples differ alike, of which a bootstrap knows nothing."""
    samples: int
    """Shared ones, or of the smaller audit where it is not paired."""


@dataclass(frozen=True)
class _Measured:
    """How one figure is read off an audit's rows."""

    name: str
    values: Callable[[pd.DataFrame, int], pd.Series]
    """A row a result and the budget, to one value a sample, by index."""


def _right(table: pd.DataFrame, _: int) -> pd.Series:
    known = table[table["label"].notna() & table["reference"].notna()].set_index("index")
    return (known["label"].astype(float) == known["reference"].astype(float)).astype(float)


def _flipped(table: pd.DataFrame, _: int) -> pd.Series:
    return attacked_rows(table).set_index("index")["success"].astype(float)


def _capped(table: pd.DataFrame, budget: int) -> pd.Series:
    attacked = attacked_rows(table).set_index("index")
    return attacked["queries_to_flip"].astype(float).where(attacked["success"].astype(bool)).fillna(budget)


def _of_flips(column: str) -> Callable[[pd.DataFrame, int], pd.Series]:
    def values(table: pd.DataFrame, _: int) -> pd.Series:
        attacked = attacked_rows(table)
        return attacked[attacked["success"].astype(bool)].set_index("index")[column].astype(float)

    return values


FIGURES = (
    _Measured("clean accuracy", _right),
    _Measured("success rate", _flipped),
    _Measured("queries, failures at the full budget", _capped),
    _Measured("L2 at flip", _of_flips("l2")),
    _Measured("largest change at flip", _of_flips("linf")),
)
"""What two audits are compared by; the last two on samples that flip in both."""


def differences_of(
    first: pd.DataFrame, second: pd.DataFrame, budgets: tuple[int, int], *, paired: bool
) -> list[Difference]:
    """Each figure that both audits have, under the largest bound of each.

    Args:
        first, second: one row a result.
        budgets: of each.
        paired: whether the same index is the same sample; then a figure is taken over samples that have it in both.
    """
    found = []
    for figure in FIGURES:
        a, b = (
            figure.values(rows_under(table, l2_bounds(table)[-1]), budget)
            for table, budget in zip((first, second), budgets, strict=True)
        )
        if paired:
            shared = a.index.intersection(b.index)
            a, b = a.loc[shared], b.loc[shared]
        if not len(a) or not len(b):
            continue
        x, y = a.to_numpy(float), b.to_numpy(float)
        interval = _paired(y - x) if paired else _unpaired(x, y)
        difference = (y - x).mean() if paired else y.mean() - x.mean()
        found.append(
            Difference(figure.name, float(x.mean()), float(y.mean()), float(difference), interval, min(len(x), len(y)))
        )
    return found


def turned(first: pd.DataFrame, second: pd.DataFrame) -> tuple[int, int, int, int]:
    """Samples attacked in both that flip in both, in the first only, in the second only, in neither."""
    a, b = (_flipped(rows_under(table, l2_bounds(table)[-1]), 0) for table in (first, second))
    shared = a.index.intersection(b.index)
    one, two = a.loc[shared].to_numpy(bool), b.loc[shared].to_numpy(bool)
    return int((one & two).sum()), int((one & ~two).sum()), int((~one & two).sum()), int((~one & ~two).sum())


def _paired(differences: Floats) -> tuple[float, float] | None:
    return bootstrap_interval(differences, seed=0) if np.ptp(differences) > 0 else None


def _unpaired(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Of the difference of means of two sets of samples, each resampled by itself."""
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        return None
    rng = np.random.default_rng(0)
    means = [y[rng.integers(len(y), size=len(y))].mean() - x[rng.integers(len(x), size=len(x))].mean()
             for _ in range(DRAWS)]  # fmt: skip
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
