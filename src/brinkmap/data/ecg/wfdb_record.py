"""WFDB records: a header (.hea), its signals (.dat, .mat) and the annotations beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.data.ecg.recording import Annotations, Recording, pick_leads
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.units import to_millivolts
from brinkmap.errors import InputError, MissingExtra

__all__ = ["read_wfdb"]

FREE_VALUES, VALUES_A_BYTE = 2**24, 20
"""So many values a header may always say; beyond that, no more a byte of its files than FLAC packs of a real signal."""
DEFAULT_GAIN = 200.0
"""What the format supposes where a header says none: good for drawing, not for millivolts."""


def read_wfdb(path: Path, signals: Signals) -> Recording:
    """The record whose header this is, with gain and baseline of the header; values marked invalid are NaN.

    A unit that the header leaves out is mV, as the format says. Source: header(5), WFDB Applications Guide,
    https://physionet.org/physiotools/wag/header-5.htm.

    Raises:
        InputError: a file is missing or cannot be read, there is no such lead, it is not calibrated, its unit is no
            voltage, or the chosen leads differ in rate.
        MissingExtra: wfdb is not installed.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such header. A WFDB record is given by its .hea file, with its signals beside it."
        )
    wfdb = _wfdb(path)
    base = str(path.with_suffix(""))
    header = _read(path, lambda: wfdb.rdheader(base))
    if hasattr(header, "seg_name"):
        raise InputError(f"{path}: a record of several segments. Give one of them: {', '.join(header.seg_name)}.")
    names = [name or "" for name in header.sig_name or []]
    places = pick_leads(signals.leads, names, path)
    _check_signals(path, [header.file_name[place] for place in places])
    _check_length(path, header)
    record = _read(path, lambda: wfdb.rdrecord(base, channels=places, smooth_frames=False))
    rates = [float(record.fs * frames) for frames in record.samps_per_frame]
    leads = tuple(names[place] for place in places)
    if len(set(rates)) > 1:
        listed = ", ".join(f"{lead} {rate:g} Hz" for lead, rate in zip(leads, rates, strict=True))
        raise InputError(f"{path}: expected leads of one sampling rate, got {listed}. Choose among those of one rate.")
    gains = _stated_gains(path)
    rows = [
        values * _scale(gains[place], unit, lead, signals, path)
        for values, place, unit, lead in zip(record.e_p_signal, places, record.units, leads, strict=True)
    ]
    return Recording(
        name=path.stem, source=path, leads=leads, values=np.stack(rows), rate_hz=rates[0],
        annotations=_annotations(path, signals.cut.annotator, float(header.fs), wfdb),
    )  # fmt: skip


def _wfdb(path: Path) -> Any:
    try:
        import wfdb  # a second to import
    except ImportError as error:
        raise MissingExtra(f"{path}: reading a WFDB record", "ecg") from error
    return wfdb


def _read(path: Path, reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except Exception as error:  # wfdb raises ValueError, KeyError, IndexError, TypeError and more on broken files
        raise InputError(
            f"{path} cannot be read as a WFDB record: {error or type(error).__name__}. Fetch its files again."
        ) from error


def _check_signals(path: Path, files: list[str]) -> None:
    missing = sorted({file for file in files if not (path.parent / file).is_file()})
    if missing:
        raise InputError(f"{path}: no such file beside it: {', '.join(missing)}, which its header names. Fetch it too.")


def _check_length(path: Path, header: Any) -> None:
    """That the rate is one, and that the header asks for no more values than its files can hold."""
    if not 0 < float(header.fs) < float("inf"):
        raise InputError(f"{path}: expected a positive sampling rate in its header, got {header.fs}.")
    skews = [abs(skew or 0) for skew in header.skew]
    frames = [frames or 1 for frames in header.samps_per_frame]
    asked = sum(((header.sig_len or 0) + skew) * frames for skew, frames in zip(skews, frames, strict=True))
    files = {file for file in header.file_name if (path.parent / file).is_file()}
    held = sum((path.parent / file).stat().st_size for file in files)
    if asked > max(FREE_VALUES, VALUES_A_BYTE * held):
        raise InputError(
            f"{path}: its header says {asked:,} values, its signal files have {held:,} bytes. Fetch its files again."
        )


def _stated_gains(path: Path) -> list[float]:
    """The gain of each signal as its header has it, 0 where it has none: wfdb puts 200 there."""
    lines = [line.split() for line in path.read_text("ascii", "ignore").splitlines()]
    fields = [line for line in lines if line and not line[0].startswith("#")][1:]
    found = [re.match(r"[-+.\deE]*", line[2]) if len(line) > 2 else None for line in fields]
    return [float(gain[0] or 0) if gain else 0.0 for gain in found]


def _scale(gain: float, unit: str, lead: str, signals: Signals, path: Path) -> float:
    """Millivolts for one unit of what wfdb returns."""
    if gain and signals.file_gain is not None:
        raise InputError(
            f"{path}: lead {lead}: the header says {gain:g} steps a {unit}, file_gain says {signals.file_gain:g} a mV. "
            "Leave file_gain out."
        )
    if gain:
        return to_millivolts(unit, signals.file_unit, lead, path)
    if signals.file_gain is None:
        raise InputError(
            f"{path}: lead {lead} is not calibrated: its header has no gain, so its unit is unknown. "
            "State the steps of one millivolt with Signals(file_gain=200), or --file-gain 200."
        )
    return DEFAULT_GAIN / signals.file_gain


def _annotations(path: Path, annotator: str | None, rate_hz: float, wfdb: Any) -> Annotations | None:
    if annotator is None:
        return None
    if not path.with_suffix(f".{annotator}").is_file():
        others = sorted(other.name for other in path.parent.glob(f"{path.stem}.*") if other != path)
        raise InputError(
            f"{path}: labels need the annotations {path.stem}.{annotator}, which is not beside it "
            f"(there: {', '.join(others)}). Fetch it, name another annotator, or cut Windows, which have no labels."
        )
    marks = _read(path.with_suffix(f".{annotator}"), lambda: wfdb.rdann(str(path.with_suffix("")), annotator))
    order = np.argsort(marks.sample, kind="stable")
    return Annotations(times_s=marks.sample[order] / rate_hz, symbols=np.array(marks.symbol, dtype=str)[order])
