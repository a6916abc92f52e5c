"""Where results are kept: Parquet parts written so that a kill loses little, merged and sorted at the end.

A part is written under a temporary name, synced and renamed, so what has its final name is whole. `run.json` says
which run a folder belongs to; a resumed run must be the same one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import BaseFileLock, FileLock, Timeout

from brinkmap.errors import InputError
from brinkmap.results import PUBLIC_FIELDS, AttackResult
from brinkmap.victims.tally import read_tally

__all__ = [
    "PARTS",
    "Store",
    "StoredResults",
    "columns_in",
    "columns_of",
    "finished",
    "is_open",
    "read_results",
    "results_in",
    "rows_table",
    "trace_table",
    "with_tally",
    "write_json",
    "write_text",
]

PARTS = "part-[0-9]*.parquet"
LOCK = ".lock"
TALLY = "queries"
KEY = ("index", "max_l2")
"""What a sample's attack is told apart by."""
PART_ROWS = 1000
PART_SECONDS = 5.0
"""A part is written after so many results or so much time: the most that a kill can lose."""
GROUP_ROWS = 2**14
"""Rows of the merged file that are held in memory at once: its row groups."""

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


class Store:
    """The folder of one run.

    Args:
        directory: made if need be.
        fingerprint: what makes this run this run, as plain JSON values; compared when a run is resumed.

    Raises:
        InputError: the folder belongs to another run, or another process is writing to it.
    """

    def __init__(self, directory: Path, fingerprint: dict[str, Any]) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _taken(directory)
        self._parts, self._traces = directory / "parts", directory / "trace"
        self._parts.mkdir(parents=True, exist_ok=True)
        self._waiting: list[tuple[AttackResult, dict[str, float]]] = []
        self._tables: list[tuple[pa.Table, pa.Table]] = []
        self._written_at = time.monotonic()
        self._state = self._agree(json.loads(json.dumps(fingerprint)))
        whole = {path.name for path in self._parts.glob(PARTS)}
        for leftover in [*self._parts.glob("*.tmp"), *self._traces.glob("*.tmp"), *self._traces.glob(PARTS)]:
            if leftover.name not in whole:
                leftover.unlink()
        self._next = 1 + max((int(name[len("part-") : -len(".parquet")]) for name in whole), default=-1)

    @property
    def batch_size(self) -> int | None:
        """The batch size that was frozen when the run began, so that a resumed one keeps it."""
        return self._state.get("batch_size")

    @property
    def results_path(self) -> Path:
        """The merged results."""
        return self.directory / "results.parquet"

    @property
    def tally_path(self) -> Path:
        """The count of queries that is kept between parts."""
        return self.directory / TALLY

    def done(self) -> set[tuple[int, float | None]]:
        """The (index, max_l2) pairs that are safely written; what the victim failed on is worth another try."""
        rows = self.columns([*KEY, "error", "queries"]).to_pylist()
        return {(row["index"], row["max_l2"]) for row in rows if row["error"] is None or not row["queries"]}

    def results(self) -> list[AttackResult]:
        """What is safely written, in the order it came."""
        return finished(self.directory)

    @property
    def costs(self) -> dict[str, float]:
        """What the run has cost by now, all its sessions together; seconds and memo hits up to the last part."""
        return with_tally(self._state.get("costs", {}), self.directory)

    def append(self, result: AttackResult, perceptibility: dict[str, float]) -> bool:
        """Keep one result; returns whether a part is due.

        Args:
            result: as the runner yields it.
            perceptibility: SSIM, PSNR or SNR of the modified sample, where there is one.
        """
        self._waiting.append((result, perceptibility))
        return self._due()

    def keep(self, rows: pa.Table, traces: pa.Table) -> bool:
        """Keep many results at once; returns whether a part is due.

        Args:
            rows: as `rows_table` makes it.
            traces: as `trace_table` makes it.
        """
        self._tables.append((rows, traces))
        return self._due()

    def _due(self) -> bool:
        waiting = len(self._waiting) + sum(len(rows) for rows, _ in self._tables)
        return waiting >= PART_ROWS or time.monotonic() - self._written_at > PART_SECONDS

    def flush(self, costs: dict[str, float], batch_size: int | None = None) -> None:
        """Write what is waiting as one part.

        Args:
            costs: what the run has cost by now.
            batch_size: the frozen batch size, as soon as there is one.
        """
        # the costs first: a kill between the two leaves queries without results, which are reported as lost
        self._state["costs"] = costs
        if batch_size is not None:
            self._state.setdefault("batch_size", batch_size)
        write_json(self.directory / "run.json", self._state)
        if self._waiting:
            self._tables.append((rows_table(self._waiting), trace_table(result for result, _ in self._waiting)))
            self._waiting = []
        if any(len(rows) for rows, _ in self._tables):
            name = f"part-{self._next:06d}.parquet"
            traces = pa.concat_tables([traces for _, traces in self._tables])
            if len(traces):
                self._traces.mkdir(exist_ok=True)
                _write(traces, self._traces / name)
            _write(pa.concat_tables([rows for rows, _ in self._tables]), self._parts / name)
            self._next += 1
        self._tables = []
        self._written_at = time.monotonic()

    def merge(self, below: int | None = None) -> Path:
        """All parts, sorted by index and bound, as one file of the same bytes whatever the order they came in.

        Memory: 40 bytes a row, and the rows of one row group with the parts that they lie in.

        Args:
            below: leave out this index and all after it; None for all.
        """
        temporary = self.results_path.with_suffix(".tmp")
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for table in _sorted_groups(sorted(self._parts.glob(PARTS)), below):
                writer.write_table(table)
        _rename(temporary, self.results_path)
        return self.results_path

    def write_summary(self, summary: dict[str, Any]) -> Path:
        """`summary.json`."""
        path = self.directory / "summary.json"
        write_json(path, summary)
        return path

    def _agree(self, fingerprint: dict[str, Any]) -> dict[str, Any]:
        path = self.directory / "run.json"
        if not path.exists():
            state: dict[str, Any] = {"run": fingerprint}
            write_json(path, state)
            return state
        try:
            state = json.loads(path.read_text())
            before = state["run"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} cannot be read: {error}. If the folder is of this very command, delete that file: what is "
                "finished is kept. Else give another --out."
            ) from error
        differing = sorted(key for key in {*before, *fingerprint} if before.get(key) != fingerprint.get(key))
        if differing:
            said = "; ".join(f"{key} was {before.get(key)!r}, is {fingerprint.get(key)!r}" for key in differing)
            raise InputError(f"{self.directory} holds another run ({said}). Give another --out, or delete the folder.")
        return state

    def columns(self, columns: list[str]) -> pa.Table:
        """Some columns of what is safely written, index and max_l2 among them; of what was tried again, the last."""
        return columns_in(self.directory, columns)


