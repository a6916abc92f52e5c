"""Writes a report: `report.html`, which needs nothing else, `report.md` beside it, and what makes them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.errors import InputError
from brinkmap.files import write_text
from brinkmap.report.kept import AUDIT, keep_facts, keep_view, kept_facts, kept_view
from brinkmap.report.view import ReportView
from brinkmap.report.wording import without_passwords

if TYPE_CHECKING:
    from brinkmap.report.document import Document

__all__ = ["publish", "render", "write_document", "write_report"]

MODULES = {
    "compare": "compare_page", "explain": "explain_page", "harden": "harden_page", "benchmark": "benchmark_page",
    "leaderboard": "leaderboard_page",
}  # fmt: skip
"""The module that makes a document of a folder of each kind: its `page_of(folder, facts)`."""


def write_report(directory: str | Path, view: ReportView) -> Path:
    """Write the report of an audit, replacing what is there: `report.html`, `report.md` and `pictures.png`.

    Beside them go `report.json` and `cases.npz`, from which `render` makes the same bytes again.

    Args:
        directory: made where it is missing.
        view: what to show; at most eight of its cases are drawn.

    Returns:
        The path of `report.html`: one page below 3 MB, without scripts, that loads nothing from anywhere.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    keep_view(directory, view)
    return _audited(directory, view)


def publish(directory: Path, kind: str, facts: dict[str, Any]) -> Path:
    """Write the report of a run whose other files are in the folder already.

    Args:
        directory: of the run.
        kind: compare, explain, harden, benchmark or leaderboard.
        facts: what the files do not say, as plain values: title, command, versions ...

    Returns:
        The path of `report.html`.
    """
    keep_facts(directory, {"kind": kind} | facts)
    return render(directory)


def render(directory: Path) -> Path:
    """Make the report of a finished run again.

    Raises:
        InputError: the folder holds no finished run, or one whose files were changed.
    """
    facts = kept_facts(directory)
    if facts["kind"] == AUDIT:
        return _audited(directory, kept_view(directory))
    return write_document(directory, _document(directory, facts))


def write_document(directory: Path, document: Document) -> Path:
    """A document as `report.html` and `report.md`; returns the former's path."""
    from brinkmap.report.html import html_of
    from brinkmap.report.markdown import markdown_of

    for name, text in (("report.md", markdown_of(document)), ("report.html", html_of(document))):
        whole = text.encode("utf-8", "replace").decode()  # a file's name may be no text
        write_text(directory / name, without_passwords(whole))
    return directory / "report.html"


def _audited(directory: Path, view: ReportView) -> Path:
    # matplotlib is slow to import and only needed here.
    from brinkmap.report.audit_page import audit_page
    from brinkmap.report.cases import shown_cases
    from brinkmap.report.grid import write_grid

    path = write_document(directory, audit_page(view))
    write_grid(directory / "pictures.png", view, shown_cases(view))
    return path


def _document(directory: Path, facts: dict[str, Any]) -> Document:
    from importlib import import_module

    if facts["kind"] not in MODULES:
        raise InputError(f"{directory}: a report of kind {facts['kind']!r} is not known to this version of Brinkmap.")
    try:
        document: Document = import_module(f"brinkmap.report.{MODULES[facts['kind']]}").page_of(directory, facts)
    except InputError:
        raise
    except Exception as error:  # NumPy, zip, zlib, Arrow and JSON share no parent
        raise InputError(
            f"{directory}: its report cannot be made again ({type(error).__name__}: {' '.join(str(error).split())})."
        ) from error
    return document
