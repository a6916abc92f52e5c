"""A budget for all samples together, which no number of workers can overdraw, and where it cuts the samples off."""

from __future__ import annotations

import numpy as np

__all__ = ["Allowance", "cut_of"]


class Allowance:
    """How much of a budget is left, with the largest possible cost of every sample under attack set aside.

    Samples are let in by index. As long as the largest cost of one more fits, it may run beside the others: whatever
    they cost, all of them fit. Once it does not, samples run one by one, each with a fuse at what is left. So nothing
    is spent beyond the budget, and which samples are kept follows from their costs alone.

    Args:
        total: queries in all; None for no limit.
        each: the most that one sample can cost, all its bounds together.
    """

    def __init__(self, total: int | None, each: int) -> None:
        self.total, self.each = total, each
        self.spent = self.under_way = 0

    @property
    def over(self) -> bool:
        """Whether what is finished has cost more than there is, as after a budget that was lowered."""
        return self.total is not None and not self.under_way and self.spent > self.total

    def admits(self) -> bool:
        """Whether one more sample may run beside those under way."""
        return self.total is None or self.spent + (self.under_way + 1) * self.each <= self.total

    def fuse(self) -> int | None:
        """What is left for one sample on its own; None while others are under way."""
        assert self.total is not None
        return None if self.under_way or self.spent > self.total else self.total - self.spent

    def begin(self) -> None:
        """One more sample is under way."""
        self.under_way += 1

    def pay(self, queries: int) -> None:
        """Take note of what a finished attack has cost."""
        self.spent += queries

    def end(self) -> None:
        """A sample has been finished under all its bounds."""
        self.under_way -= 1


def cut_of(indices: np.ndarray, queries: np.ndarray, total: int, bounds: int) -> int | None:
    """The first sample that is not kept, walking them by index: it is not finished, or no longer fits.

    Args:
        indices: (n,) the sample of each row, ascending; every sample has up to `bounds` rows.
        queries: (n,) what each row has cost.
        total: queries in all.
        bounds: rows of a finished sample.

    Returns:
        Its index; None where all from 0 on are finished and fit.
    """
    present, first, rows = np.unique(indices, return_index=True, return_counts=True)
    costs = np.add.reduceat(queries, first) if len(first) else np.zeros(0, np.int64)
    wrong = (present != np.arange(len(present))) | (rows < bounds) | (np.cumsum(costs) > total)
    found = np.flatnonzero(wrong)
    return int(found[0]) if len(found) else None
