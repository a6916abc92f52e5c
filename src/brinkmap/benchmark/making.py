"""A test set out of labelled data: every sample flipped on a victim, filter by filter, and rendered at severities.

The attacks are kept in a store, so that a set that was interrupted goes on; plans are kept beside the samples, so that
the set can be rendered again, to the same bits, from the source and a few megabytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.arrays import check_bounds
from brinkmap.attack import first_of
from brinkmap.benchmark.datasheet import datasheet
from brinkmap.benchmark.flips import Plans, flips_of, write_plans
from brinkmap.benchmark.manifest import Manifest, Part, checksum_of, write_manifest
from brinkmap.benchmark.rendering import rendered
from brinkmap.benchmark.severity import DEFAULTS, severity_of
from brinkmap.distortions import NATURAL
from brinkmap.errors import InputError
from brinkmap.files import write_text
from brinkmap.recorded import fingerprint_of, recorded, settings_of
from brinkmap.results import AttackResult
from brinkmap.rows import read_results
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import Store
from brinkmap.victims.protocol import Victim

__all__ = ["Origin", "make"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What the set is made of, as far as it cannot be read off the objects."""

    name: str = "benchmark"
    source: str = "unnamed"
    source_sha256: str = ""
    licence: str = "not stated"
    victim: str = "unnamed"
    victim_sha256: str = ""
    classes: tuple[str, ...] | None = None


def make(
    victim: Victim, samples: Any, labels: Any, out: str | Path, run: Run | None = None, *,
    severities: Sequence[str] = DEFAULTS, origin: Origin | None = None,
    watch: Callable[[str, AttackResult], None] | None = None,
) -> Path:  # fmt: skip
    """Make a test set; the same call goes on where it was left.

    Args:
        victim: whom the samples are flipped on.
        samples: as for `brinkmap.attack`, but to be gone through more than once.
        labels: the true class of each.
        out: the folder.
        run: the attack; each of its distortions makes sets of its own. One patch size.
        severities: `level:N` for the filter's level where a sample flipped, `xN` for N times the distance there. A
            sample that did not flip has the median distance of those that did.
        origin: what the manifest says of data and victim.
        watch: called with the distortion and each attack's result.

    Returns:
        The manifest's path.

    Raises:
        InputError: bad input, or the folder holds another run.
    """
    run, origin, folder = run or Run(), origin or Origin(), Path(out)
    if labels is None:
        raise InputError("labels: a test set needs the true class of each sample, got none.")
    if isinstance(samples, Iterator):
        raise InputError("samples: expected what can be gone through again, got an iterator. Give a list or an array.")
    wanted = [severity_of(text) for text in severities]
    first, _ = first_of(samples, labels, check_bounds(victim.bounds))
    left_out: dict[int, str | None] = {}
    sessions, costs = [], 0.0
    for name in [str(getattr(one, "name", one)) for one in run.distortions or NATURAL]:
        session = Session(victim, first.shape, dataclasses.replace(run, distortions=(name,)))
        if len(session.canvas.grid.sizes) > 1:
            raise InputError(f"patch: a test set is made with one size, got {run.patch}.")
        results, spent = _attacked(session, folder / "attacks" / name, samples, name, watch)
        sessions.append((name, session, results))
        left_out |= {result.index: result.error for result in results if result.error}
        costs += spent
    index = np.array([one for one in range(len(labels)) if one not in left_out], np.int64)
    if not len(index):
        raise InputError(f"not one of {len(labels)} samples could be attacked; the first: {left_out[0]}")
    flips = {name: flips_of(results, index, session.canvas) for name, session, results in sessions}
    plans = Plans(index, np.asarray(labels)[index].astype(np.int64), flips)
    canvases = {name: session.canvas for name, session, _ in sessions}
    parts = rendered(folder, canvases, plans, samples, wanted)
    manifest = _manifest(origin, sessions[0][1], parts, left_out, len(index), int(costs))
    manifest = dataclasses.replace(manifest, plans_sha256=write_plans(folder, plans))
    write_text(folder / "DATASHEET.md", datasheet(manifest))
    return write_manifest(folder, manifest)


def _attacked(
    session: Session, folder: Path, samples: Iterable[Any], name: str,
    watch: Callable[[str, AttackResult], None] | None,
) -> tuple[list[AttackResult], float]:  # fmt: skip
    """Results in the order of index, and the queries of all sessions."""
    store = Store(folder, fingerprint_of(session, {}))
    with contextlib.closing(recorded(session, store, samples, None)) as results:
        for result in results:
            if watch is not None:
                watch(name, result)
    return read_results(store.merge()), store.costs["ledger_total"]


def _manifest(
    origin: Origin, session: Session, parts: list[Part], left_out: dict[int, str | None], samples: int, queries: int
) -> Manifest:
    settings = settings_of(session) | {"distortions": [part.distortion for part in parts if part.distortion]}
    settings["distortions"] = list(dict.fromkeys(settings["distortions"]))
    path = Path(session.agent_name)
    return Manifest(
        name=origin.name, made_with=version("brinkmap"), source=origin.source, source_sha256=origin.source_sha256,
        licence=origin.licence, victim=origin.victim, victim_sha256=origin.victim_sha256, agent=session.agent_name,
        agent_sha256=checksum_of(path) if path.is_file() else "",
        settings={key: value if isinstance(value, list) else _plain(value) for key, value in settings.items()},
        shape=session.canvas.shape, bounds=session.canvas.bounds, classes=origin.classes, samples=samples,
        left_out={str(index): str(reason) for index, reason in sorted(left_out.items())}, queries=queries,
        parts=tuple(parts), rate_hz=getattr(session.victim, "rate_hz", None),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
