"""Deals samples out by index: what is finished is passed over, what a dead worker held is dealt again."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from brinkmap.attack import labelled
from brinkmap.campaign.allowance import Allowance
from brinkmap.campaign.messages import Dealt, Shard

__all__ = ["Dealer", "Held", "room_for"]

SHARD_BYTES = 2**24
"""A shard is no larger, however many samples are asked for."""
FEW = 16
"""Samples that a worker may hold however few are left."""


class Held:
    """What a worker holds: samples that it was dealt and has not finished."""

    def __init__(self) -> None:
        self.samples: dict[int, Dealt] = {}
        self._left: dict[int, set[float | None]] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, shard: Shard) -> None:
        """It is dealt more."""
        for one in shard.dealt:
            self.samples[one.index], self._left[one.index] = one, set(one.bounds)

    def finish(self, index: int, max_l2: float | None) -> bool:
        """One of its attacks is finished; returns whether the sample is, under all its bounds."""
        left = self._left[index]
        left.discard(max_l2)
        if not left:
            del self.samples[index], self._left[index]
        return not left

    def given_up(self) -> list[Dealt]:
        """What has to be dealt again, and under which bounds."""
        left = ((one, self._left[one.index]) for one in self.samples.values())
        return [replace(one, bounds=tuple(bound for bound in one.bounds if bound in still)) for one, still in left]


class Dealer:
    """Deals out samples in the order of their indices, as far as the allowance goes.

    Args:
        samples: single samples in order, read as they are dealt.
        labels: one a sample, or None.
        bounds: the L2 bounds that each is attacked under.
        done: index, max_l2 and queries of what is finished, as `Store.columns` gives them.
        allowance: for all samples together.
        count: how many samples there are, where that is known.
        known: a sample and a number of queries that it is known to cost more than.
    """

    def __init__(
        self, samples: Iterable[Any], labels: Any, bounds: tuple[float | None, ...], done: pa.Table,
        allowance: Allowance, *, count: int | None = None, known: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.allowance = allowance
        self.left = count
        """Samples that were neither dealt nor passed over; None where it is not known how many there are."""
        self.stopped = False
        """Whether the allowance is used up."""
        self._bounds, self._known = bounds, known
        self._numbered = enumerate(labelled(samples, labels))
        self._done = _by_index(done)
        self._next_done = next(self._done, None)
        self._again: list[tuple[int, int, Dealt]] = []
        self._tie = itertools.count()
        self._looked_at: Dealt | None = None
        self._read_all = False

    @property
    def exhausted(self) -> bool:
        """Whether there will be nothing more to deal, unless a worker dies."""
        return not self._again and (self.stopped or self._read_all)

    def deal(self, most: int) -> Shard | None:
        """The next samples, at most so many; None where none may be dealt now."""
        dealt: list[Dealt] = []
        size = 0
        while len(dealt) < most and size < SHARD_BYTES and not (dealt and dealt[-1].fuse is not None):
            one = self._one()
            if one is None:
                break
            dealt.append(one)
            size += getattr(one.sample, "nbytes", 0)
        return Shard(tuple(dealt)) if dealt else None

    def take_back(self, held: Held) -> None:
        """Deal again what a worker held."""
        for one in held.given_up():
            heapq.heappush(self._again, (one.index, next(self._tie), one))

    def more(self) -> bool:
        """Whether there is anything to deal, now or later."""
        return bool(self._again) or self._one(look=True) is not None

    def stop(self) -> None:
        """The allowance is used up: deal nothing more."""
        self.stopped = True

    def _one(self, look: bool = False) -> Dealt | None:
        if self._again:
            return heapq.heappop(self._again)[2]
        if self.stopped:
            return None
        if self._looked_at is None:
            self._looked_at = self._read()
        one = self._looked_at
        if one is not None and self.allowance.over:
            self.stopped = True
        if one is None or self.stopped:
            return None
        if not self.allowance.admits():
            fuse = self.allowance.fuse()
            if fuse is None:
                return None
            if self._known is not None and one.index == self._known[0] and fuse <= self._known[1]:
                self.stopped = True
                return None
            one = replace(one, fuse=fuse)
        if not look:
            self.allowance.begin()
            self._looked_at = None
        return one

    def _read(self) -> Dealt | None:
        """The next sample that is not finished; those that are have been paid for."""
        for index, (sample, label) in self._numbered:
            if self.left is not None:
                self.left -= 1
            finished: tuple[float | None, ...] = ()
            if self._next_done is not None and self._next_done[0] == index:
                _, finished, queries = self._next_done
                self._next_done = next(self._done, None)
                self.allowance.pay(queries)
            bounds = tuple(bound for bound in self._bounds if bound not in finished)
            if bounds:
                return Dealt(index, sample, label, bounds)
        self._read_all = True
        return None


def _by_index(done: pa.Table) -> Iterator[tuple[int, tuple[float | None, ...], int]]:
    """Each sample's finished bounds, and what they have cost, in the order of the indices."""
    index, bound, queries = (done[name].to_numpy() for name in ("index", "max_l2", "queries"))
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1)) if len(order) else order
    for start, stop in itertools.pairwise([*starts.tolist(), len(order)]):
        rows = order[start:stop]
        bounds = tuple(None if np.isnan(one) else float(one) for one in bound[rows])
        yield int(index[rows[0]]), bounds, int(queries[rows].sum())


def room_for(held: int, slots: int, shard: int, left: int | None, workers: int) -> int:
    """How many more samples a worker should be dealt.

    Enough to keep its slots full; towards the end its share of what is left, so that all end at about the same time.

    Args:
        held: what it holds.
        slots: what it attacks at once.
        shard: how many a shard has.
        left: samples that nobody holds; None where that is not known.
        workers: how many there are.
    """
    most = slots + shard
    if left is not None and workers > 1:
        most = min(most, max(FEW, (left + held) // workers))
    return max(0, most - held)
