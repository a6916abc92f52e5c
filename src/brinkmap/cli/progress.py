"""What an audit looks like in a terminal, while it runs and when it is over."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Table

from brinkmap.audit import Audit
from brinkmap.campaign import Progressed
from brinkmap.results import AttackResult
from brinkmap.session import Session

__all__ = ["Progress", "print_audit", "training_bar"]

FIGURES = (
    ("samples", "samples", "{:d}"),
    ("of these attacked", "attacked", "{:d}"),
    ("skipped: misclassified clean", "skipped", "{:d}"),
    ("failed with a reason", "errors", "{:d}"),
    ("clean accuracy", "clean_accuracy", "{:.1%}"),
    ("flipped within the budget", "success_rate", "{:.1%}"),
    ("queries, failures at the full budget (mean)", "queries_capped_mean", "{:.1f}"),
    ("queries (median)", "queries_median", "{:.0f}"),
    ("L2 at the end, flipped samples (mean)", "l2_mean", "{:.3f}"),
    ("peak of the change in {unit} (mean)", "linf_raw_mean", "{:.3f}"),
    ("L2 of the change in {unit} (mean)", "l2_raw_mean", "{:.3f}"),
    ("SSIM of flipped samples (mean)", "ssim_mean", "{:.3f}"),
    ("SNR of flipped samples in dB (mean)", "snr_db_mean", "{:.1f}"),
    ("queries in all", "ledger_total", "{:,d}"),
    ("of these lost with what was stopped or died", "queries_lost", "{:,d}"),
    ("of these dropped, past the total", "queries_dropped", "{:,d}"),
    ("queries a second", "achieved_rate", "{:,.0f}"),
)
UNLESS_NONE = ("queries_lost", "queries_dropped")
"""Figures that are shown where they are not 0."""
FLIPS = (
    ("dangerous: a finding became normal", "dangerous", "findings"),
    ("alarm: normal became a finding", "alarm", "normals"),
    ("rejected: became unclassifiable", "rejected", None),
    ("other flips", "other", None),
)
"""Kinds of flip, and what they are counted out of."""


class Progress:
    """A bar with ETA, queries and success rate so far, on standard error.

    Args:
        total: how many results are to come.
    """

    def __init__(self, total: int) -> None:
        self._bar = RichProgress(*_columns(), console=Console(stderr=True))
        self._task = self._bar.add_task("attacking", total=total, so_far="")
        self._attacked = self._flipped = 0

    def __enter__(self) -> Progress:
        if self._bar.console.is_terminal:  # a log file gets the bar once, at the end, and none for bad input
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def watch(self, result: AttackResult, session: Session) -> None:
        """Take note of one more result."""
        if not self._attacked and not self._bar.tasks[self._task].completed:
            self._bar.console.print(f"agent: {session.agent_name}", markup=False, highlight=False)
        self._bar.start()
        self._advance(1, result.attacked, result.success, session.metered.ledger.total)

    def advance(self, brought: Progressed) -> None:
        """Take note of what a campaign's part has brought."""
        self._bar.start()
        self._bar.update(self._task, description=f"attacking, {brought.workers} at work")
        self._advance(brought.finished, brought.attacked, brought.flipped, brought.queries)

    def _advance(self, finished: int, attacked: int, flipped: int, queries: int) -> None:
        self._attacked += attacked
        self._flipped += flipped
        rate = f", {self._flipped / self._attacked:.0%} flipped" if self._attacked else ""
        self._bar.update(self._task, advance=finished, so_far=f"{queries:,} queries{rate}")


def training_bar() -> RichProgress:
    """A bar with ETA for a training; its tasks say in `so_far` how it goes. A log file gets none."""
    console = Console(stderr=True)
    return RichProgress(*_columns(), console=console, disable=not console.is_terminal)


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[so_far]}"),
        TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn(),
    )  # fmt: skip


def print_audit(done: Audit) -> None:
    """The figures of a finished audit, its verdict, and where the report lies."""
    console = Console()
    table = Table(
        "figure", "value", title=escape(f"{done.summary['agent']}, {bound_of(done.summary)}"), title_justify="left"
    )
    for title, key, form in FIGURES:
        if done.summary.get(key) is None or (key in UNLESS_NONE and not done.summary[key]):
            continue
        if done.summary.get("unit") or "{unit}" not in title:
            table.add_row(escape(title.format(unit=done.summary.get("unit"))), form.format(done.summary[key]))
    flips = done.summary.get("flips", {})
    for title, key, among in FLIPS if flips else ():
        table.add_row(title, f"{flips[key]} of {flips[among]}" if among else str(flips[key]))
    console.print(table)
    for threshold in done.thresholds:
        verdict = "met" if threshold.passed else "MISSED"
        console.print(
            f"threshold {verdict}: {threshold.name} {threshold.required}, measured {threshold.measured}", markup=False
        )
    console.print(f"Report: {done.report}", soft_wrap=True, markup=False, highlight=False)


def bound_of(summary: dict[str, Any]) -> str:
    """The bound that a summary speaks of, in words."""
    bound = "no L2 bound" if summary["max_l2"] is None else f"L2 at most {summary['max_l2']:g}"
    return f"budget {summary['budget']}, {bound}"
