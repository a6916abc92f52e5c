"""Where a trace is cut into samples, and what each is called: windows, strips labelled by their beats, or beats."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Ints
from brinkmap.data.ecg.aami import AAMI, aami_labels, most_severe
from brinkmap.data.ecg.recording import Annotations
from brinkmap.data.ecg.trace import Trace
from brinkmap.errors import InputError

__all__ = ["Beats", "Pieces", "Strips", "Windows"]

Labels = NDArray[np.int64]
FLAT_MV = 1e-6
"""A lead that stays within so little, a nanovolt, carries no signal: its electrode is off or its wire is out."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Pieces:
    """The samples of one trace."""

    starts: Ints
    """(n,) the first value of each."""
    length: int
    labels: Labels | None
    left_out: Counter[str] = field(default_factory=Counter)
    """How many more there would be but for this reason."""


@final
@dataclass(frozen=True)
class Windows:
    """Windows of `window_s`, one every `stride_s` (None: end to end), as far as they go. No labels."""

    window_s: float = 10.0
    stride_s: float | None = None

    annotator: ClassVar[None] = None
    classes: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check_seconds(window_s=self.window_s, stride_s=self.stride_s)

    def pieces(self, trace: Trace) -> Pieces:
        """The windows of a trace.

        Raises:
            InputError: it is shorter than one.
        """
        starts, length = _windows(trace, self.window_s, self.stride_s)
        labels = None if trace.label is None else np.full(len(starts), trace.label, dtype=np.int64)
        return _usable(trace, starts, length, labels, Counter())


@final
@dataclass(frozen=True)
class Strips:
    """Windows labelled by their beats: each has the AAMI class of its most severe beat (`SEVERITY`: V, F, S, Q, N).

    A beat belongs to the strip that its R peak is in. Strips without a beat, and those that ventricular flutter or
    fibrillation is in (between the annotations [ and ]), where nobody marked beats, are left out and counted.
    """

    window_s: float = 10.0
    stride_s: float | None = None
    annotator: str = "atr"
    """The suffix of the file with the annotations."""

    classes: ClassVar[tuple[str, ...]] = AAMI

    def __post_init__(self) -> None:
        _check_seconds(window_s=self.window_s, stride_s=self.stride_s)
        _check_annotator(self.annotator)

    def pieces(self, trace: Trace) -> Pieces:
        """The strips of a trace with annotations.

        Raises:
            InputError: it is shorter than one.
        """
        starts, length = _windows(trace, self.window_s, self.stride_s)
        places, labels = _beats(trace)
        found = [labels[slice(*np.searchsorted(places, (start, start + length)))] for start in starts]
        left_out: Counter[str] = Counter()
        fibrillating = _overlaps(_fibrillation(trace), starts, length)
        starts, found = _without(fibrillating, "ventricular flutter or fibrillation", starts, found, left_out)
        empty = np.array([not len(one) for one in found], dtype=bool)
        starts, found = _without(empty, "no beat", starts, found, left_out)
        return _usable(trace, starts, length, np.array([most_severe(one) for one in found], np.int64), left_out)


@final
@dataclass(frozen=True)
class Beats:
    """One sample a beat, from `before_s` before its R peak to `after_s` after it, labelled with its AAMI class.

    Beats too near either end of the record are left out and counted. The default reaches from before P to after T.
    """

    before_s: float = 0.3
    after_s: float = 0.5
    annotator: str = "atr"
    """The suffix of the file with the annotations."""

    classes: ClassVar[tuple[str, ...]] = AAMI

    def __post_init__(self) -> None:
        _check_seconds(before_s=self.before_s, after_s=self.after_s)
        _check_annotator(self.annotator)

    def pieces(self, trace: Trace) -> Pieces:
        """The beats of a trace with annotations."""
        before = round(self.before_s * trace.rate_hz)
        length = max(before + round(self.after_s * trace.rate_hz), 1)
        places, labels = _beats(trace)
        starts, left_out = places - before, Counter[str]()
        beyond = (starts < 0) | (starts + length > trace.values.shape[1])
        left_out["an end of the record"] = int(beyond.sum())
        return _usable(trace, starts[~beyond], length, labels[~beyond], left_out)


def _windows(trace: Trace, window_s: float, stride_s: float | None) -> tuple[Ints, int]:
    time, length = trace.values.shape[1], max(round(window_s * trace.rate_hz), 1)
    if time < length:
        raise InputError(
            f"{trace.source}: expected {window_s:g} s at least, one window, got {time / trace.rate_hz:g} s. "
            "Ask for a shorter window_s, or leave the record out."
        )
    stride = max((window_s if stride_s is None else stride_s) * trace.rate_hz, 1.0)
    starts = np.rint(np.arange(int((time - length) / stride) + 2) * stride).astype(np.int64)
    return starts[starts + length <= time], length


def _beats(trace: Trace) -> tuple[Ints, Labels]:
    """Where each beat's R peak is, in values, and its label."""
    assert trace.annotations is not None, "the reader holds that there are annotations where labels are asked for"
    labels = aami_labels(trace.annotations.symbols)
    places = np.rint(trace.annotations.times_s * trace.rate_hz).astype(np.int64)
    return places[labels >= 0], labels[labels >= 0]


def _fibrillation(trace: Trace) -> NDArray[np.bool_]:
    """(time,) whether the ventricles flutter or fibrillate."""
    on = np.zeros(trace.values.shape[1], dtype=bool)
    assert isinstance(trace.annotations, Annotations)
    start: int | None = None
    for time_s, symbol in zip(trace.annotations.times_s, trace.annotations.symbols, strict=True):
        if symbol == "[":
            start = round(time_s * trace.rate_hz)
        elif symbol == "]" and start is not None:
            on[start : round(time_s * trace.rate_hz) + 1], start = True, None
    if start is not None:
        on[start:] = True
    return on


def _usable(trace: Trace, starts: Ints, length: int, labels: Labels | None, left_out: Counter[str]) -> Pieces:
    """The pieces without gaps and without a flat lead."""
    gap = _overlaps(trace.missing, starts, length)
    ranges = [np.ptp(trace.values[:, start : start + length], axis=1).min() for start in starts]
    flat = ~gap & (np.array(ranges, dtype=np.float32) < FLAT_MV)
    left_out["a gap"], left_out["a flat lead"] = int(gap.sum()), int(flat.sum())
    kept = ~(gap | flat)
    return Pieces(
        starts=starts[kept], length=length, labels=None if labels is None else labels[kept], left_out=+left_out
    )


def _without(
    drop: NDArray[np.bool_], reason: str, starts: Ints, found: list[Labels], left_out: Counter[str]
) -> tuple[Ints, list[Labels]]:
    left_out[reason] = int(drop.sum())
    return starts[~drop], [one for one, dropped in zip(found, drop, strict=True) if not dropped]


def _overlaps(mask: NDArray[np.bool_], starts: Ints, length: int) -> NDArray[np.bool_]:
    """Whether any value of each piece is in the mask."""
    counts = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(counts[starts + length] > counts[starts])


def _check_seconds(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name}: expected a positive number of seconds, got {value:g}.")


def _check_annotator(annotator: str) -> None:
    if not annotator.isidentifier():
        raise InputError(f"annotator: expected the suffix of a file of annotations, such as atr, got {annotator!r}.")
