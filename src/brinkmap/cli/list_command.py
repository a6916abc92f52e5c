"""`brinkmap list`: what there is, each with the line that describes it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brinkmap.registry import entries

__all__ = ["ListFlags", "run_list"]


@dataclass(frozen=True, kw_only=True)
class ListFlags:
    """List the victims, distortions and agents that go by a name, plug-ins of other packages included.

    Examples:
        brinkmap list
    """


def run_list(flags: ListFlags) -> int:
    """Print the lists; returns the exit code."""
    console = Console()
    for kind in ("victim", "distortion", "agent"):
        table = Table(kind, "what it is", title=f"{kind}s", title_justify="left", expand=True)
        for entry in entries(kind):
            table.add_row(escape(entry.name), escape(entry.description))
        console.print(table)
    return 0
