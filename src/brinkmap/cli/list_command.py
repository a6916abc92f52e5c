"""`brinkmap list`: what there is, each with the line that describes it, and every filter drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brinkmap.errors import MissingExtra
from brinkmap.registry import entries

__all__ = ["ListFlags", "run_list"]


@dataclass(frozen=True, kw_only=True)
class ListFlags:
    """List the victims, distortions, agents and explainers that go by a name, plug-ins of other packages included.

    Examples:
        brinkmap list
        brinkmap list --figures docs/figures
    """

    figures: Path | None = None
    """Folder for contact sheets: every filter at every level on a signal, a picture and a clip."""


def run_list(flags: ListFlags) -> int:
    """Print the lists, or draw the sheets; returns the exit code."""
    console = Console()
    if flags.figures is not None:
        return _draw(flags.figures, console)
    for kind in ("victim", "distortion", "agent", "explainer"):
        table = Table(kind, "what it is", title=f"{kind}s", title_justify="left", expand=True)
        for entry in entries(kind):
            table.add_row(escape(entry.name), escape(entry.description))
        console.print(table)
    return 0


def _draw(folder: Path, console: Console) -> int:
    from brinkmap.sheet import SHEETS, write_sheet

    for sheet in SHEETS:
        try:
            with console.status(f"drawing the filters on a {sheet.name}"):
                path = write_sheet(sheet, folder)
            console.print(f"Written: {path}", soft_wrap=True)
        except MissingExtra as error:  # the other sheets do not need it
            console.print(f"Left out: {error}", style="yellow", soft_wrap=True, markup=False)
    return 0
