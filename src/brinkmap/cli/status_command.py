"""`brinkmap status`: how far a run is, alive or dead."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brinkmap.errors import InputError
from brinkmap.results import AttackResult
from brinkmap.store import is_open, read_results

__all__ = ["StatusFlags", "run_status"]

NAMED = ("victim", "data", "agent", "distortions", "budget", "refine_budget", "max_l2", "criterion", "seed", "patch")
"""Settings that are shown, where the run has them."""


@dataclass(frozen=True, kw_only=True)
class StatusFlags:
    """Say how far a run is: whether a process is at work on it, what is finished, what it has cost and lost.

    Reads only, and disturbs nothing. For the folder of an audit, or of one attack of a comparison or a test set.

    Examples:
        brinkmap status brinkmap-results
        brinkmap status digits-b/attacks/gaussian-noise

    Exit codes: 0 fine, 2 bad input.
    """

    folder: tyro.conf.Positional[Path]
    """The run's folder."""


def run_status(flags: StatusFlags) -> int:
    """Print it; returns the exit code.

    Raises:
        InputError: the folder holds no run.
    """
    state, results = _state(flags.folder), _finished(flags.folder)
    table = Table("what", "value", title=escape(str(flags.folder)), title_justify="left")
    for name in NAMED:
        if state["run"].get(name) is not None:
            table.add_row(name, escape(_plain(state["run"][name])))
    for title, value in _figures(flags.folder, state.get("costs", {}), results):
        table.add_row(title, value)
    Console().print(table)
    return 0


def _state(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    try:
        state: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(state["run"], dict):
            raise TypeError("run")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no run: {path.name} cannot be read ({type(error).__name__}).") from error
    return state


def _finished(folder: Path) -> list[AttackResult]:
    return [one for path in sorted((folder / "parts").glob("part-[0-9]*.parquet")) for one in read_results(path)]


def _figures(folder: Path, costs: dict[str, float], results: list[AttackResult]) -> list[tuple[str, str]]:
    attacked = [one for one in results if one.attacked]
    asked, kept = int(costs.get("ledger_total", 0)), sum(one.queries for one in results)
    parts = [path.stat().st_mtime for path in (folder / "parts").glob("part-[0-9]*.parquet")]
    figures = [
        ("at work", "a process is writing to it" if is_open(folder) else _end(folder)),
        ("finished samples", f"{len(results):,}"),
        ("of these attacked", f"{len(attacked):,}"),
        ("flipped", f"{sum(one.success for one in attacked) / len(attacked):.1%}" if attacked else "-"),
        ("failed with a reason", f"{sum(one.error is not None for one in results):,}"),
        ("queries asked", f"{asked:,}"),
        ("of these for the finished", f"{kept:,}"),
        ("of these under way, or lost", f"{max(asked - kept, 0):,}"),
    ]
    if costs.get("seconds"):
        figures.append(("queries a second", f"{asked / costs['seconds']:,.0f}"))
    if parts:
        figures.append(("last written", f"{time.time() - max(parts):,.0f} s ago"))
    return figures


def _end(folder: Path) -> str:
    """What became of a run that nobody is at work on."""
    if (folder / "summary.json").is_file() or (folder / "results.parquet").is_file():
        return "no: it is finished"
    return "no: it was stopped; the same command goes on"


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
