"""What the page's server lets one visitor, and all of them together, ask of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from brinkmap.errors import InputError

__all__ = ["Limits", "Refused"]


class Refused(Exception):
    """A request that is answered with a reason instead; `status` is its HTTP code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Every number is a maximum.

    Raises:
        InputError: a number below 1.
    """

    queries: int = 20_000
    """Queries that one session may spend, over all its attacks."""
    budget: int = 2_000
    """Queries of one attack, those for refining included."""
    attacks: int = 4
    """Attacks that run at once, over all sessions."""
    attacks_each: int = 2
    """Attacks of one session that run at once."""
    sessions: int = 32
    """Sessions at once."""
    sessions_each: int = 16
    """Sessions at once from one address."""
    upload_mb: int = 16
    """Size of one upload."""
    values: int = 1_000_000
    """Values in one sample; an uploaded picture may have 25 times as many pixels before it is brought to size."""
    frames: int = 600
    """Frames of an uploaded clip that are read."""
    idle_s: int = 300
    """Seconds after which a paused attack ends, and a session that asks for nothing."""
    record_mb: int = 24
    """Memory for the pictures of one attack that are kept for its replay."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise InputError(f"{field.name}: expected at least 1, got {getattr(self, field.name)}.")

    @property
    def pixels(self) -> int:
        """Of an uploaded picture or frame, before it is brought to the victim's size."""
        return 25 * self.values
