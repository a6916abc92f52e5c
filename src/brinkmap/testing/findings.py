"""All that is wrong with a plug-in, collected and raised together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from brinkmap.errors import BrinkmapError

__all__ = ["CHANNELS", "EXTENTS", "ContractError", "Findings"]

Found = TypeVar("Found")

EXTENTS = {1: (60,), 2: (12, 10), 3: (4, 8, 6)}
"""What plug-ins are tried on, for each rank."""
CHANNELS = 3


class ContractError(BrinkmapError, AssertionError):
    """A plug-in breaks its contract; the message lists every way in which it does."""


class Findings:
    """Collects what is wrong, and raises it all together."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._found: list[str] = []

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong, unless it holds."""
        if not holds and otherwise not in self._found:
            self._found.append(otherwise)

    def attempt(self, action: Callable[[], Found], doing: str) -> Found | None:
        """What an action returns; None and a note if it raises."""
        try:
            return action()
        except Exception as error:
            self.expect(False, f"{doing} raised {type(error).__name__}: {error}")
            return None

    def report(self) -> None:
        """Raise everything noted."""
        if self._found:
            raise ContractError(f"{self._what}: " + "".join(f"\n  - {one}" for one in self._found))
