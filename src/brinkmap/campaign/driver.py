"""The driver: deals out shards, keeps what comes back, and starts a new worker where one has died."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from brinkmap.campaign.books import Books
from brinkmap.campaign.crew import Crew, Died, Ready, Recipe, Reported, Step
from brinkmap.campaign.dealer import Dealer, Held, room_for
from brinkmap.campaign.messages import Part, Picture
from brinkmap.campaign.worker import LONGEST_S
from brinkmap.errors import BrinkmapError, VictimError
from brinkmap.events import tell, warn
from brinkmap.export import Exporter
from brinkmap.gallery import Gallery
from brinkmap.rows import results_in
from brinkmap.store import PART_SECONDS, Store

__all__ = ["Driver", "Progressed"]

SHARD = 128
"""Samples handed over at once."""
SHARE_S, TRICKLE_S = 0.2, 0.02
"""How long a worker goes on before it asks for more, where it has its share of them, or where the total lets few in."""
MOST_DEATHS = 3
"""So many workers may die over one sample, or before they are ready, before the campaign is given up."""


class Progressed(NamedTuple):
    """What a part has brought."""

    finished: int
    attacked: int
    flipped: int
    queries: int
    """Of the whole session so far."""
    workers: int
    """At work by now."""


@dataclasses.dataclass(kw_only=True)
class Driver:
    """One session of a campaign."""

    crew: Crew
    recipe: Recipe
    workers: int
    slots: int
    """Samples that a worker attacks at once."""
    dealer: Dealer
    store: Store
    books: Books
    gallery: Gallery
    exporter: Exporter | None
    written: Callable[[], None]
    """Called when a part has been written."""
    watch: Callable[[Progressed], None]
    peak_rate: float = 0.0
    start_s: float | None = None
    """How long it took until the first worker was ready."""

    def __post_init__(self) -> None:
        self._began = self._flushed_at = time.monotonic()
        self._ended: float | None = None
        self._held: dict[int, Held] = {}
        self._pending: dict[int, int] = {}
        self._ready: set[int] = set()
        self._hired = self._stillborn = 0
        self._died_over: Counter[int] = Counter()
        self._batch_size = self.store.batch_size
        self._queries: dict[int, int] = {}
        self._counts = {"finished": 0, "flipped": 0, "failed": 0}

    def run(self) -> None:
        """Attack everything that the dealer has; whatever happens, what has come back is written.

        Raises:
            BrinkmapError: a victim failed altogether, or workers die over and over.
        """
        how = "stopped"
        self._event("run began", workers=self.workers)
        try:
            self.flush()
            for _ in range(self.workers):
                self._hire()
            while True:
                self._hand_out()
                if not any(self._pending.values()):
                    break
                self._heed(self.crew.wait())
                if time.monotonic() - self._flushed_at > PART_SECONDS:
                    self.flush()
            how = "finished"
        except BrinkmapError as error:
            how = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._ended = time.monotonic()
            self.crew.close()
            try:
                self.flush()
            finally:
                self._event("run ended", how=how)

    def flush(self) -> None:
        """Write what has come back."""
        self.store.flush(self.books.costs(self._seconds()), self._batch_size)
        self.written()
        self._flushed_at = time.monotonic()
        self._event("part written")

    def _seconds(self) -> float:
        return (self._ended or time.monotonic()) - self._began

    def _event(self, name: str, **more: Any) -> None:
        costs = self.books.costs(self._seconds())
        figures = {"queries": costs["ledger_total"], "sent": costs["ledger_sent"]}
        figures |= {key: costs[key] for key in ("cache_hits", "victim_seconds", "seconds", "worker_deaths")}
        tell(name, **figures, **self._counts, **more)

    def _hire(self) -> None:
        worker, self._hired = self._hired, self._hired + 1
        self._held[worker] = Held()
        self._pending[worker] = 1  # until it is ready
        self.crew.start(worker, self.recipe, self.books.tally_path(worker))

    def _hand_out(self) -> None:
        for worker, pending in self._pending.items():
            if worker not in self._ready or pending >= self.crew.ahead:
                continue
            held = self._held[worker]
            room = room_for(len(held), self.slots, SHARD, self.dealer.left, self.workers)
            worth = room if not pending or room >= SHARD // 2 else 0
            shard = self.dealer.deal(min(worth, SHARD))
            if shard is None and (pending or not len(held)):
                continue
            if shard is not None:
                held.add(shard)
            plenty = shard is not None and len(shard.dealt) == SHARD
            self.crew.step(worker, Step(shard, self._linger_s(plenty), self._batch_size))
            self._pending[worker] += 1

    def _linger_s(self, plenty: bool) -> float:
        """How long a worker may go on though its samples run low."""
        if self.dealer.exhausted:
            return LONGEST_S
        if self.dealer.allowance.admits():
            return 0.0 if plenty else SHARE_S
        return TRICKLE_S  # what it finishes may let others in

    def _heed(self, event: Ready | Reported | Died | None) -> None:
        if isinstance(event, Ready):
            self._pending[event.worker] -= 1
            self.start_s = self.start_s or self._seconds()
            self._ready.add(event.worker)
            self._stillborn = 0
        elif isinstance(event, Reported):
            self._pending[event.worker] -= 1
            self._receive(event.worker, event.part)
        elif isinstance(event, Died):
            self._bury(event.worker, event.why)

    def _receive(self, worker: int, part: Part) -> None:
        self.books.note(worker, part)
        self._queries[worker] = part.asked
        self.peak_rate = max(self.peak_rate, part.peak_rate)
        self._batch_size = self._batch_size or part.batch_size
        for picture in part.pictures:
            self._show(part.rows, picture)
        held, allowance = self._held[worker], self.dealer.allowance
        keys = (part.rows[name].to_pylist() for name in ("index", "max_l2", "queries"))
        for index, bound, queries in zip(*keys, strict=True):
            allowance.pay(queries)
            if held.finish(index, bound):
                allowance.end()
        if part.cut is not None:
            index, spent = part.cut
            self.books.cut(index, spent, held.samples[index].fuse or 0)
            self.dealer.stop()
            held.samples.clear()
        if self.store.keep(part.rows, part.traces) or part.cut is not None:
            self.flush()
        self._tell(part.rows)
        if part.failure is not None:
            raise part.failure

    def _show(self, rows: pa.Table, picture: Picture) -> None:
        [stored] = results_in(rows.slice(picture.row, 1))
        result = dataclasses.replace(
            stored, clean=picture.clean, trace=picture.trace, _render=lambda: picture.modified
        )  # fmt: skip
        self.gallery.offer(result)
        if self.exporter is not None:
            self.exporter.write(result)

    def _tell(self, rows: pa.Table) -> None:
        wrong = pc.and_(pc.is_valid(rows["label"]), pc.not_equal(rows["label"], rows["reference"]))
        attacked = pc.and_not(pc.is_null(rows["error"]), pc.fill_null(wrong, False))
        asked = sum(self._queries.values())
        failed = rows.filter(pc.is_valid(rows["error"]))
        for index, error in zip(failed["index"].to_pylist(), failed["error"].to_pylist(), strict=True):
            warn("sample failed", index=index, error=error)
        self._counts["finished"] += len(rows)
        self._counts["flipped"] += _count(rows["success"])
        self._counts["failed"] += len(failed)
        self.watch(Progressed(len(rows), _count(attacked), _count(rows["success"]), asked, len(self._ready)))

    def _bury(self, worker: int, why: str) -> None:
        held = self._held.pop(worker)
        del self._pending[worker]
        self._stillborn = 0 if worker in self._ready else self._stillborn + 1
        self._ready.discard(worker)
        warn("worker died", worker=worker, why=why)
        self.books.died(worker, len(held) * self.dealer.allowance.each)
        self._died_over.update(list(held.samples))
        self.dealer.take_back(held)
        most = max(self._died_over.values(), default=0)
        if most >= MOST_DEATHS or self._stillborn >= MOST_DEATHS:
            over = sorted(index for index, deaths in self._died_over.items() if deaths == most)
            where = f"while sample {over[0]} was among those under attack" if most >= MOST_DEATHS else "at its start"
            raise VictimError(
                f"{MOST_DEATHS} workers have died, the last {where}: {why}. What is finished is kept, and the same "
                "command goes on from it; fewer --slots or --workers need less memory."
            )
        self._hire()


def _count(flags: Any) -> int:
    return int(pc.sum(flags).as_py() or 0)
