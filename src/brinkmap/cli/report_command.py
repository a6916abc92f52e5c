"""`brinkmap report`: the report of a finished run made again, or two runs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from brinkmap.errors import InputError
from brinkmap.report import render

__all__ = ["ReportFlags", "run_report"]


@dataclass(frozen=True, kw_only=True)
class ReportFlags:
    """Make the report of a finished run again, or compare two audits: what differs, by how much, and how sure that is.

    Nothing is attacked and no victim is asked. A comparison takes the difference sample by sample where both audits
    were of the same data, and says where their settings differ.

    Examples:
        brinkmap report brinkmap-results
        brinkmap report results/before results/after
        brinkmap report results/before results/after --out results/difference

    Exit codes: 0 fine, 2 bad input.
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """The --out folder of one finished run of any kind, or those of two audits."""
    out: Path = Path("brinkmap-difference")
    """Of two audits: folder for report.html, report.md and difference.json."""


def run_report(flags: ReportFlags) -> int:
    """Write it; returns the exit code.

    Raises:
        InputError: a folder holds no finished run, or two cannot be compared.
    """
    if len(flags.folders) == 1:
        path = render(flags.folders[0])
    elif len(flags.folders) == 2:
        from brinkmap.report.difference import write_difference

        path = write_difference(*flags.folders, flags.out)
    else:
        raise InputError(f"folders: expected one run, or two audits to compare, got {len(flags.folders)}.")
    Console().print(f"Report: {path}", soft_wrap=True, markup=False, highlight=False)
    return 0
