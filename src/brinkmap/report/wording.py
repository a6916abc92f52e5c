"""A report's plain words: the verdict, what happened, and how a figure is written."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brinkmap.metrics import bootstrap_interval
from brinkmap.report.document import Figure, Verdict
from brinkmap.report.view import ReportView, Threshold
from brinkmap.summary import attacked_rows, l2_bounds, rows_under

__all__ = [
    "bound_name", "command_line", "cost_figures", "count", "headline", "key_figures", "number", "percent", "plain",
    "rate", "seconds", "some", "verdict", "without_passwords",
]  # fmt: skip

PASSWORD = re.compile(r"""(\w://)[^/@\s"'<>]+@""")
"""Who one is to a service, before its address."""


def verdict(thresholds: Sequence[Threshold]) -> Verdict:
    """Whether the victim did what was asked of it."""
    missed = sum(not threshold.passed for threshold in thresholds)
    if not thresholds:
        return Verdict("none", "No threshold was set, so there is no verdict.")
    if missed:
        return Verdict("fail", f"Failed: {missed} of {some(len(thresholds), 'threshold')} missed.")
    return Verdict("pass", f"Passed: {some(len(thresholds), 'threshold')} met.")


def headline(view: ReportView) -> str:
    """What the attack came to, in one or two sentences."""
    summary = view.summary
    bound = "no distance bound" if summary["max_l2"] is None else f"an L2 of at most {summary['max_l2']:g}"
    effort = f"with {some(summary['budget'], 'query', 'queries')} a sample and {bound}"
    if not summary["attacked"]:
        return (
            f"Nothing was attacked: of {some(summary['samples'], 'sample')}, the victim misclassified "
            f"{summary['skipped']} to begin with and {summary['errors']} ended in an error."
        )
    if not summary["successes"]:
        return (
            f"No sample flipped: {effort}, the attack changed none of {some(summary['attacked'], 'answer')}. "
            "That is evidence of robustness against this attack, not proof."
        )
    return (
        f"The attack changed {summary['successes']} of {some(summary['attacked'], 'answer')} "
        f"({percent(summary['success_rate'])}{_success_interval(view)}), {effort}."
    )


def key_figures(view: ReportView) -> list[Figure]:
    """The figures that matter most, those that exist."""
    summary = view.summary
    visible = [
        ("ssim_mean", "SSIM", "1 is identical; mean over flips"),
        ("psnr_db_mean", "PSNR", "decibels; mean over flips"),
        ("snr_db_mean", "SNR", "decibels; mean over flips"),
    ]
    return [
        Figure("Clean accuracy", percent(summary["clean_accuracy"]), "right answers before any distortion"),
        Figure("Attack success rate", percent(summary["success_rate"]), f"of {summary['attacked']} attacked"),
        Figure("Queries, mean", number(summary["queries_capped_mean"]), "failures counted at the full budget"),
        Figure("L2 at flip, median", number(summary["l2_median"]), "on samples scaled to 0..1"),
        Figure("Largest change, mean", number(summary["linf_mean"]), "Linf of flips, on samples scaled to 0..1"),
        *(Figure(name, number(summary[key]), note) for key, name, note in visible if summary.get(key) is not None),
    ]


def cost_figures(summary: dict[str, Any]) -> list[Figure]:
    """What the attack cost, those figures that are known."""
    known = [
        ("ledger_total", "Queries in all", count, "every sample passed through the victim, whatever for"),
        ("queries_total", "Queries of the samples", count, "the sum over all results, errors and skipped included"),
        ("queries_spent_mean", "Queries spent, mean", number, "a sample, until it flipped or was given up"),
        ("queries_capped_mean", "Queries capped, mean", number, "failures at the full budget: compare this one"),
        ("queries_median", "Queries, median", number, "failures at the full budget"),
        ("queries_refine_mean", "Queries to refine, mean", number, "a flipped sample, to take distortion away again"),
        ("steps_mean", "Steps, mean", number, "proposals put to the victim"),
        ("cache_hits", "Memo hits", count, "answers already known: free, and not counted as queries"),
        ("seconds", "Time in all", seconds, ""),
        ("victim_seconds", "Time in the victim", seconds, ""),
        ("achieved_rate", "Rate achieved", rate, "queries in all over time in all"),
        ("peak_rate", "Peak rate", rate, "the best seen in one batch"),
        ("batch_size", "Batch size", count, "samples handed to the victim at once"),
    ]
    return [Figure(name, write(summary[key]), note) for key, name, write, note in known if summary.get(key) is not None]


def percent(share: float | None) -> str:
    """A share in per cent."""
    return "none" if share is None else f"{share:.1%}"


def number(value: float | str | None) -> str:
    """A figure to three digits; text is left as it is."""
    if value is None or isinstance(value, str):
        return value or "none"
    if not math.isfinite(value):
        return "infinite" if value > 0 else "none"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def count(value: float) -> str:
    """A whole number with separators."""
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    """A duration."""
    return f"{value:.3g} s" if value < 120 else f"{value / 60:.3g} min"


def rate(value: float) -> str:
    """Queries a second."""
    return f"{number(value)} queries/s"


def bound_name(bound: float | None) -> str:
    """An L2 bound in a legend."""
    return "no L2 bound" if bound is None else f"L2 ≤ {bound:g}"


def plain(value: Any) -> str:
    """A setting as text: lists without brackets, and `none` for what is not set."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "none"
    return "none" if value is None else str(value)


def command_line(stated: str = "") -> str:
    """What was typed, or what is stated instead; passwords in addresses are blotted out."""
    if stated:
        return without_passwords(stated)
    return without_passwords(shlex.join(["brinkmap" if _is_ours(sys.argv[0]) else sys.argv[0], *sys.argv[1:]]))


def without_passwords(text: str) -> str:
    """The text with who one is to a service blotted out of every address."""
    return PASSWORD.sub(r"\1***@", text)


def _is_ours(path: str) -> bool:
    return Path(path).stem == "brinkmap" or Path(path).parts[-2:] == ("brinkmap", "__main__.py")


def some(amount: int, one: str, many: str | None = None) -> str:
    """So many of something, in the singular or the plural."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def _success_interval(view: ReportView) -> str:
    """The interval of the success rate, where it has a width: with all or none flipped the bootstrap knows none."""
    flipped = attacked_rows(rows_under(view.table, l2_bounds(view.table)[-1]))["success"].astype(float)
    if flipped.nunique() < 2:
        return ""
    low, high = bootstrap_interval(flipped.to_numpy(), seed=0)
    return f"; 95% interval over samples {percent(low)} to {percent(high)}"