def _sorted_groups(paths: list[Path], below: int | None) -> Iterator[pa.Table]:
    """The rows of all parts in order, a row group at a time; of a sample that was tried again, the last."""
    part, row = _places(paths, below)
    numbers, from_the_end = np.unique(part[::-1], return_index=True)
    last = dict(zip(numbers.tolist(), (len(part) - 1 - from_the_end).tolist(), strict=True))
    read: dict[int, pa.Table] = {}
    for start in range(0, len(part), GROUP_ROWS):
        some = slice(start, start + GROUP_ROWS)
        needed, place = np.unique(part[some], return_inverse=True)
        read |= {number: _read(paths[number], SCHEMA.names) for number in needed.tolist() if number not in read}
        tables = [read[number] for number in needed.tolist()]
        before = np.cumsum([0, *(len(table) for table in tables)])
        # one chunk, so that the bytes do not tell where parts began
        yield pa.concat_tables(tables).take(before[place] + row[some]).combine_chunks()
        read = {number: table for number, table in read.items() if last[number] >= start + GROUP_ROWS}


def _places(paths: list[Path], below: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Part and row of each result in the order of index and bound, no bound last."""
    keys = [_read(path, list(KEY)) for path in paths]
    index = np.concatenate([np.zeros(0, np.int64), *(key["index"].to_numpy() for key in keys)])
    bound = np.concatenate([np.zeros(0), *(key["max_l2"].to_numpy() for key in keys)])
    bound = np.where(np.isnan(bound), np.finfo(float).max, bound)
    part = np.repeat(np.arange(len(keys)), [len(key) for key in keys])
    row = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(key)) for key in keys)])
    order = np.lexsort((row, part, bound, index))
    again = (np.diff(index[order]) == 0) & (np.diff(bound[order]) == 0)
    order = order[np.flatnonzero(~np.append(again, np.zeros(min(1, len(order)), bool)))]
    order = order if below is None else order[index[order] < below]
    return part[order], row[order]


def columns_in(directory: Path, columns: list[str]) -> pa.Table:
    """Some columns of what a run's parts hold, index and max_l2 among them, in the order it came; see `finished`."""
    paths = sorted((directory / "parts").glob(PARTS))
    table = pa.concat_tables([SCHEMA.empty_table().select(columns), *(_read(path, columns) for path in paths)])
    last = dict(zip(zip(*(table[key].to_pylist() for key in KEY), strict=True), range(len(table)), strict=True))
    return table if len(last) == len(table) else table.take(sorted(last.values()))


def finished(directory: Path) -> list[AttackResult]:
    """What a run's parts hold, in the order it came; of a sample that was tried again, the last."""
    read = [result for path in sorted((directory / "parts").glob(PARTS)) for result in read_results(path)]
    return list({(result.index, result.max_l2): result for result in read}.values())


def with_tally(costs: dict[str, float], directory: Path) -> dict[str, float]:
    """What a run has cost, with the queries that went out since that was written."""
    asked, sent = read_tally(directory / TALLY)
    if asked <= costs.get("ledger_total", 0):
        return dict(costs)
    return costs | {"ledger_total": asked, "ledger_sent": max(sent, asked)}


def is_open(directory: Path) -> bool:
    """Whether some process is writing to a folder at this moment."""
    if not (directory / LOCK).is_file():
        return False
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _taken(directory: Path) -> BaseFileLock:
    """The folder's lock, held until this process ends or lets go of every store in it.

    Raises:
        InputError: another process holds it.
    """
    lock = FileLock(directory / LOCK, is_singleton=True, thread_local=False)  # one a process, which may come again
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{directory}: another process is writing to it. Wait for it to end, or give another --out."
        ) from None
    return lock


