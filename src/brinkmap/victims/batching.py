"""How many samples to hand the victim at once, found on queries that are paid for anyway, then frozen."""

from __future__ import annotations

__all__ = ["BatchSize"]

SIZES = (16, 32, 64, 128, 256, 512, 1024)
TRIALS = 3
"""Batches timed a size, of which the fastest speaks: the first is a warm-up, and machines are noisy."""
GIVE_UP = 0.9
"""A size this far below the best one ends the search: rates rise to one peak and fall again."""


class BatchSize:
    """The search for the batch size with the highest rate, among real queries only.

    Sizes are tried upwards. The choice is frozen the first time it is made, and stored, since a float network's last
    bits depend on it (design rule 3).

    Args:
        largest: no size above this is tried (the number of samples under attack at once).
        frozen: the size to use from the start; None to search.
    """

    def __init__(self, largest: int, frozen: int | None = None) -> None:
        self._sizes = [size for size in SIZES if size <= largest] or [max(1, largest)]
        self._rates: dict[int, float] = {}
        self._timed = self._unfilled = 0
        self.frozen = frozen
        self.peak_rate = 0.0

    @property
    def current(self) -> int:
        """The size that the next batch should have."""
        return self.frozen or self._sizes[0]

    def part_of(self, rows: int) -> int:
        """How many of these rows go into the next batch: once the size is frozen, all batches are about as large.

        A few rows left over for a last batch of their own would be answered at a fraction of the rate.
        """
        if self.frozen is None:
            return self.current
        return -(-rows // -(-rows // self.frozen))

    def timed(self, rows: int, seconds: float) -> None:
        """Take note of how long a batch took; partial batches tell about the peak only, not about a size."""
        rate = rows / max(seconds, 1e-9)
        self.peak_rate = max(self.peak_rate, rate)
        if self.frozen is not None or rows != self.current:
            return
        self._rates[rows] = max(self._rates.get(rows, 0.0), rate)
        self._timed += 1
        if self._timed == TRIALS:
            self._next_size()

    def asked(self, rows: int) -> None:
        """Take note of how many rows were to be asked at once: a size that they cannot fill ends the search."""
        if self.frozen is not None or rows >= self.current:
            return
        self._unfilled += 1
        if self._unfilled == TRIALS:
            self._freeze()

    def _next_size(self) -> None:
        size, self._timed = self._sizes.pop(0), 0
        if not self._sizes or self._rates[size] < GIVE_UP * max(self._rates.values()):
            self._freeze()

    def _freeze(self) -> None:
        self.frozen = max(self._rates, key=lambda size: self._rates[size]) if self._rates else self.current
