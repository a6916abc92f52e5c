"""A recording made ready for cutting: at the rate that is wanted, short gaps filled, longer ones marked."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isclose
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Floats
from brinkmap.data.ecg.recording import Annotations, Recording
from brinkmap.errors import InputError

__all__ = ["Trace", "trace_of"]

Mask = NDArray[np.bool_]
FARTHEST = 100
"""How many times more or fewer values resampling makes: beyond is a slip of the pen."""
REACH = 10
"""Values of the slower rate that scipy's polyphase filter looks to either side."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """A recording without holes, and where they were."""

    name: str
    source: Path
    leads: tuple[str, ...]
    values: Array
    """(c, time) float32 in mV, all finite."""
    missing: Mask
    """(time,) where a lead had a gap too long to fill, or one without another side."""
    filled: int
    """How many values of the recording were filled in."""
    rate_hz: float
    annotations: Annotations | None
    label: int | None


def trace_of(recording: Recording, rate_hz: float | None, resample: bool, gap_ms: float) -> Trace:
    """A recording made ready for cutting.

    Args:
        recording: as its file has it.
        rate_hz: the rate that is wanted, or None for that of the recording.
        resample: bring a recording of another rate to it.
        gap_ms: how long a gap may be to be filled by a straight line.

    Raises:
        InputError: the rate is another and not to be changed, a lead is flat, or nothing was measured on it.
    """
    wanted = recording.rate_hz if rate_hz is None else rate_hz
    if not (resample or isclose(wanted, recording.rate_hz, rel_tol=1e-6)):
        raise InputError(
            f"{recording.source}: expected a sampling rate of {wanted:g} Hz, got {recording.rate_hz:g} Hz. "
            "Resample it with Signals(resample=True), or --resample."
        )
    for lead, values in zip(recording.leads, recording.values, strict=True):
        _check_lead(lead, values[np.isfinite(values)], recording.source)
    values, missing, filled = _without_gaps(recording.values, int(gap_ms * recording.rate_hz / 1000 + 1e-9))
    if not isclose(wanted, recording.rate_hz, rel_tol=1e-6):
        values, missing = _resampled(values, missing, _ratio(recording, wanted))
    return Trace(
        name=recording.name, source=recording.source, leads=recording.leads, values=values.astype(np.float32),
        missing=missing, filled=filled, rate_hz=float(wanted), annotations=recording.annotations, label=recording.label,
    )  # fmt: skip


def _check_lead(lead: str, measured: Floats, source: Path) -> None:
    if not len(measured):
        raise InputError(f"{source}: lead {lead}: nothing was measured, all values are missing. Choose another lead.")
    if measured.min() == measured.max():
        raise InputError(
            f"{source}: lead {lead} is flat: {measured[0]:g} mV all the time, so its electrode was off. "
            "Choose another lead."
        )


def _without_gaps(values: Floats, longest: int) -> tuple[Floats, Mask, int]:
    """The values with all gaps bridged by straight lines, where that is not to be used, and how many were filled."""
    holes = ~np.isfinite(values)
    if not holes.any():
        return values, np.zeros(values.shape[1], dtype=bool), 0
    bridged, missing, filled = values.copy(), np.zeros(values.shape[1], dtype=bool), 0
    for lead, hole in zip(bridged, holes, strict=True):
        lead[hole] = np.interp(np.flatnonzero(hole), np.flatnonzero(~hole), lead[~hole])
        edges = np.flatnonzero(np.diff(hole, prepend=False, append=False))
        for start, stop in edges.reshape(-1, 2):
            if stop - start > longest or start == 0 or stop == len(hole):
                missing[start:stop] = True
            else:
                filled += int(stop - start)
    return bridged, missing, filled


def _ratio(recording: Recording, wanted: float) -> Fraction:
    """New values for each old one, to a thousandth of a hertz in either rate."""
    rates = Fraction(wanted).limit_denominator(1000), Fraction(recording.rate_hz).limit_denominator(1000)
    if not all(rates) or not 1 / FARTHEST <= rates[0] / rates[1] <= FARTHEST:
        raise InputError(
            f"{recording.source}: rate_hz: expected at most {FARTHEST} times more or fewer than its "
            f"{recording.rate_hz:g} Hz, got {wanted:g} Hz. Choose a nearer rate."
        )
    return rates[0] / rates[1]


def _resampled(values: Floats, missing: Mask, ratio: Fraction) -> tuple[Floats, Mask]:
    from scipy.signal import resample_poly  # half a second to import

    made = resample_poly(values, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    marked, reach = np.zeros(made.shape[1], dtype=bool), REACH * max(1.0, 1 / float(ratio))
    edges = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2):  # the filter carries the bridge of a gap to what lies around it
        marked[max(int((start - reach) * ratio), 0) : ceil((stop + reach) * ratio)] = True
    return made, marked
