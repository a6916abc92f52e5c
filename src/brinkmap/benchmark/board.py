"""Any number of models on one test set: a page that needs no network, and the table behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.benchmark.loading import CLEAN, mean_corruption_error
from brinkmap.benchmark.manifest import Manifest
from brinkmap.store import write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_board"]


def write_board(folder: Path, manifest: Manifest, tables: Mapping[str, pd.DataFrame]) -> Path:
    """`leaderboard.html` and `leaderboard.csv`, the model with the least mean corruption error first.

    Args:
        folder: where to; made if need be.
        manifest: of the set.
        tables: what `Benchmark.evaluate` gave, by the model's name; errors are shares of the first one's.

    Returns:
        The page's path.
    """
    import pandas as pd
    from jinja2 import Environment, PackageLoader, select_autoescape

    folder.mkdir(parents=True, exist_ok=True)
    baseline = next(iter(tables))
    models = sorted(
        (_entry(name, table, tables[baseline]) for name, table in tables.items()), key=lambda one: one["error"]
    )
    pd.concat([table.assign(model=name) for name, table in tables.items()]).to_csv(
        folder / "leaderboard.csv", index=False
    )
    environment = Environment(loader=PackageLoader("brinkmap.benchmark", "."), autoescape=select_autoescape(["j2"]))
    page = environment.get_template("board.html.j2").render(
        manifest=manifest, models=models, baseline=baseline, columns=_columns(tables[baseline]),
        distortions=manifest.distortions, severities=manifest.severities,
    )  # fmt: skip
    write_text(folder / "leaderboard.html", page)
    return folder / "leaderboard.html"


def _columns(table: pd.DataFrame) -> list[tuple[str, str, float]]:
    """Distortion, severity and mean distance of each part but the clean one."""
    rows = table[table["distortion"] != CLEAN]
    return list(zip(rows["distortion"], rows["severity"], rows["l2"], strict=True))


def _entry(name: str, table: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, Any]:
    rows = table[table["distortion"] != CLEAN]
    relative = mean_corruption_error(table, baseline)
    return {
        "name": name, "clean": float(table["clean_accuracy"].iloc[0]), "error": mean_corruption_error(table),
        "relative": relative if math.isfinite(relative) else None, "accuracies": rows["accuracy"].tolist(),
        "mean": float(rows["accuracy"].mean()),
    }  # fmt: skip
