"""How recordings become samples: which leads, cut how, at what rate, and what their files do not say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from brinkmap.data.ecg.cuts import Beats, Strips, Windows
from brinkmap.data.ecg.units import known_unit
from brinkmap.errors import InputError

__all__ = ["Signals"]


@final
@dataclass(frozen=True, kw_only=True)
class Signals:
    """What `load_data(path, signals=...)` is to do with recordings; the default is the first lead in strips of 10 s."""

    leads: tuple[str | int, ...] = (0,)
    """By name, or by number from 0. Recordings of one data set must give leads of the same names."""
    cut: Windows | Strips | Beats = field(default_factory=Windows)
    """`Windows(10)` without labels; `Strips(10)` or `Beats()` with labels from the annotations."""
    rate_hz: float | None = None
    """The values a second that the victim expects: recordings of another rate are refused. None: that of the files."""
    resample: bool = False
    """Bring recordings of another rate to `rate_hz` (polyphase filter) instead of refusing them."""
    gap_ms: float = 20.0
    """Missing values are filled by a straight line where at most so long (a fifth of a QRS complex).

    Samples with a longer gap are left out and counted. What is missing at either end is no gap: it has no other side.
    """
    file_rate_hz: float | None = None
    """The rate of files that do not say theirs: .csv without a column of times, .npz without rate_hz."""
    file_unit: str | None = None
    """V, mV, uV or nV, for files that do not say theirs."""
    file_gain: float | None = None
    """Steps a millivolt, for WFDB records whose header says that they are not calibrated."""

    def __post_init__(self) -> None:
        if isinstance(self.leads, str) or not self.leads:
            raise InputError(f"leads: expected one name or number at least, as in ('II',), got {self.leads!r}.")
        for name in ("rate_hz", "file_rate_hz", "file_gain"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"{name}: expected a positive number, got {value:g}.")
        if not 0 <= self.gap_ms < float("inf"):
            raise InputError(f"gap_ms: expected 0 or more milliseconds, got {self.gap_ms:g}.")
        if self.file_unit is not None and not known_unit(self.file_unit):
            raise InputError(f"file_unit: expected V, mV, uV or nV, got {self.file_unit!r}.")
        if self.resample and self.rate_hz is None:
            raise InputError("resample: expected rate_hz beside it, got none. Say to what rate: rate_hz=360.")
