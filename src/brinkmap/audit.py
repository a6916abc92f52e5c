"""A whole audit in one call: attack, store, summary and report."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.arrays import check_bounds
from brinkmap.attack import first_of
from brinkmap.errors import InputError
from brinkmap.export import Exporter
from brinkmap.gallery import Gallery, filter_use
from brinkmap.recorded import fingerprint_of, recorded, settings_of, versions
from brinkmap.report import ReportView, Threshold, write_gate, write_report
from brinkmap.report.kept import table_of
from brinkmap.report.wording import command_line, plain
from brinkmap.results import AttackResult
from brinkmap.rows import MEASURED, StoredResults
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import Store
from brinkmap.summary import Meaning, attacked_rows, flips_by_kind, rows_under, summarise, video_figures
from brinkmap.victims.protocol import Victim, unit_of
from brinkmap.victims.tally import Tally

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Audit", "Demands", "Presentation", "audit", "conclude"]


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What the victim must stand up to; a missed one is exit code 1 on the command line."""

    min_robust_l2: float | None = None
    """Least median L2 at which samples flip; samples that never flip count as infinitely far."""
    max_success_rate: float | None = None
    """Largest share of attacked samples that may flip within the budget."""

    def __post_init__(self) -> None:
        if self.min_robust_l2 is not None and not self.min_robust_l2 >= 0:
            raise InputError(f"min_robust_l2: expected a distance of at least 0, got {self.min_robust_l2:g}.")
        if self.max_success_rate is not None and not 0 <= self.max_success_rate <= 1:
            raise InputError(f"max_success_rate: expected a share from 0 to 1, got {self.max_success_rate:g}.")


@dataclass(frozen=True)
class Audit:
    """What an audit left behind."""

    directory: Path | str
    """The folder, or the URL of a campaign's results."""
    summary: dict[str, Any]
    thresholds: tuple[Threshold, ...]
    report: Path | str

    @property
    def passed(self) -> bool:
        """Whether every demand was met."""
        return all(threshold.passed for threshold in self.thresholds)


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """What the report says besides figures."""

    title: str = "Robustness audit"
    command: str = ""
    class_names: Sequence[str] | None = None
    export: str | None = None
    """Write each modified sample as a file too: png or npy."""


def audit(
    victim: Victim,
    samples: Any,
    labels: Any = None,
    run: Run | None = None,
    *,
    out: str | Path = "brinkmap-results",
    demands: Demands | None = None,
    presentation: Presentation | None = None,
    source: dict[str, str] | None = None,
    watch: Callable[[AttackResult, Session], None] | None = None,
    meaning: Meaning | None = None,
) -> Audit:
    """Attack every sample, keep the results, and write `summary.json` and the report.

    The same call after a kill goes on where it was. What is in `out` from another run is never overwritten.

    Args:
        victim, samples, labels, run: as for `brinkmap.attack`.
        out: folder for results, summary and report.
        demands: thresholds that decide whether the audit is passed.
        presentation: title, class names, command line and export for the report.
        source: what the data and the victim are, such as their names and checksums; part of what must be the same
            for a run to be resumed.
        watch: called with each result as it comes.
        meaning: which classes mean that all is well; with it the summary says what the flips would have done.

    Raises:
        InputError: bad input; the folder belongs to another run; or not one sample could be attacked.
    """
    run, presentation = run or Run(), presentation or Presentation()
    first, samples = first_of(samples, labels, check_bounds(victim.bounds))
    session = Session(victim, first.shape, run)
    exporter = Exporter(Path(out) / "adversarial", presentation.export, session) if presentation.export else None
    store = Store(Path(out), fingerprint_of(session, source or {}) | {"export": presentation.export})
    gallery = Gallery(session, Path(out))
    samples = gallery.recall(samples, store.results())
    with contextlib.closing(recorded(session, store, samples, labels)) as results:
        for result in results:
            gallery.offer(result)
            if exporter is not None:
                exporter.write(result)
            if watch is not None:
                watch(result, session)
    return conclude(
        session, store, gallery, demands or Demands(), presentation, source or {}, meaning=meaning, exporter=exporter
    )


def conclude(
    session: Session, store: Store, gallery: Gallery, demands: Demands, presentation: Presentation,
    source: dict[str, str], *, meaning: Meaning | None = None, exporter: Exporter | None = None,
    below: int | None = None, more: dict[str, Any] | None = None,
) -> Audit:  # fmt: skip
    """Merge what a store holds, and write the summary and the report of it.

    Args:
        session: the run; the meter's batches tell the summary of size and peak rate.
        store: with everything that was attacked.
        gallery: the samples to show.
        demands, presentation, source, meaning: as for `audit`.
        exporter: whose files are to be scored again.
        below: leave out this index and all after it.
        more: figures to add to the summary; its `queries_dropped` are not counted as lost.

    Raises:
        InputError: not one sample could be attacked.
    """
    costs = store.costs
    stored = StoredResults(store.merge(below))
    table = table_of(store.results_path)
    export = _rescored(exporter, session, store, stored, costs)
    summary = _summary(session, table, costs) | ({"export": export} if export else {}) | (more or {})
    summary["queries_lost"] -= summary.get("queries_dropped", 0)
    if meaning is not None:
        _add_flips(summary, table, stored, meaning)
    thresholds = _judge(demands, summary, table)
    summary["passed"] = all(threshold.passed for threshold in thresholds)
    store.write_summary(summary)
    out, errors = store.directory, table[table["error"].notna()]
    command, failed = command_line(presentation.command), list(zip(errors["index"], errors["error"], strict=True))
    write_gate(out, presentation.title, command, summary, thresholds, failed)
    if summary["errors"] == summary["samples"]:
        first = f"; the first: {failed[0][1]}" if failed else ""
        raise InputError(f"not one of {summary['samples']} samples could be attacked{first}")
    origin = source | {"results_sha256": sha256(store.results_path.read_bytes()).hexdigest()}
    view = _view(session, presentation, origin, summary, thresholds, table, stored, gallery)
    return Audit(out, summary, thresholds, write_report(out, view))


