"""The figures of a whole run, from one row a result.

Means of queries come twice: `queries_spent_mean` is what the attack cost, `queries_capped_mean` counts every failure at
the full budget and is the one that may be compared with another attack.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brinkmap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LEARNED_ACROSS", "Meaning", "attacked_rows", "flips_by_kind", "l2_bounds", "meaning_of", "rows_under", "summarise",
    "video_figures",
]  # fmt: skip

QUERY_MARKS = (10, 25, 50, 100, 200, 500, 1000)
"""Query counts at which the success rate is given, as far as the budget reaches."""

LEARNED_ACROSS = (
    "It learned from one sample for the next: another order of the samples, other --slots, more workers, or a stop on "
    "the way give other figures."
)
"""What pages say of an attack to which samples are not independent."""

KINDS_OF_FLIP = ("dangerous", "alarm", "rejected", "other")


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
        l2_raw_mean, linf_raw_mean: the same in the sample's unit; the second is the mean peak of the change.
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
        "l2_raw_mean": _mean(successes["l2_raw"]),
        "linf_raw_mean": _mean(successes["linf_raw"]),
        "changed_mean": _mean(successes["changed"]),
        "clipped_mean": _mean(successes["clipped"]),
        "queries_refine_mean": _mean(successes["queries_refine"]),
        "queries_total": int(table["queries"].sum()),
        "asr_at": {str(mark): _mean(to_flip <= mark) for mark in QUERY_MARKS if mark <= budget},
    }


def video_figures(table: pd.DataFrame) -> dict[str, Any]:
    """The video papers' figures, over all attacked clips and not the flipped ones only.

    Args:
        table: one row a result, with the columns of `summarise` and `metrics.spread`'s `map`.

    Returns:
        video: MAP (255 times the mean change of a value regardless of sign), QN (mean queries, those of failures and of
            refining included) and SR (success rate in percent). Nothing where no clip was measured, or several L2
            bounds were attacked.

    Source: AstFocus (DeepSota/AstFocus, Untarget_attack_test.py).
    """
    attacked = attacked_rows(table)
    if len(l2_bounds(table)) > 1 or not len(attacked) or attacked["map"].isna().all():
        return {}
    rate = 100 * float(attacked["success"].astype(bool).mean())
    return {"video": {"MAP": _mean(attacked["map"]), "QN": _mean(attacked["queries"]), "SR": rate}}


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


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What classes mean to who acts on the answer: all is well, nothing can be said, or else a finding."""

    normal: frozenset[int]
    """Classes that mean that all is well."""
    unclassifiable: frozenset[int] = frozenset()
    """Classes that mean that the sample cannot be judged, such as a noisy one."""

    def kind(self, reference: int, answer: int) -> str:
        """What a flip is: `rejected`, `dangerous`, `alarm` or `other`.

        >>> Meaning(normal=frozenset([0]), unclassifiable=frozenset([3])).kind(reference=1, answer=0)
        'dangerous'
        """
        if answer in self.unclassifiable and reference not in self.unclassifiable:
            return "rejected"
        if answer in self.normal and self.is_finding(reference):
            return "dangerous"
        if reference in self.normal and self.is_finding(answer):
            return "alarm"
        return "other"

    def is_finding(self, label: int) -> bool:
        """Whether a class is neither normal nor unclassifiable."""
        return label not in self.normal and label not in self.unclassifiable


def meaning_of(
    normal: Sequence[str | int], unclassifiable: Sequence[str | int] = (), class_names: Sequence[str] | None = None
) -> Meaning:
    """Which classes mean what, by name or by number from 0.

    Args:
        normal: at least one class that means that all is well.
        unclassifiable: classes that mean that the sample cannot be judged.
        class_names: of all classes in order, where they have names.

    Raises:
        InputError: there is no such class, none is normal, or one is both.
    """
    sets = [frozenset(_class_of(one, class_names) for one in given) for given in (normal, unclassifiable)]
    if not sets[0]:
        raise InputError("normal: expected one class at least that means that all is well, got none.")
    if sets[0] & sets[1]:
        raise InputError(f"unclassifiable: class {min(sets[0] & sets[1])} is among the normal ones too. Choose one.")
    return Meaning(normal=sets[0], unclassifiable=sets[1])


def flips_by_kind(table: pd.DataFrame, after: Sequence[Any], meaning: Meaning) -> dict[str, Any]:
    """How many flips would have harmed, alarmed or only been turned away, by what the classes mean.

    Args:
        table: one row a result, as for `summarise`, such as `brinkmap.collect(results).table`.
        after: the answer to each row's modified sample, (classes,) or None, such as `brinkmap.collect(results).after`.
        meaning: of the classes.

    Returns:
        dangerous: a finding became normal.
        alarm: normal became a finding.
        rejected: what could be judged became unclassifiable, which is the right answer to enough noise.
        other: one finding for another, and whatever an unclassifiable sample became.
        findings, normals: attacked samples whose clean answer was a finding, or normal.
        dangerous_rate, alarm_rate: of these the shares that flipped so; None where there are none.
        success_rate_unrejected: flips of all attacked samples that were not rejected.
    """
    attacked = attacked_rows(table)
    answers = {place: one for place, one in zip(table.index, after, strict=True) if one is not None}
    flips = attacked[attacked["success"].astype(bool)]
    kinds = [
        meaning.kind(int(reference), int(max(range(len(answers[place])), key=answers[place].__getitem__)))
        for place, reference in flips["reference"].items()
    ]
    counts: dict[str, Any] = {kind: kinds.count(kind) for kind in KINDS_OF_FLIP}
    references = [int(reference) for reference in attacked["reference"]]
    findings = sum(map(meaning.is_finding, references))
    normals = sum(reference in meaning.normal for reference in references)
    return counts | {
        "findings": findings,
        "normals": normals,
        "dangerous_rate": counts["dangerous"] / findings if findings else None,
        "alarm_rate": counts["alarm"] / normals if normals else None,
        "success_rate_unrejected": (len(kinds) - counts["rejected"]) / len(attacked) if len(attacked) else None,
    }


def _class_of(given: str | int, class_names: Sequence[str] | None) -> int:
    if class_names is not None and given in class_names:
        return list(class_names).index(str(given))
    number = int(given) if isinstance(given, int) or given.isdigit() else -1
    if number < 0 or (class_names is not None and number >= len(class_names)):
        known = ", ".join(class_names) if class_names is not None else "numbers from 0, as the classes have no names"
        raise InputError(f"no class {given!r}. There are {known}.")
    return number
