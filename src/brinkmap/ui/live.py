"""One attack that is watched: it runs in a thread of its own, and every answer of the victim is an event."""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brinkmap.arrays import Array
from brinkmap.attack import results_of
from brinkmap.env.task import Standing
from brinkmap.errors import BrinkmapError
from brinkmap.results import AttackResult
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.ui.catalogue import Offer
from brinkmap.ui.door import Door
from brinkmap.ui.gate import Gate, Stopped
from brinkmap.ui.heat import GrowingMap
from brinkmap.ui.limits import Limits
from brinkmap.ui.shown import shown_change, shown_sample

__all__ = ["Event", "LiveAttack", "Plan"]

TOP = 10
"""Classes whose percentages are shown."""
WORDS = {
    "stopped": "Stopped by you.",
    "idle": "Ended by the server: it was paused for too long.",
    "dropped": "Ended by the server: nobody was reading.",
    "closed": "Ended by the server: it is being shut down.",
}


@dataclass(frozen=True)
class Event:
    """One thing that happened: `begun`, `step` or `end`."""

    kind: str
    data: dict[str, Any]

    @property
    def text(self) -> str:
        """As a Server-Sent Event. JSON has no line breaks of its own."""
        return f"event: {self.kind}\ndata: {json.dumps(self.data, separators=(',', ':'), allow_nan=False)}\n\n"


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be watched."""

    offer: Offer
    name: str
    """Of the sample."""
    origin: str
    """Where it is from, in words."""
    sample: Array
    run: Run
    pace: float = 0.0


@dataclass(eq=False)
class LiveAttack:
    """An attack on one sample, made ready; `start` sets it going.

    Args:
        plan: what is attacked, and how.
        limits: of the server.
        spent: told of queries as they are paid for.
        over: called once, when nothing more will be asked.

    Raises:
        InputError: settings that do not go together, said before the first query.
    """

    plan: Plan
    limits: Limits
    spent: Callable[[int], None]
    over: Callable[[], None]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)
    record: list[Event] = field(default_factory=list)
    """Everything that happened, for the replay; once it is full, without pictures."""
    finished: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        offer = self.plan.offer
        assert offer.victim is not None
        self._door = Door(offer.victim, offer.turn)
        self.session = Session(self._door, self.plan.sample.shape, self.plan.run)
        self.gate = Gate(self.plan.pace, self.limits.idle_s)
        self._map: GrowingMap | None = None
        self._kept = self.plan.sample
        self._before: Array | None = None
        self._standing: Standing | None = None
        self._charged = self._recorded = 0

    def start(self) -> None:
        """Set it going."""
        threading.Thread(target=self._attack, name=f"attack-{self.id[:6]}", daemon=True).start()

    @property
    def queries(self) -> int:
        """Queries paid for so far, by the ledger at the victim's only door."""
        return self.session.metered.ledger.total

    def _attack(self) -> None:
        result, why = None, ""
        try:
            self._tell("begun", self._opening())
            self.gate.wait()
            [result] = results_of(self.session, [self.plan.sample], None, watch=self._watch)
        except Stopped as stopped:
            why = str(stopped)
        except BrinkmapError as error:
            why = " ".join(str(error).split())
        except Exception as error:  # a victim or plug-in of the operator's: the page says so, the server goes on
            why = f"{type(error).__name__}: {error}"
        finally:
            self._charge()
            try:
                self._tell("end", self._closing(result, why))
            finally:
                self.finished.set()
                self.over()

    def _watch(self, standing: Standing) -> None:
        self._charge()
        self._tell("step", self._step(standing))
        self.gate.wait()

    def _charge(self) -> None:
        self.spent(self.queries - self._charged)
        self._charged = self.queries

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        event = Event(kind, data)
        self.gate.told()
        self.events.put(event)
        self._recorded += len(event.text)
        if self._recorded > self.limits.record_mb * 2**20:
            event = Event(kind, {key: value for key, value in data.items() if key != "shown"} | {"thinned": True})
        self.record.append(event)

    def _opening(self) -> dict[str, Any]:
        offer, run, sample = self.plan.offer, self.plan.run, self.plan.sample
        assert offer.victim is not None
        grid = self.session.canvas.grid
        return {
            "id": self.id, "victim": offer.name, "sample": self.plan.name, "origin": self.plan.origin,
            "agent": self.session.agent_name,
            "filters": sorted({one.name for one in self.session.canvas.cards.distortions}),
            "budget": run.budget, "refine": run.refine_budget, "maxL2": run.max_l2, "maxLinf": run.max_linf,
            "seed": run.seed, "rank": sample.ndim - 1, "shape": sample.shape, "cells": grid.cells,
            "patch": ["x".join(map(str, size)) for size in grid.sizes],
            "rate": getattr(offer.victim, "rate_hz", None), "unit": getattr(offer.victim, "unit", "") or "",
            "shown": shown_sample(sample, offer.victim.bounds),
        }  # fmt: skip

    def _step(self, standing: Standing) -> dict[str, Any]:
        asked, answers = self._door.taken()
        first = self._map is None
        if self._map is None:
            self._before = answers[0]  # the clean look
            self._map = GrowingMap(self._kept, self.session.canvas.span, standing.reference, self._before)
        kept = not np.array_equal(standing.image, self._kept)
        data: dict[str, Any] = {
            "queries": standing.queries, "steps": standing.steps, "asked": len(asked), "kept": kept,
            "l2": standing.l2, "flipped": standing.queries_to_flip, "reference": standing.reference,
            "own": float(standing.answer[standing.reference]),
            "tried": float(answers[:, standing.reference].min(initial=1.0)),
            "top": self._top(standing.answer), "cacheHits": self.session.metered.ledger.cache_hits,
        }  # fmt: skip
        if not first and len(asked):
            data["touched"] = self._map.touched(asked, self._kept)
            self._map.add(asked, answers)
            if self._map.due:
                data["map"] = self._map.drawn()
        if kept:
            data["shown"] = self._pictures(standing.image)
        self._kept, self._standing = standing.image, standing
        return data

    def _pictures(self, image: Array) -> dict[str, Any]:
        bounds = self.session.canvas.bounds
        change, factor = shown_change(self.plan.sample, image, bounds)
        return {"modified": shown_sample(image, bounds), "change": change, "factor": factor}

    def _top(self, answer: Array) -> list[list[Any]]:
        """Name, percentage now and on the clean look of the likeliest classes, and which of them is attacked."""
        assert self._before is not None
        likeliest = np.argsort(-answer, kind="stable")[:TOP]
        called = self.plan.offer.called
        return [[called(int(one)), float(answer[one]), float(self._before[one]), int(one)] for one in likeliest]

    def _closing(self, result: AttackResult | None, why: str) -> dict[str, Any]:
        standing, called = self._standing, self.plan.offer.called
        data: dict[str, Any] = {"queries": self.queries, "why": why, "words": WORDS.get(why, why), "outcome": "stopped"}
        if self._map is not None:
            data["map"] = self._map.drawn()
        if standing is not None and self._before is not None:
            after = int(np.argmax(standing.answer))
            data |= {
                "steps": standing.steps, "l2": standing.l2, "flipped": standing.queries_to_flip,
                "wasClass": called(standing.reference), "wasShare": float(self._before[standing.reference]),
                "isClass": called(after), "isShare": float(standing.answer[after]),
            }  # fmt: skip
        if why and why not in WORDS:
            data["outcome"] = "error"
        if result is not None:
            data["outcome"] = _outcome(result)
            data["words"] = result.error or ""
            data |= {"linf": result.linf, "changed": result.changed, "refined": result.queries_refine}
        return data


def _outcome(result: AttackResult) -> str:
    if result.error is not None:
        return "error"
    if result.success:
        return "flipped"
    return "stalled" if result.stalled else "unmoved"
