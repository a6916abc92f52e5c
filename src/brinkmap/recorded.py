"""A session's results, kept in a store as they come, with what they cost; what a run's folder is told apart by."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Generator, Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from brinkmap.attack import results_of
from brinkmap.errors import BrinkmapError
from brinkmap.events import tell, warn
from brinkmap.metrics import SPREAD, perceptibility, spread
from brinkmap.results import AttackResult
from brinkmap.session import Session
from brinkmap.store import Store
from brinkmap.victims.metered import Ledger
from brinkmap.victims.tally import Tally

__all__ = ["fingerprint_of", "perceptibility_of", "recorded", "settings_of", "versions"]

PACKAGES = ("brinkmap", "numpy", "scipy", "torch", "onnxruntime", "scikit-learn")
TOLD_EVERY_S = 2.0
"""So often is the progress told, while batches go out."""
UNFINGERPRINTED = ("slots", "batch_size", "rate_limit")
"""Settings that no result depends on, so that a run may be resumed with others; an agent that learns from sample to
sample minds the slots."""


def recorded(
    session: Session, store: Store, samples: Iterable[Any], labels: Any
) -> Generator[AttackResult, None, None]:
    """Attack what the store does not hold yet; each result is kept once its reader asks for the next one.

    Whatever happens, what is finished is written; `store.costs` then has the costs of all sessions together, and
    after a kill too every query that had gone out.

    Args:
        session: the run made ready.
        store: of the run's folder; a batch size that it has frozen is kept.
        samples: single samples in order.
        labels: one a sample, or None.
    """
    if session.run.batch_size is None and store.batch_size is not None:
        session.metered.batches.frozen = store.batch_size
    with Tally(store.tally_path) as tally:
        account = _Account(session, store, tally)
        done = store.done()
        account.tell("run began", done_before=len(done), agent=session.agent_name, budget=session.run.budget)
        account.note(session.metered.ledger)
        session.metered.journal = account.note
        how = "stopped"
        try:
            for result in results_of(session, samples, labels, done):
                yield result
                account.take(result)
            how = "finished"
        except BrinkmapError as error:
            how = f"{type(error).__name__}: {error}"
            raise
        finally:
            session.metered.journal = lambda ledger: None
            try:
                account.flush()
            finally:
                account.tell("run ended", how=how)


class _Account:
    """What a session costs and brings: on disk before each batch, told from time to time, kept with the parts."""

    def __init__(self, session: Session, store: Store, tally: Tally) -> None:
        self._session, self._store, self._tally = session, store, tally
        self._before = store.costs
        self._began = self._told_at = time.perf_counter()
        self._told = 0
        self._counts = {"finished": 0, "flipped": 0, "failed": 0}

    def note(self, ledger: Ledger) -> None:
        """Before a batch goes out."""
        self._tally.write(int(self._costs("ledger_total", ledger.total)), int(self._costs("ledger_sent", ledger.sent)))
        if time.perf_counter() - self._told_at > TOLD_EVERY_S:
            self.tell("progress")

    def take(self, result: AttackResult) -> None:
        """Keep a result, and write a part if one is due."""
        self._counts["finished"] += 1
        self._counts["flipped"] += result.success
        self._counts["failed"] += result.error is not None
        if result.error is not None:
            warn("sample failed", index=result.index, error=result.error)
        if self._store.append(result, perceptibility_of(result, self._session)):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, and what all has cost."""
        ledger = self._session.metered.ledger
        now = {
            "ledger_total": ledger.total,
            "ledger_sent": ledger.sent,
            "export_queries": 0,
            "cache_hits": ledger.cache_hits,
            "seconds": time.perf_counter() - self._began,
            "victim_seconds": ledger.victim_seconds,
        }
        costs = self._before | {key: self._costs(key, value) for key, value in now.items()}
        self._store.flush(costs, self._session.metered.batches.frozen)
        self.tell("part written")

    def tell(self, event: str, **more: Any) -> None:
        """An event with the counters as they stand."""
        ledger, now = self._session.metered.ledger, time.perf_counter()
        rate = (ledger.total - self._told) / max(now - self._told_at, 1e-9)
        self._told, self._told_at = ledger.total, now
        figures = {
            "queries": self._costs("ledger_total", ledger.total),
            "sent": self._costs("ledger_sent", ledger.sent),
            "cache_hits": self._costs("cache_hits", ledger.cache_hits),
            "victim_seconds": round(self._costs("victim_seconds", ledger.victim_seconds), 3),
            "seconds": round(now - self._began, 3),
            "queries_per_second": round(rate, 1),
            "batch_size": self._session.metered.batches.frozen,
        }
        tell(event, **figures, **self._counts, **more)

    def _costs(self, name: str, of_this_session: float) -> float:
        return self._before.get(name, 0) + of_this_session


def perceptibility_of(result: AttackResult, session: Session) -> dict[str, float]:
    """What is measured of the modified sample: of flips how visible they are, of all that was attacked its spread."""
    if not result.attacked or result.clean is None or not (result.success or np.ndim(result.clean) - 1 in SPREAD):
        return {}
    modified, bounds = result.adversarial, session.canvas.bounds
    if modified is None:
        return {}
    visible = perceptibility(result.clean, modified, bounds) if result.success else {}
    return spread(result.clean, modified, bounds) | visible


def settings_of(session: Session) -> dict[str, Any]:
    """The run as plain values, with what its defaults came to."""
    fields = {field.name: getattr(session.run, field.name) for field in dataclasses.fields(session.run)}
    return fields | {
        "agent": session.agent_name,
        "distortions": [one.name for one in session.canvas.cards.distortions],
        "patch": ["x".join(map(str, size)) for size in session.canvas.grid.sizes],
        "max_l2": list(session.run.l2_bounds),
        "criterion": str(session.rules.criterion),
    }


def fingerprint_of(session: Session, source: dict[str, str]) -> dict[str, Any]:
    """What must be the same for a run to be resumed.

    Args:
        session: the run made ready.
        source: what data and victim are, such as their names and checksums.
    """
    settings = {key: value for key, value in settings_of(session).items() if key not in UNFINGERPRINTED}
    if session.learns_across:
        settings["slots"] = session.slots
    settings["brinkmap"] = version("brinkmap")  # another version may paint other bits
    return settings | {"shape": list(session.canvas.shape), "bounds": list(session.canvas.bounds)} | source


def versions() -> dict[str, str]:
    """Of Python and of the packages that results may depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
