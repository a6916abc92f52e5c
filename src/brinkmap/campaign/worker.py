"""One worker: a metered victim and an engine whose slots are refilled from shards, a step at a time."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from brinkmap.attack import driven, tasks_of
from brinkmap.campaign.messages import Dealt, Part, Picture, Shard
from brinkmap.env.task import Task
from brinkmap.errors import BrinkmapError, InputError, VictimError
from brinkmap.gallery import Gallery
from brinkmap.recorded import perceptibility_of
from brinkmap.results import AttackResult
from brinkmap.rows import rows_table, trace_table
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import PART_ROWS
from brinkmap.victims.metered import Ledger
from brinkmap.victims.protocol import Victim
from brinkmap.victims.tally import Tally

__all__ = ["Worker"]

LOW_WATER = 64
"""Samples waiting for a slot, below which a step ends for more to be fetched."""
LONGEST_S = 1.0
"""A step ends after so long, once something is finished, so that the driver hears of it."""

PICTURES = 64
"""Results in one part, where each brings its arrays along."""


class _FuseBlown(BrinkmapError):
    """A sample may not be asked about any further."""


class Worker:
    """Attacks what it is dealt.

    Args:
        make: makes the victim.
        shape: `(c, *extent)` of the samples.
        run: what is asked for; the rate limit is this worker's own.
        tally: where it counts its queries on disk; nowhere if that folder is not to be seen from here.
        every_picture: hand over the arrays of every success, not only of those that a report may show.
    """

    def __init__(
        self, make: Callable[[], Victim], shape: tuple[int, ...], run: Run, tally: Path, every_picture: bool
    ) -> None:
        self._session = Session(make(), shape, run)
        self._tasks = _Tasks(self._session)
        self._results: Iterator[AttackResult] | None = None
        self._gallery = Gallery(self._session, tally.parent)
        self._every_picture = every_picture
        self._largest_part = PICTURES if every_picture else PART_ROWS
        self._tally = Tally(tally) if tally.parent.is_dir() else None
        self._asked = self._sent = 0
        self._fused: tuple[int, int, int] | None = None  # sample, and queries asked before it and at most after it
        self._session.metered.journal = self._note
        self._note(self._session.metered.ledger)

    @property
    def slots(self) -> int:
        """Samples that it attacks at once."""
        return self._session.slots

    def step(self, shard: Shard | None, linger_s: float, batch_size: int | None) -> Part:
        """Take on a shard and attack until more samples are wanted, something is to be told, or all is finished.

        Args:
            shard: new samples; None to go on with those there are.
            linger_s: how long to go on though samples run low: 0 where more are to be had at once.
            batch_size: that the run has settled on; None while it has not.
        """
        batches = self._session.metered.batches
        if batch_size is not None and self._session.run.batch_size is None:
            batches.frozen = batch_size
        finished: list[AttackResult] = []
        cut: tuple[int, int] | None = None
        failure: BrinkmapError | None = None
        try:
            self._take_on(shard)
            for result in self._some(min(linger_s, LONGEST_S)):
                finished.append(result)
                self._gallery.offer(result)
        except _FuseBlown:
            assert self._fused is not None
            cut = self._fused[0], self._asked - self._fused[1]
        except Exception as error:  # whatever it is, what is finished is not to be lost
            failure = _portable(error)
        return self._part(finished, cut, failure)

    def _take_on(self, shard: Shard | None) -> None:
        if shard is None:
            return
        self._tasks.add(shard)
        [*_, last] = shard.dealt
        self._fused = None if last.fuse is None else (last.index, self._asked, self._asked + last.fuse)

    def _some(self, linger_s: float) -> Iterator[AttackResult]:
        began = time.monotonic()
        if self._results is None:
            self._results = driven(self._session, self._tasks, self._tasks.rejected)
        for count in itertools.count(1):
            result = next(self._results, None)
            if result is None:
                self._results = None
                return
            yield result
            took = time.monotonic() - began
            if count >= self._largest_part or took > LONGEST_S or (len(self._tasks) < LOW_WATER and took >= linger_s):
                return

    def _note(self, ledger: Ledger) -> None:
        """Before each batch: count it on disk, or hold it back where the fuse does not allow it."""
        if self._fused is not None and ledger.total > self._fused[2]:
            raise _FuseBlown
        self._asked, self._sent = ledger.total, ledger.sent
        if self._tally is not None:
            self._tally.write(self._asked, self._sent)

    def _part(self, finished: list[AttackResult], cut: tuple[int, int] | None, failure: BrinkmapError | None) -> Part:
        metered = self._session.metered
        pictures = [
            Picture(row, result.clean, modified, result.trace)
            for row, result in enumerate(finished)
            if (self._gallery.keeps(result) or (self._every_picture and result.success))
            and result.clean is not None and (modified := result.adversarial) is not None
        ]  # fmt: skip
        return Part(
            rows=rows_table((result, perceptibility_of(result, self._session)) for result in finished),
            traces=trace_table(finished),
            asked=self._asked,
            sent=max(self._sent, metered.ledger.sent if cut is None else 0),
            cache_hits=metered.ledger.cache_hits,
            victim_seconds=metered.ledger.victim_seconds,
            peak_rate=metered.batches.peak_rate,
            batch_size=metered.batches.frozen,
            pictures=tuple(pictures),
            cut=cut,
            failure=failure,
        )


class _Tasks:
    """Tasks made of shards as they are wanted. It may have none now and more later, which is why it is no generator.

    Args:
        session: of the worker.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._numbers = itertools.count()
        self._dealt = deque[Dealt]()
        self._made = deque[Task]()
        self.rejected: list[AttackResult] = []

    def __len__(self) -> int:
        return len(self._dealt)

    def __iter__(self) -> Iterator[Task]:
        return self

    def __next__(self) -> Task:
        while not self._made:
            if not self._dealt:
                raise StopIteration
            one, canvas = self._dealt.popleft(), self._session.canvas
            self._made += tasks_of(one.index, one.sample, one.label, one.bounds, canvas, self._numbers, self.rejected)
        return self._made.popleft()

    def add(self, shard: Shard) -> None:
        """More to do."""
        self._dealt += shard.dealt


def _portable(error: Exception) -> BrinkmapError:
    """An error that travels between processes, whatever it was made of."""
    for kind in (InputError, VictimError, BrinkmapError):
        if isinstance(error, kind):
            return kind(str(error))
    return BrinkmapError(f"a worker failed: {type(error).__name__}: {error}")
