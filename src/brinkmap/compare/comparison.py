"""A whole comparison in one call: run what is not finished, then figures, curves and pages of all that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.compare.contest import Kept, Watch, kept_cells, run_suite
from brinkmap.compare.curves import draw_curves
from brinkmap.compare.figures import differences, figures_of, samples_of, with_break_even
from brinkmap.compare.page import curves_name, page_of
from brinkmap.compare.suite import Suite
from brinkmap.files import write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare", "write_comparison"]


@dataclass(frozen=True)
class Comparison:
    """What a comparison left behind."""

    directory: Path
    rows: list[dict[str, Any]]
    """Figures of each attack on each victim under each bound; those left out have `left_out`, the reason."""
    differences: list[dict[str, Any]]
    """Queries fewer than the reference attack, paired over samples, and when that has repaid an attack's training."""
    samples: pd.DataFrame
    """Every sample of every cell."""
    page: Path
    """`compare.md`, with curves, JSON and Parquet beside it."""


def compare(suite: Suite, out: str | Path = "compare-results", watch: Watch | None = None) -> Comparison:
    """Run attacks on the same victims, samples, bound and budget, every query counted, and say how they did.

    The same call after a kill goes on where it was. Writes `compare.json`, `compare.parquet`, `compare.md` and curves
    as PNG and SVG.

    Args:
        suite: what is compared.
        out: folder for all of it.
        watch: called with cell, result and session as results come.

    Raises:
        InputError: the folder holds another comparison, or a victim or its data cannot be loaded.
    """
    out = Path(out)
    run_suite(suite, out, watch)
    return write_comparison(suite, out)


def write_comparison(suite: Suite, out: Path) -> Comparison:
    """Figures, curves and pages of the cells that are finished, however many."""
    out.mkdir(parents=True, exist_ok=True)
    cells = list(kept_cells(suite, out))
    samples = samples_of(cells)
    rows = figures_of(cells, samples)
    differing = with_break_even(differences(samples, suite.reference), rows)
    drawn = _curves(cells, samples, suite.title, out)
    kept = {"title": suite.title, "rows": rows, "differences": differing}
    write_text(out / "compare.json", json.dumps(kept, indent=1) + "\n")
    samples.to_parquet(out / "compare.parquet", compression="zstd")
    page = out / "compare.md"
    write_text(page, page_of(suite.title, suite.note, rows, differing, drawn).rstrip("\n") + "\n")
    return Comparison(out, rows, differing, samples, page)


def _curves(cells: list[Kept], samples: pd.DataFrame, title: str, out: Path) -> list[Path]:
    written = []
    for (track, bound), here in samples.groupby(["track", "bound"], sort=False):
        budgets = [
            cell.facts["budget"] + cell.facts["refine_budget"]
            for cell in cells
            if cell.left_out is None and (cell.facts["track"], cell.facts["bound"]) == (track, bound)
        ]
        path = out / curves_name(track, bound)
        written += draw_curves(here, max(budgets), f"{title}: {track}, {bound}", path)
    return written
