"""A session's results, kept in a store as they come, with what they cost; what a run's folder is told apart by."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Generator, Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from brinkmap.attack import results_of
from brinkmap.metrics import perceptibility
from brinkmap.results import AttackResult
from brinkmap.session import Session
from brinkmap.store import Store

__all__ = ["fingerprint_of", "recorded", "settings_of", "versions"]

PACKAGES = ("brinkmap", "numpy", "scipy", "torch", "onnxruntime", "scikit-learn")
UNFINGERPRINTED = ("slots", "batch_size", "rate_limit")
"""Settings that no result depends on, so that a run may be resumed with others."""


def recorded(
    session: Session, store: Store, samples: Iterable[Any], labels: Any
) -> Generator[AttackResult, None, None]:
    """Attack what the store does not hold yet; each result is kept once its reader asks for the next one.

    Whatever happens, what is finished is written; `store.costs` then has the costs of all sessions together.

    Args:
        session: the run made ready.
        store: of the run's folder; a batch size that it has frozen is kept.
        samples: single samples in order.
        labels: one a sample, or None.
    """
    if session.run.batch_size is None and store.batch_size is not None:
        session.metered.batches.frozen = store.batch_size
    before, began = store.costs, time.perf_counter()

    def flush() -> None:
        ledger = session.metered.ledger
        now = {
            "ledger_total": ledger.total,
            "ledger_sent": ledger.sent,
            "export_queries": 0,
            "cache_hits": ledger.cache_hits,
            "seconds": time.perf_counter() - began,
            "victim_seconds": ledger.victim_seconds,
        }
        store.flush({key: value + before.get(key, 0) for key, value in now.items()}, session.metered.batches.frozen)

    try:
        for result in results_of(session, samples, labels, store.done()):
            yield result
            if store.append(result, _perceptibility(result, session)):
                flush()
    finally:
        flush()


def _perceptibility(result: AttackResult, session: Session) -> dict[str, float]:
    modified = result.adversarial
    if not result.success or result.clean is None or modified is None:
        return {}
    return perceptibility(result.clean, modified, session.canvas.bounds)


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
