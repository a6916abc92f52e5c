"""`brinkmap status`: how far a run is, alive or dead."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brinkmap.campaign import Outlet, campaign_path, is_url, with_workers
from brinkmap.errors import InputError
from brinkmap.store import TALLY, columns_in, is_open, with_tally

__all__ = ["StatusFlags", "run_status"]

NAMED = ("victim", "data", "agent", "distortions", "budget", "refine_budget", "max_l2", "criterion", "seed", "patch")
"""Settings that are shown, where the run has them."""
COLUMNS = ["index", "max_l2", "error", "label", "reference", "success", "queries"]
DEATHS = (
    ("dropped", "of these spent past the total"),
    ("worker_deaths", "workers that died"),
    ("unseen_at_most", "queries of theirs that nobody saw, at most"),
)


@dataclass(frozen=True, kw_only=True)
class StatusFlags:
    """Say how far a run is: whether a process is at work on it, what is finished, what it has cost and lost.

    Reads only, and disturbs nothing. For the folder of an audit or a campaign (or its URL), or of one attack of a
    comparison or a test set.

    Examples:
        brinkmap status brinkmap-results
        brinkmap status digits-b/attacks/gaussian-noise

    Exit codes: 0 fine, 2 bad input.
    """

    folder: tyro.conf.Positional[str]
    """The run's folder, or the URL of a campaign's results."""


def run_status(flags: StatusFlags) -> int:
    """Print it; returns the exit code.

    Raises:
        InputError: the folder holds no run.
    """
    with _local(flags.folder) as folder:
        state, results = _state(folder), columns_in(folder, COLUMNS)
        table = Table("what", "value", title=escape(flags.folder), title_justify="left")
        for name in NAMED:
            if state["run"].get(name) is not None:
                table.add_row(name, escape(_plain(state["run"][name])))
        for title, value in [*_campaign(folder), *_figures(folder, state.get("costs", {}), results)]:
            table.add_row(title, value)
    Console().print(table)
    return 0


@contextlib.contextmanager
def _local(place: str) -> Iterator[Path]:
    """The folder, or a copy of what lies at a URL."""
    if not is_url(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as name:
        Outlet(place).restore(Path(name))
        yield Path(name)


def _state(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    try:
        state: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(state["run"], dict):
            raise TypeError("run")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no run: {path.name} cannot be read ({type(error).__name__}).") from error
    return state


def _campaign(folder: Path) -> list[tuple[str, str]]:
    """How a campaign was last started, where it is one."""
    if not campaign_path(folder).is_file():
        return []
    said = json.loads(campaign_path(folder).read_text())
    names = (("workers", "workers"), ("ray", "Ray cluster"), ("total_queries", "total of queries"))
    return [(title, escape(f"{said[name]}")) for name, title in names if said.get(name) is not None]


def _figures(folder: Path, costs: dict[str, float], results: pa.Table) -> list[tuple[str, str]]:
    failed = results.filter(pc.is_valid(results["error"]))
    wrong = pc.and_(pc.is_valid(results["label"]), pc.not_equal(results["label"], results["reference"]))
    attacked = results.filter(pc.and_not(pc.is_null(results["error"]), pc.fill_null(wrong, False)))
    now = with_workers(with_tally(costs, folder), folder)
    asked, sent = int(now.get("ledger_total", 0)), int(now.get("ledger_sent", 0))
    kept, flipped = (int(pc.sum(column).as_py() or 0) for column in (results["queries"], attacked["success"]))
    figures = [
        ("at work", "a process is writing to it" if is_open(folder) else _end(folder)),
        ("finished samples", f"{len(results):,}"),
        ("of these attacked", f"{len(attacked):,}"),
        ("flipped", f"{flipped / len(attacked):.1%}" if len(attacked) else "-"),
        ("failed with a reason", f"{len(failed):,}"),
        ("queries asked", f"{asked:,}"),
        ("of these for the finished", f"{kept:,}"),
        ("of these under way, or lost", f"{max(asked - kept, 0):,}"),
    ]
    figures += [(title, f"{int(now[name]):,}") for name, title in DEATHS if now.get(name)]
    if sent > asked:
        figures.append(("sent, repeated requests included", f"{sent:,}"))
    if costs.get("seconds"):
        figures.append(("queries a second", f"{costs['ledger_total'] / costs['seconds']:,.0f}"))
    if (last := _last_sign(folder)) is not None:
        figures.append(("last sign of life", f"{max(0, time.time() - last):,.0f} s ago"))
    if len(failed):
        figures.append(("last failure", escape(failed["error"][-1].as_py())))
    return figures


def _last_sign(folder: Path) -> float | None:
    """When a batch last went out or a part was written."""
    found = [*(folder / "parts").glob("part-[0-9]*.parquet"), *folder.glob(TALLY), *folder.glob("ledger/*")]
    return max((path.stat().st_mtime for path in found), default=None)


def _end(folder: Path) -> str:
    """What became of a run that nobody is at work on."""
    if (folder / "summary.json").is_file() or (folder / "results.parquet").is_file():
        return "no: it is finished"
    return "no: it was stopped; the same command goes on"


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
