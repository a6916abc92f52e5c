"""A recording as its file has it, before it is cut into samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Floats
from brinkmap.errors import InputError

__all__ = ["Annotations", "Recording", "pick_leads"]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Annotations:
    """What experts marked in a recording: beats, and changes of rhythm and quality."""

    times_s: Floats
    """(n,) ascending: seconds from the start of the recording; of a beat about its R peak."""
    symbols: NDArray[np.str_]
    """(n,) MIT codes, such as N, V or +; `brinkmap.data.ecg.AAMI_OF` has those that are beats."""

    def between(self, start_s: float, stop_s: float) -> Annotations:
        """Those from `start_s` up to, and without, `stop_s`; times stay those of the recording."""
        low, high = np.searchsorted(self.times_s, (start_s, stop_s))
        return Annotations(times_s=self.times_s[low:high], symbols=self.symbols[low:high])


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """The chosen leads of one recording, in millivolts, at the rate of the file."""

    name: str
    source: Path
    leads: tuple[str, ...]
    values: Floats
    """(c, time) in mV, NaN where nothing was measured."""
    rate_hz: float
    annotations: Annotations | None = None
    label: int | None = None
    """Of the recording as a whole, where the file has one."""


def pick_leads(wanted: Sequence[str | int], names: Sequence[str], source: Path) -> list[int]:
    """Where the wanted leads are among those of a file.

    Args:
        wanted: names, whose case does not matter unless two differ by nothing else, or numbers from 0.
        names: the leads of the file, in order.
        source: the file, for messages.

    Raises:
        InputError: there is no such lead, its name is there twice, or one is wanted twice.
    """
    places = [_place(lead, names, source) for lead in wanted]
    if len(set(places)) < len(places):
        raise InputError(f"{source}: leads: expected each lead once, got {', '.join(map(str, wanted))}. Leave one out.")
    return places


def _place(lead: str | int, names: Sequence[str], source: Path) -> int:
    if isinstance(lead, str):
        for matches in (
            [place for place, name in enumerate(names) if name == lead],
            [place for place, name in enumerate(names) if name.casefold() == lead.casefold()],
        ):
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise InputError(f"{source}: lead {lead!r} is there {len(matches)} times. Give its number instead.")
        if not lead.isdecimal():
            raise InputError(f"{source}: no lead {lead!r}. It has {_listed(names)}.")
    if not 0 <= int(lead) < len(names):
        raise InputError(f"{source}: no lead number {lead}. It has {_listed(names)}.")
    return int(lead)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{name or 'unnamed'} ({place})" for place, name in enumerate(names)) or "none"
