"""The figures of a comparison: one row for each attack on each victim under each bound, and paired differences.

A failure counts at the full budget, and so does a sample on which an attack crashed: a crash is the attack's own.
Seeds are averaged for each sample before anything else, so that intervals are over samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.compare.contest import Kept
from brinkmap.metrics import bootstrap_interval
from brinkmap.rows import MEASURED, SCHEMA, columns_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CELL", "MARKS", "differences", "figures_of", "samples_of", "with_break_even"]

MARKS = (10, 25, 50, 100, 200, 500, 1000)
"""Queries within which the success rate is given."""
CELL = ["track", "bound", "victim", "attack"]
"""What one row of figures is about."""
HEAVY = ("before", "after", "plan")
"""Columns of a sample that no figure needs."""


def samples_of(cells: Iterable[Kept]) -> pd.DataFrame:
    """Every sample of every cell: the columns of `results.parquet` behind track, bound, victim, attack, and capped.

    `capped` is queries to the flip, failures and crashes at the full budget. Samples that the victim misclassifies are
    left out: no attack attacks them.
    """
    import pandas as pd

    columns = [name for name in SCHEMA.names if name not in HEAVY]
    parts = []
    for cell in cells:
        if cell.left_out is not None:
            continue
        part = columns_of(cell.folder / "results.parquet", columns)
        part = part[part["error"].notna() | (part["label"] == part["reference"])]
        for place, name in enumerate(CELL):
            part.insert(place, name, cell.facts[name])
        part["success"] = part["success"].astype(bool) & part["error"].isna()
        budget = cell.facts["budget"]
        part["capped"] = part["queries_to_flip"].astype(float).where(part["success"]).fillna(budget)
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*CELL, *columns, "capped"])


def figures_of(cells: Sequence[Kept], samples: pd.DataFrame) -> list[dict[str, Any]]:
    """One row of figures for each attack, victim and bound, seeds together, in the order of the cells."""
    groups: dict[tuple[Any, ...], list[Kept]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell.facts.get(name) for name in CELL), []).append(cell)
    rows = []
    for key, alike in groups.items():
        cell = alike[0]
        facts = {name: cell.facts.get(name) for name in (*CELL, "note", "budget", "refine_budget", "clean_accuracy")}
        facts |= {name: cell.facts.get(name) for name in ("max_l2", "max_linf", "agent", "distortions", "patch")}
        facts["training_queries"] = cell.facts.get("training_queries", 0)
        facts["learns_across"] = cell.facts.get("learns_across", False)
        if cell.left_out is not None:
            rows.append(facts | {"left_out": cell.left_out})
            continue
        here = samples[(samples[CELL] == list(key)).all(axis=1)]
        rows.append(facts | _figures(here, cell.facts["budget"]) | _costs(alike, here))
    return rows


def _figures(here: pd.DataFrame, budget: int) -> dict[str, Any]:
    """Over all seeds."""
    by_sample = here.groupby("index")[["capped", "success"]].mean()
    won, errors = here[here["success"]], here["error"].dropna()
    to_flip = here["capped"].where(here["success"], math.inf)
    low, high = bootstrap_interval(by_sample["capped"].to_numpy(), seed=0)
    steps = here["published_steps"].dropna()
    return {
        "samples": len(by_sample),
        "seeds": int(here["seed"].nunique()),
        "success_rate": _mean(here["success"]),
        "success_rate_by_seed": [round(float(one), 4) for one in here.groupby("seed")["success"].mean()],
        "asr_at": {str(mark): _mean(to_flip <= mark) for mark in MARKS if mark <= budget},
        "queries_capped_mean": _mean(here["capped"]),
        "queries_capped_interval": [low, high],
        "queries_capped_mean_by_seed": [round(float(one), 2) for one in here.groupby("seed")["capped"].mean()],
        "queries_median": float(here["capped"].median()),
        "queries_spent_mean": _mean(here["queries"]),
        "published_steps_mean": _mean(steps),
        "l2_at_flip_mean": _mean(won["l2_at_flip"]),
        "l2_mean": _mean(won["l2"]),
        "linf_mean": _mean(won["linf"]),
        "changed_mean": _mean(won["changed"]),
        **{f"{name}_mean": _mean(here[name][np.isfinite(here[name].astype(float))]) for name in MEASURED},
        "projected": int(here["projected"].sum()),
        "stalled": int(here["stalled"].sum()),
        "errors": len(errors),
        "first_error": errors.iloc[0] if len(errors) else None,
    }


def _costs(alike: Sequence[Kept], here: pd.DataFrame) -> dict[str, Any]:
    seconds = sum(cell.facts["seconds"] for cell in alike)
    victim = sum(cell.facts["victim_seconds"] for cell in alike)
    queries = sum(int(cell.facts["ledger_total"]) for cell in alike)
    return {
        "ledger_total": queries,
        "queries_of_samples": int(here["queries"].sum()),
        "cache_hits": sum(int(cell.facts["cache_hits"]) for cell in alike),
        "seconds": seconds,
        "victim_seconds": victim,
        "queries_a_second": queries / max(seconds, 1e-9),
        "own_milliseconds_a_query": 1000 * (seconds - victim) / max(queries, 1),
        "selection_queries": alike[0].facts["selection_queries"],
    }


def differences(samples: pd.DataFrame, against: str) -> list[dict[str, Any]]:
    """How many queries fewer each attack needs than the reference on the same samples of the same victim and bound.

    Args:
        samples: as `samples_of` gives them.
        against: the attack that the others are held against; in a track that it is not of, the first one there.

    Returns:
        One row a cell: the mean of capped queries of the reference minus those of the attack, its bootstrap 95 %
        interval over samples, and how many samples are compared. Positive is better than the reference.
    """
    rows = []
    by_sample = samples.groupby([*CELL, "index"], sort=False)["capped"].mean().reset_index()
    for (track, bound, victim), here in by_sample.groupby(["track", "bound", "victim"], sort=False):
        by_attack = {name: one.set_index("index")["capped"] for name, one in here.groupby("attack", sort=False)}
        reference = against if against in by_attack else next(iter(by_attack))
        for attack, ours in by_attack.items():
            saved = (by_attack[reference] - ours).dropna().to_numpy()
            if attack == reference or not len(saved):
                continue
            rows.append(
                {"track": track, "bound": bound, "victim": victim, "attack": attack, "against": reference,
                 "queries_fewer_mean": float(saved.mean()), "interval": list(bootstrap_interval(saved, seed=0)),
                 "samples": len(saved)}
            )  # fmt: skip
    return rows


def with_break_even(differing: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Differences with `break_even`: audited samples after which queries saved have repaid those of training.

    Args:
        differing: of `differences`.
        rows: of `figures_of`.

    Returns:
        The same rows; 0 where the attack was trained with no more queries than the reference, None where it is never
        repaid.
    """
    spent = {tuple(row[name] for name in CELL): row["training_queries"] for row in rows if "left_out" not in row}
    found = []
    for row in differing:
        where = row["track"], row["bound"], row["victim"]
        more, fewer = spent[*where, row["attack"]] - spent[*where, row["against"]], row["queries_fewer_mean"]
        even = 0 if more <= 0 else math.ceil(more / fewer) if fewer > 0 else None
        found.append({**row, "break_even": even})
    return found


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None