def _rescored(
    exporter: Exporter | None, session: Session, store: Store, stored: StoredResults, costs: dict[str, float]
) -> dict[str, int]:
    """What became of the exported files; their queries are added to the costs, those of earlier calls included.

    They are on disk before each batch goes out, as those of the attack are.
    """
    if exporter is None:
        return {}
    ledger = session.metered.ledger
    asked, sent = costs["ledger_total"] - ledger.total, costs["ledger_sent"] - ledger.sent
    with Tally(store.tally_path) as tally:
        session.metered.journal = lambda now: tally.write(int(asked + now.total), int(sent + now.sent))
        try:
            export = exporter.rescore(stored)
        finally:
            session.metered.journal = lambda now: None  # the tally is closed from here on
    costs["ledger_total"], costs["ledger_sent"] = asked + ledger.total, sent + ledger.sent
    costs["export_queries"] += export["queries"]
    store.flush(costs)
    return export | {"queries": int(costs["export_queries"])}


def _view(
    session: Session, presentation: Presentation, source: dict[str, str], summary: dict[str, Any],
    thresholds: tuple[Threshold, ...], table: pd.DataFrame, stored: StoredResults, gallery: Gallery,
) -> ReportView:  # fmt: skip
    return ReportView(
        title=presentation.title,
        command=command_line(presentation.command),
        run={key: plain(value) for key, value in settings_of(session).items()},
        summary=summary,
        table=table,
        bounds=session.canvas.bounds,
        unit=unit_of(session.victim),
        rate_hz=getattr(session.victim, "rate_hz", None),
        source=source,
        training=card if "training_queries" in (card := getattr(session.agent, "card", {})) else {},
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        thresholds=thresholds,
        cases=gallery.cases(summary["l2_median"]),
        class_names=presentation.class_names,
        filters=filter_use(stored, session.canvas),
    )


def _summary(session: Session, table: pd.DataFrame, costs: dict[str, float]) -> dict[str, Any]:
    """Every figure of the run; where there are several bounds, the costs are those of all of them."""
    run, batches, distortions = session.run, session.metered.batches, session.canvas.cards.distortions
    summary = summarise(table, budget=run.budget, refine_budget=run.refine_budget)
    ledger_total, attacking = int(costs["ledger_total"]), int(costs["ledger_total"] - costs["export_queries"])
    return (
        summary
        | {
            "ledger_total": ledger_total,
            "queries_lost": attacking - summary["queries_total"],
            "cache_hits": int(costs["cache_hits"]),
            "seconds": costs["seconds"],
            "victim_seconds": costs["victim_seconds"],
            "peak_rate": batches.peak_rate,
            "achieved_rate": attacking / max(costs["seconds"], 1e-9),
            "batch_size": batches.frozen,
            "agent": session.agent_name,
            "learns_across": session.learns_across,
            "unit": unit_of(session.victim),
            "distortions": [one.name for one in distortions],
            "unnatural": [one.name for one in distortions if not one.natural],
            "versions": versions(),
        }
        | {f"{name}_mean": _mean(table[name]) for name in MEASURED if table[name].notna().any()}
        | video_figures(table)
    )


def _add_flips(summary: dict[str, Any], table: pd.DataFrame, stored: StoredResults, meaning: Meaning) -> None:
    """What the flips would have done, of each bound."""
    after = [result.after for result in stored]
    for part in [summary, *summary.get("by_bound", ())]:
        rows = rows_under(table, part["max_l2"])
        part["flips"] = flips_by_kind(rows, [after[row] for row in rows.index], meaning)


def _judge(demands: Demands, summary: dict[str, Any], table: pd.DataFrame) -> tuple[Threshold, ...]:
    judged = []
    if demands.min_robust_l2 is not None:
        attacked = rows_under(attacked_rows(table), summary["max_l2"])
        median = float(attacked["l2"].where(attacked["success"], math.inf).median()) if len(attacked) else None
        robust = median is not None and median >= demands.min_robust_l2
        judged.append(Threshold("median L2 at flip at least", demands.min_robust_l2, median, robust))
    if demands.max_success_rate is not None:
        rate = summary["success_rate"]
        held = rate is not None and rate <= demands.max_success_rate
        judged.append(Threshold("success rate at most", demands.max_success_rate, rate, held))
    return tuple(judged)


def _mean(values: pd.Series) -> float | None:
    """The mean of what is finite: an unchanged sample has an infinite PSNR."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
