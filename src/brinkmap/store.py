"""Where results are kept: Parquet parts written so that a kill loses little, merged and sorted at the end.

A part is written under a temporary name, synced and renamed, so what has its final name is whole. `run.json` says
which run a folder belongs to; a resumed run must be the same one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import BaseFileLock, FileLock, Timeout

from brinkmap.errors import InputError
from brinkmap.files import put, write_json
from brinkmap.results import AttackResult
from brinkmap.rows import SCHEMA, read_columns, read_results, rows_table, trace_table
from brinkmap.victims.tally import read_tally

__all__ = ["PARTS", "PART_ROWS", "PART_SECONDS", "TALLY", "Store", "columns_in", "finished", "is_open", "with_tally"]

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
        put(temporary, self.results_path)
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
        read |= {number: read_columns(paths[number], SCHEMA.names) for number in needed.tolist() if number not in read}
        tables = [read[number] for number in needed.tolist()]
        before = np.cumsum([0, *(len(table) for table in tables)])
        # one chunk, so that the bytes do not tell where parts began
        yield pa.concat_tables(tables).take(before[place] + row[some]).combine_chunks()
        read = {number: table for number, table in read.items() if last[number] >= start + GROUP_ROWS}


def _places(paths: list[Path], below: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Part and row of each result in the order of index and bound, no bound last."""
    keys = [read_columns(path, list(KEY)) for path in paths]
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
    table = pa.concat_tables([SCHEMA.empty_table().select(columns), *(read_columns(path, columns) for path in paths)])
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


def _write(table: pa.Table, path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd")
    put(temporary, path)
