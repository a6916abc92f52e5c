"""How recordings become samples, as flags: the same wherever data are asked for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from brinkmap.data.dataset import DataSet
from brinkmap.data.ecg.bounds import clipped
from brinkmap.data.ecg.cuts import Beats, Strips, Windows
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.load import load_data
from brinkmap.data.video import Clips
from brinkmap.errors import InputError

__all__ = ["SignalFlags", "data_of"]


CUTTING = ("window_s", "stride_s", "before_s", "after_s", "annotator")


@dataclass(frozen=True, kw_only=True)
class SignalFlags:
    """ECG recordings (.hea, .edf, .csv, .npz); nothing of this is read for other data."""

    leads: tuple[str, ...] = ()
    """By name, or by number from 0; none given means the first. Recordings of one data set must have the same."""
    label_by: str | None = None
    """strips: each window is labelled by its most severe beat; beats: one sample a beat; none given means no labels."""
    window_s: float | None = None
    """Seconds of a window or strip; none given means 10."""
    stride_s: float | None = None
    """Seconds from one window to the next; none given means end to end."""
    before_s: float | None = None
    """Seconds of a beat before its R peak; none given means 0.3."""
    after_s: float | None = None
    """Seconds of a beat after its R peak; none given means 0.5."""
    annotator: str | None = None
    """Suffix of the annotation files; none given means atr."""
    gap_ms: float | None = None
    """Missing values are filled by a straight line where at most so long; none given means 20."""
    resample: bool = False
    """Bring recordings of another rate to --rate-hz instead of refusing them."""
    file_rate_hz: float | None = None
    """The rate of files that do not say theirs."""
    file_unit: str | None = None
    """V, mV, uV or nV, for files that do not say theirs."""
    file_gain: float | None = None
    """Steps a millivolt, for WFDB records whose header says that they are not calibrated."""
    clip_mv: tuple[float, float] | None = None
    """Put what lies beyond these two values on them, and say how much that was; without it the sample is refused."""


def data_of(
    flags: SignalFlags, path: str, limit: int | None, rate_hz: float | None, clips: Clips | None = None
) -> DataSet:
    """The data under a path, cut as the flags say; what was left out, filled or clipped is printed.

    Args:
        flags: of the recordings.
        path: what `load_data` takes.
        limit: at most so many samples.
        rate_hz: that the victim expects.
        clips: how videos become samples.

    Raises:
        BrinkmapError: bad input.
    """
    unsaid = dataclasses.asdict(SignalFlags())
    stated = {name: value for name, value in dataclasses.asdict(flags).items() if value != unsaid[name]}
    clip = stated.pop("clip_mv", None)
    signals = _signals(stated, rate_hz) if stated else None
    data = load_data(path, limit=limit, signals=signals, clips=clips)
    if data.rate_hz and rate_hz and data.rate_hz != rate_hz:
        raise InputError(
            f"{path}: {data.rate_hz:g} values a second, and the victim expects {rate_hz:g}. Give --resample and "
            f"--rate-hz {rate_hz:g}, or another victim."
        )
    if clip is not None:
        data = clipped(data, clip)
    for note in data.notes:
        print(note)
    return data


def _signals(stated: dict[str, Any], rate_hz: float | None) -> Signals:
    if "leads" in stated:
        stated["leads"] = tuple(int(lead) if lead.isdigit() else lead for lead in stated["leads"])
    by, cuts = stated.pop("label_by", None), {None: Windows, "strips": Strips, "beats": Beats}
    if by not in cuts:
        raise InputError(f"label_by: expected strips or beats, got {by!r}. Leave it out for no labels.")
    known = {field.name for field in dataclasses.fields(cuts[by])}
    own = {
        name: stated.pop(name)
        for name in ("window_s", "stride_s", "before_s", "after_s", "annotator")
        if name in stated
    }
    if wrong := sorted(set(own) - known):
        said = "without labels" if by is None else f"with label_by {by}"
        raise InputError(f"{wrong[0]}: of no use {said}. Leave it out.")
    return Signals(cut=cuts[by](**own), rate_hz=rate_hz, **stated)
