"""How any number of models stand on one test set: kept as a table, and put in order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brinkmap.benchmark.loading import CLEAN, mean_corruption_error
from brinkmap.errors import InputError
from brinkmap.files import write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Standing", "keep_board", "kept_board", "standings"]

NAME = "leaderboard.csv"


@dataclass(frozen=True)
class Standing:
    """One model on the set."""

    model: str
    clean: float
    """Accuracy on the samples as they are."""
    mean: float
    """Accuracy over all distortions and severities."""
    error: float
    """Over distortions, the mean of the error over severities."""
    relative: float | None
    """The same as a share of the baseline's; None where that makes none."""


def keep_board(folder: Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write `leaderboard.csv`: every row of every model.

    Args:
        folder: made if need be.
        tables: what `Benchmark.evaluate` gave, by the model's name; the first one is the baseline.
    """
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    whole = pd.concat([table.assign(model=name) for name, table in tables.items()])
    write_text(folder / NAME, whole.to_csv(index=False))
    return folder / NAME


def kept_board(folder: Path) -> dict[str, pd.DataFrame]:
    """What `keep_board` wrote, by the model's name, in its order.

    Raises:
        InputError: there is no such file, or it holds no rows.
    """
    import pandas as pd

    texts = dict.fromkeys(("distortion", "severity", "model"), str)
    try:
        whole = pd.read_csv(folder / NAME, dtype=texts, keep_default_na=False)
        tables = {str(name): part for name, part in whole.groupby("model", sort=False)}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder / NAME} cannot be read: {error}.") from error
    if not tables:
        raise InputError(f"{folder / NAME} holds no model.")
    return tables


def standings(tables: Mapping[str, pd.DataFrame]) -> list[Standing]:
    """The models, the one with the least mean corruption error first; errors are shares of the first table's."""
    baseline = next(iter(tables.values()))
    return sorted((_standing(name, table, baseline) for name, table in tables.items()), key=lambda one: one.error)


def _standing(name: str, table: pd.DataFrame, baseline: pd.DataFrame) -> Standing:
    relative = mean_corruption_error(table, baseline)
    return Standing(
        name,
        float(table["clean_accuracy"].iloc[0]),
        float(table[table["distortion"] != CLEAN]["accuracy"].mean()),
        mean_corruption_error(table),
        relative if math.isfinite(relative) else None,
    )
