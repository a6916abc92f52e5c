"""Millivolts: what the values of a file have to be multiplied by, never guessed."""

from __future__ import annotations

from pathlib import Path

from brinkmap.errors import InputError

__all__ = ["known_unit", "to_millivolts"]

MILLIVOLTS = {"v": 1000.0, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}
"""Of one unit, whose name is in lower case and has u for the two signs that stand for micro."""


def known_unit(unit: str) -> bool:
    """Whether this is a voltage: V, mV, uV (or µV) or nV."""
    return _plain(unit) in MILLIVOLTS


def to_millivolts(unit: str, stated: str | None, lead: str, source: Path) -> float:
    """How many millivolts one unit of a lead is.

    Args:
        unit: what the file says, or nothing.
        stated: what the user says that it is, where the file does not.
        lead: the lead, for messages.
        source: the file, for messages.

    Raises:
        InputError: neither says a voltage, or they contradict each other.
    """
    if known_unit(unit):
        if stated is not None and _plain(stated) != _plain(unit):
            raise InputError(
                f"{source}: lead {lead}: the file says {unit}, file_unit says {stated}. Leave file_unit out."
            )
        return MILLIVOLTS[_plain(unit)]
    if stated is None:
        raise InputError(
            f"{source}: lead {lead}: unit unknown: expected V, mV, uV or nV, got {unit or 'none'}. "
            "State it with Signals(file_unit='mV'), or --file-unit mV."
        )
    return MILLIVOLTS[_plain(stated)]


def _plain(unit: str) -> str:
    return unit.strip().replace("µ", "u").replace("μ", "u").lower()
