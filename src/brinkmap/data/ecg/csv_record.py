"""Recordings as CSV: a header with the names of the leads, one row a value, and a column of times or none."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.arrays import Floats
from brinkmap.data.ecg.recording import Recording, pick_leads
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.units import to_millivolts
from brinkmap.errors import InputError

__all__ = ["is_signal_csv", "read_csv"]

TIMES = {"time": 1.0, "time_s": 1.0, "t": 1.0, "seconds": 1.0, "time_ms": 1000.0, "ms": 1000.0}
"""Column names that are times, and how many of each make a second."""
WHOLE_RATE = 1e-3
"""Times are rounded, so a rate this near to a whole number of hertz is that number."""
MISSING = ("", "nan", "na", "-")


def is_signal_csv(path: Path) -> bool:
    """Whether a CSV file holds a signal, not a table of files and labels: the first row below its header is numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            header, first = next(rows, []), next(rows, [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False  # the reader of tables says what is wrong
    return bool(first) and not {"file", "label"} <= set(header) and all(_is_value(cell) for cell in first)


def read_csv(path: Path, signals: Signals) -> Recording:
    """The chosen columns; an empty cell or NaN is a missing value.

    A unit may follow a name in brackets: `II (mV)`, `II [uV]`. The first column may be times in seconds, called time,
    time_s, t or seconds, or in milliseconds, time_ms or ms: from these comes the rate.

    Raises:
        InputError: it cannot be read, a column has no name, a cell is no number, the rate or the unit is not stated,
            times are not evenly spaced, or there is no such lead.
    """
    import pandas as pd

    try:
        table = pd.read_csv(
            path, encoding="utf-8-sig", header=None, dtype=str, keep_default_na=False, skip_blank_lines=False
        ).fillna("")
    except Exception as error:  # pandas raises ParserError, EmptyDataError, UnicodeDecodeError, OSError
        raise InputError(f"{path} cannot be read as CSV: {error}. Save it as comma-separated UTF-8 text.") from error
    filled = np.flatnonzero((table != "").any(axis=1))
    table = table.iloc[: filled[-1] + 1]  # a blank line is a missing value, but not at the end of the file
    header = [name.strip() for name in table.iloc[0]]
    odd = [name for name in header if _is_value(name)]
    if odd:
        raise InputError(
            f"{path}: expected a header that names every column, got {odd[0]!r}. Add one such as time,II (mV)."
        )
    timed = _plain(header[0]) in TIMES
    named = [_name_and_unit(name) for name in header[timed:]]
    places = pick_leads(signals.leads, [name for name, _ in named], path)
    rate_hz = _rate(_numbers(table, 0, header, path) if timed else None, header[0], signals, path)
    rows = [
        _numbers(table, place + timed, header, path)
        * to_millivolts(named[place][1], signals.file_unit, named[place][0], path)
        for place in places
    ]
    return Recording(
        name=path.stem, source=path, leads=tuple(named[place][0] for place in places),
        values=np.stack(rows), rate_hz=rate_hz,
    )  # fmt: skip


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    if cell.lower() in MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    """A column's name for looking it up: `Time (ms)` is time_ms."""
    return re.sub(r"\s*[(\[](\w+)[)\]]$", r"_\1", name).lower()


def _name_and_unit(name: str) -> tuple[str, str]:
    parts = re.fullmatch(r"(.*?)\s*[(\[]([^)\]]*)[)\]]", name)
    return (parts[1], parts[2]) if parts else (name, "")


def _numbers(table: Any, column: int, header: list[str], path: Path) -> Floats:
    cells = [cell.strip() for cell in table.iloc[1:, column]]
    for row, cell in enumerate(cells, start=1):
        if not _is_value(cell):
            raise InputError(f"{path}: row {row}: {header[column]}: expected a number, got {cell!r}. Mend or empty it.")
    return np.array([np.nan if cell.lower() in MISSING else float(cell) for cell in cells])


def _rate(times: Floats | None, column: str, signals: Signals, path: Path) -> float:
    if times is None:
        if signals.file_rate_hz is None:
            raise InputError(
                f"{path}: sampling rate unknown: there is no column of times. "
                "State it with Signals(file_rate_hz=360), or --file-rate-hz 360."
            )
        return signals.file_rate_hz
    seconds = times / TIMES[_plain(column)]
    if len(seconds) < 2 or not np.isfinite(seconds).all() or not seconds[-1] > seconds[0]:
        raise InputError(f"{path}: {column}: expected ascending times, two at least. Mend the column or leave it out.")
    step = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    off = np.abs(seconds - seconds[0] - np.arange(len(seconds)) * step)
    if off.max() > step / 2:
        row = int(off.argmax()) + 1
        raise InputError(
            f"{path}: {column}: expected evenly spaced times, got {times[row - 1]:g} in row {row}, "
            f"{off.max() / step:.3g} values off. Fill the gaps with rows that have a time and empty cells."
        )
    rate_hz = 1 / step
    whole = round(rate_hz)
    rate_hz = float(whole) if whole and abs(rate_hz - whole) <= WHOLE_RATE * whole else rate_hz
    if signals.file_rate_hz is not None and abs(signals.file_rate_hz - rate_hz) > WHOLE_RATE * rate_hz:
        raise InputError(
            f"{path}: {column} says {rate_hz:g} Hz, file_rate_hz says {signals.file_rate_hz:g} Hz. "
            "Leave file_rate_hz out."
        )
    return rate_hz
