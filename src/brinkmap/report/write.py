"""Writes the report: `report.html`, which needs nothing else, and `pictures.png`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from brinkmap.report.view import ReportView
from brinkmap.report.wording import FORMATS

__all__ = ["write_report"]


def write_report(directory: str | Path, view: ReportView) -> Path:
    """Writes `report.html` and `pictures.png`, replacing what is there.

    Args:
        directory: made where it is missing.
        view: what to show; at most eight of its cases are drawn.

    Returns:
        The path of `report.html`: one page below 3 MB, without scripts, that loads nothing from anywhere.
    """
    # matplotlib is slow to import and only needed here.
    from brinkmap.report.page import page_of
    from brinkmap.report.panels import ROWS, panels_of, write_grid

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("brinkmap.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FORMATS)
    drawn = [panels_of(case, view) for case in view.cases[:ROWS]]
    path = directory / "report.html"
    path.write_text(environment.get_template("report.html.j2").render(page_of(view, drawn)), encoding="utf-8")
    write_grid(directory / "pictures.png", view, drawn)
    return path
