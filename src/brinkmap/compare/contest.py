"""Every attack on every victim, cell by cell, each kept in a folder of its own so that a comparison can be resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brinkmap.agents.protocol import Agent
from brinkmap.agents.saved import SUFFIX
from brinkmap.compare.suite import Cell, Loaded, Suite
from brinkmap.errors import BrinkmapError, InputError, MissingExtra
from brinkmap.files import write_json
from brinkmap.recorded import fingerprint_of, recorded, settings_of, versions
from brinkmap.registry import resolve
from brinkmap.results import AttackResult
from brinkmap.session import Session
from brinkmap.store import Store

__all__ = ["NATURAL", "NORM", "Kept", "kept_cells", "run_suite"]

NATURAL, NORM = "natural", "unnatural, norm-matched"
"""The two tracks, which are never in one table (design: natural and norm tracks)."""
UNASKED = ("agent", "slots", "batch_size", "rate_limit", "trace")
"""Settings that do not tell one cell from another: an agent is told by its name in the suite."""

Watch = Callable[[Cell, AttackResult, Session], None]


@dataclass(frozen=True)
class Kept:
    """A cell that is finished: what is known of it, and where its results are."""

    facts: dict[str, Any]
    folder: Path

    @property
    def left_out(self) -> str | None:
        """Why there is no figure, where the attack cannot be run in this cell at all."""
        reason: str | None = self.facts.get("left_out")
        return reason


def run_suite(suite: Suite, out: Path, watch: Watch | None = None) -> list[Kept]:
    """Run every cell that is not finished yet; the same call after a kill goes on where it was.

    Args:
        suite: what is compared.
        out: folder; each cell has its own below `cells/`.
        watch: called with each result as it comes.

    Returns:
        All cells of the suite in its order. An attack that cannot be run in a cell is there with its reason.

    Raises:
        InputError: the folder holds another comparison, or a victim or its data cannot be loaded.
    """
    for contender in suite.contenders:
        _check_name(contender.run.agent)
    for target in suite.targets:
        waiting = [cell for cell in suite.cells() if cell.target is target and not _is_finished(cell, suite, out)]
        if not waiting:
            continue
        loaded = target.loaded(suite.samples)
        for cell in waiting:
            _run_cell(cell, suite, loaded, out, watch)
    return list(kept_cells(suite, out))


def kept_cells(suite: Suite, out: Path) -> Iterator[Kept]:
    """The cells of a suite that are finished, in its order."""
    for cell in suite.cells():
        folder = _folder(cell, out)
        if (folder / "cell.json").is_file():
            yield Kept(json.loads((folder / "cell.json").read_text()), folder)


def _check_name(agent: Any) -> None:
    """A name that nothing goes by is a slip of the pen, unlike an extra that is not installed."""
    if isinstance(agent, str) and agent != "auto" and not agent.endswith(SUFFIX):
        with contextlib.suppress(MissingExtra):
            resolve("agent", agent)


def _folder(cell: Cell, out: Path) -> Path:
    return out / "cells" / cell.folder


def _asked(cell: Cell, suite: Suite) -> dict[str, Any]:
    """What makes this cell this cell, as plain JSON values."""
    fields = {one.name: getattr(cell.run, one.name) for one in dataclasses.fields(cell.run) if one.name not in UNASKED}
    return {
        "victim": cell.target.name,
        "attack": cell.contender.name,
        "samples": suite.samples,
        "source": cell.target.source,
        "run": {name: value if isinstance(value, (int, float)) else str(value) for name, value in fields.items()},
    }


def _is_finished(cell: Cell, suite: Suite, out: Path) -> bool:
    path = _folder(cell, out) / "cell.json"
    if not path.is_file():
        return False
    before = json.loads(path.read_text())["asked"]
    if before != json.loads(json.dumps(_asked(cell, suite))):
        raise InputError(
            f"{path.parent} holds another comparison ({before}). Give another --out, or delete that folder."
        )
    return True


def _run_cell(cell: Cell, suite: Suite, loaded: Loaded, out: Path, watch: Watch | None) -> None:
    folder = _folder(cell, out)
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {
        "asked": _asked(cell, suite),
        "victim": cell.target.name,
        "attack": cell.contender.name,
        "note": cell.contender.note,
        "bound": cell.bound,
        "max_l2": cell.run.l2_bounds[0],
        "max_linf": cell.run.max_linf,
        "budget": cell.run.budget,
        "refine_budget": cell.run.refine_budget,
        "seed": cell.run.seed,
        "clean_accuracy": loaded.clean_accuracy,
        "selection_queries": loaded.selection_queries,
        "versions": versions(),
    }
    try:
        session = Session(loaded.victim, loaded.samples.shape[1:], cell.run)
    except BrinkmapError as error:  # an extra that is missing, a bound that it cannot keep: the others go on
        _write(folder, facts | {"left_out": str(error)})
        return
    source = {"victim": cell.target.name, "attack": cell.contender.name, "samples": str(suite.samples)}
    store = Store(folder, fingerprint_of(session, source))
    with contextlib.closing(recorded(session, store, loaded.samples, loaded.labels)) as results:
        for result in results:
            if watch is not None:
                watch(cell, result, session)
    store.merge()
    settings = settings_of(session)
    shown = {name: settings[name] for name in ("agent", "distortions", "patch", "criterion")}
    trained = {
        "training_queries": getattr(session.agent, "card", {}).get("training_queries", 0),
        "learns_across": session.learns_across,
    }
    _write(folder, facts | shown | trained | store.costs | {"track": _track(session)})


def _track(session: Session) -> str:
    """Whether what was done to samples is natural; an attack that owns its loop uses filters if its card names any."""
    paints = isinstance(session.agent, Agent) or "distortions" in getattr(session.agent, "card", {})
    filters = session.canvas.cards.distortions
    return NATURAL if paints and all(one.natural for one in filters) else NORM


def _write(folder: Path, facts: dict[str, Any]) -> None:
    write_json(folder / "cell.json", facts)
