"""Where an attack waits before it goes on: paused, one step at a time, at a pace, or no further."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Gate", "Stopped"]

AHEAD = 32
"""Events that may lie unread; then the attack waits for its reader."""
UNREAD_S = 20.0
"""Seconds without a reader after which an attack ends."""


class Stopped(Exception):
    """Raised in the attack's thread; the text is one of `stopped`, `idle`, `dropped` and `closed`."""


class Gate:
    """Holds one attack's thread; every method but `wait` is for other threads.

    Args:
        pace: steps a second at most; 0 for as fast as it goes.
        idle_s: seconds that a pause may last.
    """

    def __init__(self, pace: float, idle_s: float) -> None:
        self._changed = threading.Condition()
        self._pace, self._idle_s = pace, idle_s
        self._paused = False
        self._steps = 0
        self._unread = 0
        self._stopped: str | None = None
        self._passed = float("-inf")

    @property
    def paused(self) -> bool:
        """Whether it waits for a command."""
        return self._paused

    def pause(self) -> None:
        """Hold before the next query."""
        with self._changed:
            self._paused, self._steps = True, 0
            self._changed.notify_all()

    def go(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Let one step through, and hold then."""
        with self._changed:
            self._paused, self._steps = True, self._steps + 1
            self._changed.notify_all()

    def set_pace(self, pace: float) -> None:
        """Steps a second from now on; 0 for as fast as it goes."""
        with self._changed:
            self._pace = pace
            self._changed.notify_all()

    def stop(self, why: str) -> None:
        """End the attack: nothing more is asked."""
        with self._changed:
            self._stopped = self._stopped or why
            self._changed.notify_all()

    def told(self) -> None:
        """An event has been put where its reader finds it."""
        with self._changed:
            self._unread += 1

    def read(self) -> None:
        """An event has been read."""
        with self._changed:
            self._unread -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Called in the attack's thread before each step: returns once it may be taken.

        Raises:
            Stopped: it may not.
        """
        with self._changed:
            self._hold(lambda: self._unread < AHEAD, UNREAD_S, "dropped")
            self._hold(lambda: not self._paused or self._steps > 0, self._idle_s, "idle")
            single = self._paused
            self._steps -= single
            while not single and not self._paused and (left := self._due() - time.monotonic()) > 0:
                self._changed.wait(left)
                self._check()
            if self._paused and not single:  # paused while it waited for its turn
                self._hold(lambda: not self._paused or self._steps > 0, self._idle_s, "idle")
                self._steps -= self._paused
            self._passed = time.monotonic()

    def _due(self) -> float:
        return self._passed + (1 / self._pace if self._pace else 0.0)

    def _hold(self, ready: Callable[[], bool], longest_s: float, why: str) -> None:
        if not self._changed.wait_for(lambda: self._stopped is not None or ready(), longest_s):
            self._stopped = why
        self._check()

    def _check(self) -> None:
        if self._stopped is not None:
            raise Stopped(self._stopped)
