"""What a report is made of, on disk: `report.json` and, for its cases, `cases.npz`; arrays and plain values only."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.data.archive import read_arrays
from brinkmap.errors import InputError
from brinkmap.files import write_text
from brinkmap.report.view import Case, FilterUse, ReportView, Threshold
from brinkmap.report.wording import without_passwords
from brinkmap.rows import SCHEMA, columns_of

__all__ = ["AUDIT", "CASES", "FACTS", "keep_facts", "keep_view", "kept_facts", "kept_view", "table_of"]

FACTS, CASES = "report.json", "cases.npz"
AUDIT = "audit"
ARRAYS = ("clean", "modified", "before", "after", "heat")
HEAVY = ("before", "after", "plan")


def keep_view(folder: Path, view: ReportView) -> None:
    """Write what `kept_view` reads, but for the table, which is the run's own `results.parquet`."""
    arrays, said = {}, []
    for number, case in enumerate(view.cases):
        values = {field.name: getattr(case, field.name) for field in dataclasses.fields(case)}
        for name in ARRAYS:
            array = values.pop(name)
            if array is not None:
                arrays[f"{name}-{number}"] = np.asarray(array, np.float32)
        said.append(values)
    with open(folder / f"{CASES}.part", "wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    (folder / f"{CASES}.part").replace(folder / CASES)
    facts = {
        "kind": AUDIT, "title": view.title, "command": view.command, "run": dict(view.run),
        "summary": _plain(dict(view.summary)), "bounds": list(view.bounds), "unit": view.unit, "rate_hz": view.rate_hz,
        "source": dict(view.source), "training": _plain(dict(view.training)), "made": view.made,
        "thresholds": [list(_plain(list(one))) for one in view.thresholds],
        "class_names": None if view.class_names is None else [str(one) for one in view.class_names],
        "filters": [dataclasses.asdict(one) for one in view.filters], "cases": said,
    }  # fmt: skip
    keep_facts(folder, facts)


def kept_view(folder: Path) -> ReportView:
    """The view of a finished audit, as it was kept.

    Raises:
        InputError: the folder holds no finished audit, or one whose files were changed.
    """
    facts = kept_facts(folder)
    if facts["kind"] != AUDIT:
        raise InputError(f"{folder}: expected an audit, got the results of {facts['kind']}.")
    try:
        names = [f"{name}-{number}" for number in range(len(facts["cases"])) for name in ARRAYS]
        held = read_arrays(folder / CASES, names)
        cases = [_case(said, number, held) for number, said in enumerate(facts["cases"])]
        return ReportView(
            **{name: facts[name] for name in
               ("title", "command", "run", "summary", "unit", "rate_hz", "source", "training", "made", "class_names")},
            bounds=(facts["bounds"][0], facts["bounds"][1]), table=table_of(folder / "results.parquet"),
            thresholds=[Threshold(*row) for row in facts["thresholds"]], cases=cases,
            filters=[FilterUse(**one) for one in facts["filters"]],
        )  # fmt: skip
    except Exception as error:  # NumPy, zip, zlib and Arrow share no parent
        raise InputError(
            f"{folder}: its report cannot be made again ({type(error).__name__}: {' '.join(str(error).split())}). "
            "Run the command of its report.md again; what is finished is not asked again."
        ) from error


def keep_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `report.json`, in the order given, which is the one that tables have."""
    write_text(folder / FACTS, without_passwords(json.dumps(facts, indent=1)) + "\n")


def kept_facts(folder: Path) -> dict[str, Any]:
    """What is in a folder's `report.json`.

    Raises:
        InputError: there is none, or it is none of ours.
    """
    path = folder / FACTS
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts["kind"], str):
            raise TypeError("kind")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no finished run: {FACTS} cannot be read ({type(error).__name__}). Give the --out folder "
            "of an audit, compare, explain, harden, benchmark or leaderboard that came to its end."
        ) from error
    return facts


def table_of(path: Path) -> Any:
    """Merged results without probabilities and plans: a data frame, one row a result."""
    return columns_of(path, [name for name in SCHEMA.names if name not in HEAVY])


def _case(said: Mapping[str, Any], number: int, held: Mapping[str, np.ndarray]) -> Case:
    arrays: dict[str, Any] = {name: held.get(f"{name}-{number}") for name in ARRAYS}
    return Case(**said, **arrays)


def _plain(value: Any) -> Any:
    """The same in values that JSON holds; what is not finite becomes text, so that any reader takes the file."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if value > 0 else "none"
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
