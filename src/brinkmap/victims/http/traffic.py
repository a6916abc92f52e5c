"""What has gone out and come back, when to hold off, and when to stop asking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from brinkmap.errors import VictimError

__all__ = ["Breaker", "Pause", "Traffic"]


@final
@dataclass
class Traffic:
    """Samples, counted over every attempt. The queries made lie between `answered` and `sent - refused`."""

    sent: int = 0
    """In requests that may have left this machine, once an attempt: only what failed before a connection stood is
    left out."""
    answered: int = 0
    """Whose scores came back."""
    refused: int = 0
    """Of those sent, in requests that the service turned away unread (429, 413 and the rest of 4xx): not queries."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, sent: int = 0, answered: int = 0, refused: int = 0) -> None:
        """Count, from any thread."""
        with self._lock:
            self.sent += sent
            self.answered += answered
            self.refused += refused


@final
class Breaker:
    """Ends the asking when `limit` requests in a row have failed, so that a dead service does not cost hours.

    Once `rest_s` has passed a request is let through again: one that works closes the matter, one that fails begins
    another rest.
    """

    def __init__(self, limit: int, rest_s: float, clock: Callable[[], float]) -> None:
        self._limit, self._rest_s, self._clock = limit, rest_s, clock
        self._row, self._last, self._until = 0, "", 0.0
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether all is well, as far as is known."""
        return self._row < self._limit

    def check(self, where: str) -> None:
        """That a request may be made.

        Raises:
            VictimError: the service is being left alone; the message says what it failed with last.
        """
        with self._lock:
            left = self._until - self._clock()
            if not self.closed and left > 0:
                raise VictimError(
                    f"{where}: not asked, {self._row} requests in a row have failed, the last with {self._last}. "
                    f"It is tried again when asked in {left:.0f} s; see whether the service is up."
                )

    def worked(self) -> None:
        """Take note of a request that was answered."""
        with self._lock:
            self._row = 0

    def failed(self, reason: str) -> None:
        """Take note of one that failed."""
        with self._lock:
            self._row, self._last = self._row + 1, reason
            self._until = self._clock() + self._rest_s


@final
class Pause:
    """What a service asked for with Retry-After: nobody sends before it is over."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._clock, self._sleep = clock, sleep
        self._until = clock()
        self._lock = threading.Lock()

    def ask_for(self, seconds: float) -> None:
        """Let nobody send for so long."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> None:
        """Sleep until sending is allowed."""
        left = self._until - self._clock()
        if left > 0:
            self._sleep(left)