def read_results(path: Path) -> list[AttackResult]:
    """Stored results as `AttackResult`s, without `adversarial` (render the plan on the sample for that) and trace.

    Args:
        path: a `results.parquet` or a part.

    Raises:
        InputError: it is no such file, or a truncated one.
    """
    return results_in(_read(path, list(PUBLIC_FIELDS)))


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
                for batch in file.iter_batches(PART_ROWS, columns=list(PUBLIC_FIELDS)):
                    yield from results_in(pa.Table.from_batches([batch]))


def rows_table(kept: Iterable[tuple[AttackResult, dict[str, float]]]) -> pa.Table:
    """Results, each with its perceptibility, as the rows of a part."""
    return pa.Table.from_pylist([_row(*one) for one in kept], SCHEMA)


def columns_of(path: Path, columns: Sequence[str]) -> Any:
    """Some columns of merged results: a data frame, one row a result.

    Raises:
        InputError: the file is not what a store wrote.
    """
    return _read(path, list(columns)).to_pandas()


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


def _read(path: Path, columns: list[str]) -> pa.Table:
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


def write_json(path: Path, value: dict[str, Any]) -> None:
    """A file of JSON with its keys in order, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """A text file under its final name only once it is whole and on disk."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    _rename(temporary, path)


def _write(table: pa.Table, path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd")
    _rename(temporary, path)


def _rename(temporary: Path, path: Path) -> None:
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
