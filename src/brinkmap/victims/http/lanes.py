"""How many requests of one batch go side by side: found by doubling, on batches that are asked anyway."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any, final

from brinkmap.arrays import Array

__all__ = ["LaneCount", "Lanes", "cut"]

MOST = 16
TRIALS = 3
"""Batches timed a number, of which the fastest speaks."""
GROWTH = 1.1
"""Twice as many requests at once must raise the rate by this much, or they are not worth the service's trouble."""
ALIKE = 0.25
"""Rates are compared between batches of sizes no further apart than this share."""


@final
class LaneCount:
    """The number of requests at once with which the rate stops growing.

    Args:
        frozen: use this number and search none.
    """

    def __init__(self, frozen: int | None = None) -> None:
        self.frozen = frozen
        self._rows, self._trying, self._timed = 0, 1, 0
        self._before = self._best = 0.0

    @property
    def current(self) -> int:
        """The number that the next batch should be sent with."""
        return self.frozen or self._trying

    def timed(self, rows: int, seconds: float) -> None:
        """Take note of how long a batch took; one of quite another size begins the search anew."""
        if self.frozen is not None or rows < 2:
            return
        if abs(rows - self._rows) > ALIKE * self._rows:
            alone = self._trying == 1
            self._restart(rows)
            if not alone:  # it went out with more than one
                return
        self._best = max(self._best, rows / max(seconds, 1e-9))
        self._timed += 1
        if self._timed == TRIALS:
            self._next()

    def _next(self) -> None:
        if self._best < GROWTH * self._before:
            self.frozen = self._trying // 2
        elif self._trying * 2 > min(MOST, self._rows):
            self.frozen = self._trying
        else:
            self._trying, self._before, self._best, self._timed = self._trying * 2, self._best, 0.0, 0

    def _restart(self, rows: int) -> None:
        self._rows, self._trying, self._timed = rows, 1, 0
        self._before = self._best = 0.0


@final
class Lanes:
    """Threads that send the pieces of a batch, so many at once, and give the answers in the pieces' order.

    Args:
        abandon: called when a piece has failed, so that the others end soon.
    """

    def __init__(self, abandon: Callable[[], None]) -> None:
        self._abandon = abandon
        self._pool: ThreadPoolExecutor | None = None
        self._width = 1

    def send(self, send: Callable[[Array], Any], pieces: list[Array], width: int) -> list[Any]:
        """The answers; the first failure is raised once no piece is under way any more."""
        if width == 1 or len(pieces) == 1:
            return [send(piece) for piece in pieces]
        under_way = [self._of(width).submit(send, piece) for piece in pieces]
        try:
            done, _ = wait(under_way, return_when=FIRST_EXCEPTION)
            failed = next((one for one in under_way if one in done and one.exception() is not None), None)
            if failed is not None:
                failed.result()
            return [one.result() for one in under_way]
        except BaseException:
            self._abandon()
            for one in under_way:
                one.cancel()
            wait(under_way)
            raise

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _of(self, width: int) -> ThreadPoolExecutor:
        if self._pool is None or width != self._width:
            self.close()
            self._pool, self._width = ThreadPoolExecutor(width, thread_name_prefix="brinkmap-http"), width
        return self._pool


def cut(samples: Array, pieces: int, largest: int | None) -> list[Array]:
    """The batch in about equal pieces, none above `largest`, as views."""
    rows = len(samples)
    count = max(min(pieces, rows), -(-rows // (largest or rows)))
    edges = [rows * one // count for one in range(count + 1)]
    return [samples[low:high] for low, high in pairwise(edges)]
