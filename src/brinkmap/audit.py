"""A whole audit in one call: attack, store, summary and report."""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.arrays import check_bounds
from brinkmap.attack import first_of
from brinkmap.errors import InputError
from brinkmap.export import Exporter
from brinkmap.gallery import Gallery, filter_use
from brinkmap.recorded import fingerprint_of, recorded, settings_of, versions
from brinkmap.report import ReportView, Threshold, write_report
from brinkmap.results import AttackResult
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import PERCEPTIBILITY, SCHEMA, Store, read_results
from brinkmap.summary import attacked_rows, rows_under, summarise
from brinkmap.victims.protocol import Victim, unit_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Audit", "Demands", "Presentation", "audit"]

EXPORT_COSTS = ("ledger_total", "export_queries")
"""The costs that scoring exported files again adds to."""


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

    directory: Path
    summary: dict[str, Any]
    thresholds: tuple[Threshold, ...]
    report: Path

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
) -> Audit:
    """Attack every sample, keep the results, and write `summary.json` and `report.html`.

    The same call after a kill goes on where it was. What is in `out` from another run is never overwritten.

    Args:
        victim, samples, labels, run: as for `brinkmap.attack`.
        out: folder for results, summary and report.
        demands: thresholds that decide whether the audit is passed.
        presentation: title, class names, command line and export for the report.
        source: what the data and the victim are, such as their names and checksums; part of what must be the same
            for a run to be resumed.
        watch: called with each result as it comes.

    Raises:
        InputError: bad input; the folder belongs to another run; or not one sample could be attacked.
    """
    run, presentation = run or Run(), presentation or Presentation()
    first, samples = first_of(samples, labels, check_bounds(victim.bounds))
    session = Session(victim, first.shape, run)
    exporter = Exporter(Path(out) / "adversarial", presentation.export, session) if presentation.export else None
    store = Store(Path(out), fingerprint_of(session, source or {}) | {"export": presentation.export})
    gallery = Gallery(session)
    samples = gallery.recall(samples, store.results())
    with contextlib.closing(recorded(session, store, samples, labels)) as results:
        for result in results:
            gallery.offer(result)
            if exporter is not None:
                exporter.write(result)
            if watch is not None:
                watch(result, session)
    costs = store.costs
    stored = read_results(store.merge())
    table = _table(store)
    export = _rescored(exporter, store, stored, costs)
    summary = _summary(session, table, costs) | ({"export": export} if export else {})
    thresholds = _judge(demands or Demands(), summary, table)
    summary["passed"] = all(threshold.passed for threshold in thresholds)
    store.write_summary(summary)
    if summary["errors"] == summary["samples"]:
        raise InputError(f"not one of {summary['samples']} samples could be attacked; the first: {stored[0].error}")
    view = _view(session, presentation, summary, thresholds, table, stored, gallery)
    return Audit(Path(out), summary, thresholds, write_report(Path(out), view))


def _rescored(
    exporter: Exporter | None, store: Store, stored: list[AttackResult], costs: dict[str, float]
) -> dict[str, int]:
    """What became of the exported files; their queries are added to the costs, those of earlier calls included."""
    if exporter is None:
        return {}
    export = exporter.rescore(stored)
    for key in EXPORT_COSTS:
        costs[key] += export["queries"]
    store.flush(costs)
    return export | {"queries": int(costs["export_queries"])}


def _view(
    session: Session, presentation: Presentation, summary: dict[str, Any], thresholds: tuple[Threshold, ...],
    table: pd.DataFrame, stored: list[AttackResult], gallery: Gallery,
) -> ReportView:  # fmt: skip
    return ReportView(
        title=presentation.title,
        command=presentation.command or shlex.join(sys.argv),
        run={key: str(value) for key, value in settings_of(session).items()},
        summary=summary,
        table=table,
        bounds=session.canvas.bounds,
        unit=unit_of(session.victim),
        thresholds=thresholds,
        cases=gallery.cases(),
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
            "distortions": [one.name for one in distortions],
            "unnatural": [one.name for one in distortions if not one.natural],
            "versions": versions(),
        }
        | {f"{name}_mean": _mean(table[name]) for name in PERCEPTIBILITY if table[name].notna().any()}
    )


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


def _table(store: Store) -> pd.DataFrame:
    """The merged results without probabilities and plans."""
    import pandas as pd

    columns = [name for name in SCHEMA.names if name not in ("before", "after", "plan")]
    return pd.read_parquet(store.results_path, columns=columns)


def _mean(values: pd.Series) -> float | None:
    """The mean of what is finite: an unchanged sample has an infinite PSNR."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
