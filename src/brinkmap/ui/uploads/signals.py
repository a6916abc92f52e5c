"""An uploaded recording as a sample: the chosen leads from a moment on, in the victim's rate, unit and length."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from brinkmap.arrays import Array, Bounds
from brinkmap.data.ecg.load import read_record
from brinkmap.data.ecg.recording import Recording
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.trace import Trace, trace_of
from brinkmap.data.ecg.units import to_millivolts
from brinkmap.errors import InputError
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads.kinds import File

__all__ = ["Reading", "Wanted", "read_recording", "sample_of_recording", "stored_recording"]

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,62}(\.[A-Za-z0-9]{1,8})?")
"""Names of files that belong together: no folder, no drive, no scheme."""
FORMATS = {"8", "16", "24", "32", "61", "80", "160", "212", "310", "311"}
"""WFDB formats that are not compressed: their size is the file's."""
MOST_SIGNALS = 64


@dataclass(frozen=True)
class Reading:
    """What whoever uploads a file says of it."""

    leads: str = ""
    """Names or numbers, separated by commas; none given means the first ones."""
    start_s: float = 0.0
    rate_hz: float | None = None
    """The rate of a file that does not say its own."""
    unit: str | None = None
    """V, mV, uV or nV, likewise."""
    resample: bool = False
    index: int = 0
    """Of the samples in an .npz."""

    def signals(self, channels: int, rate_hz: float | None) -> Signals:
        """How the recording is to be read."""
        named: list[str | int] = [lead.strip() for lead in self.leads.split(",") if lead.strip()]
        leads = tuple(named or range(channels))
        return Signals(
            leads=leads, rate_hz=rate_hz, resample=self.resample and rate_hz is not None, file_rate_hz=self.rate_hz,
            file_unit=self.unit or None,
        )  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What the victim takes."""

    shape: tuple[int, ...] | None
    bounds: Bounds
    rate_hz: float | None
    millivolts: Bounds | None
    """What stands at its bounds; None where that is not known."""


def read_recording(files: Sequence[File], kind: str, reading: Reading, wanted: Wanted, limits: Limits) -> Recording:
    """The chosen leads in mV.

    Raises:
        InputError: a file that belongs to it is missing, or it cannot be read.
        MissingExtra: .hea needs wfdb, .edf needs edfio.
    """
    main = next(file for file in files if file.suffix == f".{kind}")
    channels = 1 if wanted.shape is None else wanted.shape[0]
    for file in files:
        if not PLAIN.fullmatch(file.name) and kind == "hea":
            raise InputError(f"{file.name}: files of a WFDB record have plain names: letters, digits, - and _.")
    if kind == "hea":
        _check_header(main, files, limits)
    if kind == "csv" and main.content.count(b",") + main.content.count(b"\n") > 4 * limits.values:
        raise InputError(f"{main.name}: more than {4 * limits.values:,} cells. Cut it first.")
    with tempfile.TemporaryDirectory(prefix="brinkmap-upload-") as folder:
        for file in files if kind == "hea" else ():
            (Path(folder) / file.name).write_bytes(file.content)
        path = Path(folder) / (main.name if kind == "hea" else f"recording.{kind}")
        path.write_bytes(main.content)
        try:
            found = read_record(path, reading.signals(channels, wanted.rate_hz))
        except InputError as error:
            raise InputError(str(error).replace(str(path), main.name).replace(f"{folder}/", "")) from error
    return replace(found, name=main.name, source=Path(main.name))  # where it lay is nobody's business


def stored_recording(
    file: File, x: np.ndarray, rate_hz: float, unit: str, reading: Reading, channels: int
) -> Recording:
    """One row of an .npz that says its rate and unit, in mV: (c, time)."""
    scale = to_millivolts(unit, reading.unit or None, "0", Path(file.name))
    rows = x[:channels].astype(np.float64) * scale
    return Recording(
        name=file.name, source=Path(file.name), leads=tuple(map(str, range(len(rows)))), values=rows, rate_hz=rate_hz
    )


def sample_of_recording(recording: Recording, reading: Reading, wanted: Wanted) -> tuple[Array, list[str]]:
    """The part that is asked for, and what was done to get it.

    Raises:
        InputError: another rate and not to be resampled, too short, a gap in it, or the victim takes no millivolts.
    """
    if wanted.millivolts is None:
        raise InputError(
            "this victim does not say that its samples are in mV, so a recording cannot be scaled for it. "
            "Start the page with --unit mV, or upload an .npz whose x is as the victim takes it."
        )
    rate_hz = wanted.rate_hz if wanted.rate_hz is not None else recording.rate_hz
    try:
        trace = trace_of(recording, rate_hz, reading.resample, Signals().gap_ms)
    except InputError as error:
        raise InputError(_for_the_page(str(error))) from error
    values = _part(trace, reading.start_s, wanted.shape[1] if wanted.shape else None)
    if wanted.shape is not None and len(values) != wanted.shape[0]:
        raise InputError(f"{recording.name}: {len(values)} leads, and this victim takes {wanted.shape[0]}.")
    notes = [
        f"lead {', '.join(trace.leads)} from {reading.start_s:g} s, {values.shape[1] / rate_hz:g} s at {rate_hz:g} Hz"
    ]
    if recording.rate_hz != rate_hz:
        notes.append(f"resampled from {recording.rate_hz:g} Hz")
    if trace.filled:
        notes.append(f"{trace.filled} missing values filled by straight lines")
    low, high = wanted.millivolts
    beyond = int(np.count_nonzero((values < low) | (values > high)))
    if beyond:
        notes.append(f"{beyond} values beyond {low:g} to {high:g} mV put on these")
    share = (np.clip(values, low, high).astype(np.float64) - low) / (high - low)
    bottom, top = wanted.bounds
    return np.clip(share * (top - bottom) + bottom, bottom, top).astype(np.float32), notes


def _part(trace: Trace, start_s: float, length: int | None) -> Array:
    """So many values from a moment on, or all that follow."""
    first = round(start_s * trace.rate_hz)
    if not 0 <= first < trace.values.shape[1]:
        lasts = trace.values.shape[1] / trace.rate_hz
        raise InputError(f"{trace.name}: start: expected 0 to {lasts:.3g} s, got {start_s:g} s.")
    length = trace.values.shape[1] - first if length is None else length
    values = trace.values[:, first : first + length]
    if values.shape[1] < length:
        raise InputError(
            f"{trace.name}: {values.shape[1] / trace.rate_hz:.3g} s from {start_s:g} s on, and this victim takes "
            f"{length / trace.rate_hz:.3g} s. Start earlier, or choose a longer recording."
        )
    if trace.missing[first : first + length].any():
        raise InputError(f"{trace.name}: a gap too long to fill lies in this part. Start elsewhere.")
    return values


def _for_the_page(message: str) -> str:
    """The library's mend in the page's own words."""
    return message.replace("Resample it with Signals(resample=True), or --resample.", "Tick “resample” to allow it.")


def _check_header(main: File, files: Sequence[File], limits: Limits) -> None:
    """That the header names only files that are here, in formats that cannot unpack to more than they are."""
    lines = [line.split() for line in main.content.decode("ascii", "replace").splitlines()]
    lines = [line for line in lines if line and not line[0].startswith("#")]
    if not lines or len(lines[0]) < 2 or "/" in lines[0][0]:
        raise InputError(f"{main.name}: not the header of a single WFDB record.")
    record, signals = lines[0], lines[1:]
    length = record[3] if len(record) > 3 else "0"
    if not (record[1].isdecimal() and 1 <= int(record[1]) <= MOST_SIGNALS and len(signals) >= int(record[1])):
        raise InputError(f"{main.name}: expected 1 to {MOST_SIGNALS} signals, got {record[1]}.")
    if not length.isdecimal() or int(length) * int(record[1]) > 8 * limits.values:
        raise InputError(f"{main.name}: {length} values a signal are too many. Cut the record first.")
    here = {file.name for file in files}
    for line in signals:
        if len(line) < 2 or not PLAIN.fullmatch(line[0]):
            raise InputError(f"{main.name}: expected plain names of signal files, got {line[0]!r}.")
        if re.sub(r"[x:+].*", "", line[1]) not in FORMATS or re.search(r"x(?!1(\D|$))", line[1]):
            raise InputError(f"{main.name}: signals in format {line[1]} are not read here.")
        if line[0] not in here:
            raise InputError(f"{main.name}: choose {line[0]} together with it: its signals are in there.")
