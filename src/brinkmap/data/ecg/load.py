"""Recordings to samples: read, made ready, cut, and put in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.data.ecg.csv_record import read_csv
from brinkmap.data.ecg.cuts import Pieces
from brinkmap.data.ecg.edf_record import read_edf
from brinkmap.data.ecg.recording import Recording
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.trace import Trace, trace_of
from brinkmap.data.ecg.wfdb_record import read_wfdb
from brinkmap.errors import InputError

__all__ = ["RECORDS", "load_recordings", "load_records", "read_record", "records_in"]

READERS: dict[str, Callable[[Path, Signals], Recording]] = {".csv": read_csv, ".edf": read_edf, ".hea": read_wfdb}
RECORDS = frozenset([".edf", ".hea"])
"""The files that are recordings and nothing else."""


def records_in(folder: Path) -> list[Path]:
    """The recordings in a folder, in order of name; not those in its sub-folders."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in RECORDS and not entry.name.startswith(".") and entry.is_file()
    )


def read_record(path: Path, signals: Signals) -> Recording:
    """One recording, not yet cut: the chosen leads in mV, and its annotations where the cut needs them.

    Raises:
        InputError: it cannot be read, does not have what is asked for, or has no annotations where labels are wanted.
        MissingExtra: .hea needs wfdb, .edf needs edfio.
    """
    recording = READERS[path.suffix.lower()](path, signals)
    _check_annotated(recording, signals)
    return recording


def load_records(paths: Sequence[Path], signals: Signals, limit: int | None = None) -> DataSet:
    """The samples of these recordings, one of each recording in turn, so that the first n of them spare none.

    Raises:
        InputError: as `read_record` and `load_recordings`.
        MissingExtra: .hea needs wfdb, .edf needs edfio.
    """
    return load_recordings((read_record(path, signals) for path in paths), signals, limit)


def load_recordings(recordings: Iterable[Recording], signals: Signals, limit: int | None = None) -> DataSet:
    """The samples of these recordings, at least one, in mV: float32 (c, time), called `record:start_s`.

    Raises:
        InputError: a recording is flat, shorter than a window, at another rate or of other leads than the first, or
            there is no sample without a gap or a flat lead in any.
    """
    traces: list[Trace] = []
    for recording in recordings:
        _check_annotated(recording, signals)
        traces.append(trace_of(recording, signals.rate_hz, signals.resample, signals.gap_ms))
        _check_alike(traces[-1], traces[0])
    pieces = [signals.cut.pieces(trace) for trace in traces]
    order = [
        (which, number)
        for row in zip_longest(
            *([(which, number) for number in range(len(own.starts))] for which, own in enumerate(pieces))
        )
        for which, number in filter(None, row)
    ]
    notes = _notes(traces, pieces, signals)
    if not order:
        why = "; ".join(notes) or "no beat is marked in it"
        raise InputError(f"{traces[0].source}: no sample is left: {why}. Choose other leads or windows.")
    order = order[:limit]
    places = tuple((which, int(pieces[which].starts[number])) for which, number in order)
    samples = _Cut(tuple(trace.values for trace in traces), places, pieces[0].length)
    labels = [own.labels for own in pieces]
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=None if labels[0] is None else np.array([labels[w][n] for w, n in order], dtype=np.int64),
        names=tuple(f"{traces[which].name}:{_seconds(start / traces[which].rate_hz)}" for which, start in places),
        class_names=signals.cut.classes,
        rate_hz=traces[0].rate_hz,
        unit="mV",
        notes=notes,
    )


def _check_annotated(recording: Recording, signals: Signals) -> None:
    if signals.cut.annotator is not None and recording.annotations is None:
        raise InputError(
            f"{recording.source}: labels need annotations, which are read with WFDB records only. "
            "Cut Windows, which have no labels."
        )


def _check_alike(trace: Trace, first: Trace) -> None:
    if trace.leads != first.leads:
        raise InputError(
            f"{trace.source}: expected lead {', '.join(first.leads)} as in {first.source.name}, "
            f"got {', '.join(trace.leads)}. "
            f"Choose by name: Signals(leads={first.leads}), or --leads {' '.join(first.leads)}."
        )
    if not isclose(trace.rate_hz, first.rate_hz, rel_tol=1e-6):
        raise InputError(
            f"{trace.source}: expected {first.rate_hz:g} Hz as in {first.source.name}, got {trace.rate_hz:g} Hz. "
            f"Resample with Signals(rate_hz={first.rate_hz:g}, resample=True), or --resample."
        )


def _notes(traces: list[Trace], pieces: list[Pieces], signals: Signals) -> tuple[str, ...]:
    left_out = sum((own.left_out for own in pieces), Counter())
    total = sum(len(own.starts) for own in pieces) + left_out.total()
    notes = [f"{count} of {total} samples left out for {reason}" for reason, count in sorted(left_out.items())]
    filled = sum(trace.filled for trace in traces)
    if filled:
        notes.append(f"{filled} missing values filled, in gaps of at most {signals.gap_ms:g} ms")
    return tuple(notes)


def _seconds(start_s: float) -> str:
    return f"{start_s:.3f}".rstrip("0").rstrip(".")


@final
@dataclass(frozen=True, eq=False)
class _Cut:
    """Samples that are parts of longer arrays, so that windows may overlap at no cost."""

    arrays: tuple[NDArray[np.float32], ...]
    places: tuple[tuple[int, int], ...]
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.arrays[0]), self.length)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.arrays[which][:, start : start + self.length].copy() for which, start in self.places)

    def contents(self) -> Iterator[bytes]:
        return (next(ArraySamples(sample[None]).contents()) for sample in self)
