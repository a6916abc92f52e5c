"""One row a result, and one a step of its trace: the columns of stored results, and results read back from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from brinkmap.errors import InputError
from brinkmap.results import PUBLIC_FIELDS, AttackResult

__all__ = [
    "MEASURED", "PERCEPTIBILITY", "SCHEMA", "SPREAD", "TRACE_SCHEMA", "StoredResults", "columns_of", "read_columns",
    "read_results", "results_in", "rows_table", "trace_table",
]  # fmt: skip

BATCH_ROWS = 1000
"""Rows that are read at once where not all are wanted in memory."""

_FLOATS, _INT, _TEXT, _FLAG, _REAL = pa.list_(pa.float32()), pa.int64(), pa.string(), pa.bool_(), pa.float64()
_TYPES = {
    "index": _INT, "label": _INT, "reference": _INT, "before": _FLOATS, "after": _FLOATS, "success": _FLAG,
    "stalled": _FLAG, "error": _TEXT, "queries": _INT, "queries_to_flip": _INT,
    "l2_at_flip": _REAL, "queries_refine": _INT, "steps": _INT,
    "l2": _REAL, "linf": _REAL, "l2_raw": _REAL, "linf_raw": _REAL, "changed": _INT, "clipped": _REAL,
    "plan": pa.list_(pa.int16()), "filters": pa.list_(_TEXT), "distances": pa.list_(pa.list_(_REAL)),
    "projected": _FLAG, "published_steps": _INT, "seed": _INT, "max_l2": _REAL,
}  # fmt: skip
PERCEPTIBILITY = ("ssim", "psnr_db", "snr_db")
"""What `metrics.perceptibility` may give: one more column each, null where it makes no sense or nothing flipped."""
SPREAD = ("map", "frames_touched", "pixels_touched")
"""What `metrics.spread` may give: likewise, but of all that was attacked. Files of before it was measured have none."""
MEASURED = (*PERCEPTIBILITY, *SPREAD)
SCHEMA = pa.schema([*((name, _TYPES[name]) for name in PUBLIC_FIELDS), *((name, _REAL) for name in MEASURED)])
TRACE_SCHEMA = pa.schema(
    [
        ("index", _INT),
        ("max_l2", _REAL),
        ("query", _INT),
        ("cells", pa.list_(pa.int32())),
        ("codes", pa.list_(pa.int16())),
        ("log_probabilities", pa.list_(pa.float16())),
        ("accepted", _FLAG),
    ]
)


def read_results(path: Path) -> list[AttackResult]:
    """Stored results as `AttackResult`s, without `adversarial` (render the plan on the sample for that) and trace.

    Args:
        path: a `results.parquet` or a part.

    Raises:
        InputError: it is no such file, or a truncated one.
    """
    return results_in(read_columns(path, list(PUBLIC_FIELDS)))


def results_in(table: pa.Table) -> list[AttackResult]:
    """The rows of a table as `read_results` gives those of a file."""

    def array(row: dict[str, Any], name: str, dtype: Any) -> Any:
        return None if row[name] is None else np.asarray(row[name], dtype)

    results = []
    for row in table.select(list(PUBLIC_FIELDS)).to_pylist():
        row["before"], row["after"] = array(row, "before", np.float32), array(row, "after", np.float32)
        plan = array(row, "plan", np.int16)
        row["filters"] = tuple(row["filters"])
        row["distances"] = tuple((int(query), distance) for query, distance in row["distances"])
        row["plan"] = None if plan is None else plan.reshape(-1, 2)
        results.append(AttackResult(**row))
    return results


class StoredResults:
    """What `read_results` reads, a few rows at a time, so that no more than these are in memory.

    Args:
        paths: a `results.parquet`, or parts.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths

    def __iter__(self) -> Iterator[AttackResult]:
        for path in self._paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=list(PUBLIC_FIELDS)):
                    yield from results_in(pa.Table.from_batches([batch]))


def rows_table(kept: Iterable[tuple[AttackResult, dict[str, float]]]) -> pa.Table:
    """Results, each with its perceptibility, as the rows of a part."""
    return pa.Table.from_pylist([_row(*one) for one in kept], SCHEMA)


def columns_of(path: Path, columns: Sequence[str]) -> Any:
    """Some columns of merged results: a data frame, one row a result.

    Raises:
        InputError: the file is not what a store wrote.
    """
    return read_columns(path, list(columns)).to_pandas()


def trace_table(results: Iterable[AttackResult]) -> pa.Table:
    """The traces of results; of those that failed none, since they may be tried again."""
    rows = [row for result in results if result.error is None for row in _trace_rows(result)]
    return pa.Table.from_pylist(rows, TRACE_SCHEMA)


def _row(result: AttackResult, perceptibility: dict[str, float]) -> dict[str, Any]:
    row = {name: getattr(result, name) for name in PUBLIC_FIELDS} | perceptibility
    row["plan"] = None if result.plan is None else result.plan.ravel()
    return row


def _trace_rows(result: AttackResult) -> Iterable[dict[str, Any]]:
    for step in result.trace:
        yield {
            "index": result.index,
            "max_l2": result.max_l2,
            "query": step.query,
            "cells": step.cells,
            "codes": step.codes,
            "log_probabilities": step.log_probabilities,
            "accepted": step.accepted,
        }


def read_columns(path: Path, columns: list[str]) -> pa.Table:
    """Columns of a file that a store wrote, in this order."""
    try:
        blank = {*SPREAD} - {*pq.read_schema(path).names}
        table = pq.read_table(path, columns=[name for name in columns if name not in blank])
        for name in sorted(blank & {*columns}):
            table = table.append_column(name, pa.nulls(len(table), _REAL))
        return table.select(columns).cast(pa.schema([SCHEMA.field(name) for name in columns]))
    except (OSError, KeyError, pa.ArrowException) as error:
        said = " ".join(str(error).split())
        raise InputError(
            f"{path} is no whole file of results: {said}. Delete it, and its samples are run again."
        ) from error
