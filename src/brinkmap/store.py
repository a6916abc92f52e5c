"""Where results are kept: Parquet parts written so that a kill loses little, merged and sorted at the end.

A part is written under a temporary name, synced and renamed, so what has its final name is whole. `run.json` says
which run a folder belongs to; a resumed run must be the same one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import BaseFileLock, FileLock, Timeout

from brinkmap.errors import InputError
from brinkmap.results import PUBLIC_FIELDS, AttackResult

__all__ = ["Store", "is_open", "read_results", "write_json", "write_text"]

PARTS = "part-[0-9]*.parquet"
LOCK = ".lock"
PART_ROWS = 1000
PART_SECONDS = 5.0
"""A part is written after so many results or so much time: the most that a kill can lose."""

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
SCHEMA = pa.schema([*((name, _TYPES[name]) for name in PUBLIC_FIELDS), *((name, _REAL) for name in PERCEPTIBILITY)])
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

    def done(self) -> set[tuple[int, float | None]]:
        """The (index, max_l2) pairs that are safely written."""
        table = self._all(["index", "max_l2"])
        return set(zip(table["index"].to_pylist(), table["max_l2"].to_pylist(), strict=True))

    def results(self) -> list[AttackResult]:
        """What is safely written, in the order it came."""
        return [result for path in sorted(self._parts.glob(PARTS)) for result in read_results(path)]

    @property
    def costs(self) -> dict[str, float]:
        """What the run has cost up to the last part, all its sessions together."""
        return dict(self._state.get("costs", {}))

    def append(self, result: AttackResult, perceptibility: dict[str, float]) -> bool:
        """Keep one result; returns whether a part is due.

        Args:
            result: as the runner yields it.
            perceptibility: SSIM, PSNR or SNR of the modified sample, where there is one.
        """
        self._waiting.append((result, perceptibility))
        return len(self._waiting) >= PART_ROWS or time.monotonic() - self._written_at > PART_SECONDS

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
            name = f"part-{self._next:06d}.parquet"
            traced = [row for result, _ in self._waiting for row in _trace_rows(result)]
            if traced:
                self._traces.mkdir(exist_ok=True)
                _write(pa.Table.from_pylist(traced, TRACE_SCHEMA), self._traces / name)
            _write(pa.Table.from_pylist([_row(*kept) for kept in self._waiting], SCHEMA), self._parts / name)
            self._next += 1
            self._waiting = []
        self._written_at = time.monotonic()

    def merge(self) -> Path:
        """All parts, sorted by index and bound, as one file of the same bytes whatever the order they came in."""
        table = self._all(SCHEMA.names).sort_by([("index", "ascending"), ("max_l2", "ascending")])
        _write(table, self.results_path)
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
            raise InputError(f"{path} cannot be read: {error}. Give another --out, or delete the folder.") from error
        differing = sorted(key for key in {*before, *fingerprint} if before.get(key) != fingerprint.get(key))
        if differing:
            said = "; ".join(f"{key} was {before.get(key)!r}, is {fingerprint.get(key)!r}" for key in differing)
            raise InputError(f"{self.directory} holds another run ({said}). Give another --out, or delete the folder.")
        return state

    def _all(self, columns: list[str]) -> pa.Table:
        paths = sorted(self._parts.glob(PARTS))
        return pa.concat_tables([SCHEMA.empty_table().select(columns), *(_read(path, columns) for path in paths)])


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
    import numpy as np

    def array(row: dict[str, Any], name: str, dtype: Any) -> Any:
        return None if row[name] is None else np.asarray(row[name], dtype)

    results = []
    for row in _read(path, list(PUBLIC_FIELDS)).to_pylist():
        row["before"], row["after"] = array(row, "before", np.float32), array(row, "after", np.float32)
        plan = array(row, "plan", np.int16)
        row["filters"] = tuple(row["filters"])
        row["distances"] = tuple((int(query), distance) for query, distance in row["distances"])
        row["plan"] = None if plan is None else plan.reshape(-1, 2)
        results.append(AttackResult(**row))
    return results


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
        table = pq.read_table(path, columns=columns).select(columns)
        return table.cast(pa.schema([SCHEMA.field(name) for name in columns]))
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
    temporary.write_text(text)
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
