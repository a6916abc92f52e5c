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

from brinkmap.arrays import Array, Ints, check_bounds
from brinkmap.attack import first_of, sample_of
from brinkmap.benchmark.datasheet import datasheet
from brinkmap.benchmark.manifest import Manifest, Part, checksum_of, write_manifest
from brinkmap.benchmark.severity import DEFAULTS, Severity, Spread, severity_of
from brinkmap.distortions import NATURAL
from brinkmap.errors import InputError
from brinkmap.files import write_text
from brinkmap.plan import Canvas
from brinkmap.recorded import fingerprint_of, recorded, settings_of
from brinkmap.results import AttackResult
from brinkmap.rows import read_results
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import Store
from brinkmap.victims.protocol import Victim

__all__ = ["Origin", "make"]

SHARD = 1000
"""Samples in a file."""


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
    indices = [index for index in range(len(labels)) if index not in left_out]
    if not indices:
        raise InputError(f"not one of {len(labels)} samples could be attacked; the first: {left_out[0]}")
    kept = _shards(folder, "clean", "", "", indices, labels, _clean(sessions[0][1].canvas, samples, indices))
    for name, session, results in sessions:
        for severity in wanted:
            made = _made(session.canvas, samples, results, severity, set(indices))
            title = f"{name}-{severity.name.replace(':', '')}"
            kept += _shards(folder, title, name, severity.name, indices, labels, made)
    manifest = _manifest(origin, sessions[0][1], kept, left_out, len(indices), int(costs))
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


@dataclass(frozen=True)
class _Row:
    image: Array
    codes: Ints
    l2: float
    flipped: bool


def _clean(canvas: Canvas, samples: Iterable[Any], indices: Sequence[int]) -> Iterator[_Row]:
    wanted, none = set(indices), np.zeros(canvas.grid.cells, np.int16)
    for index, given in enumerate(samples):
        if index in wanted:
            yield _Row(canvas.snap(sample_of(given, canvas)), none, 0.0, False)


def _made(
    canvas: Canvas, samples: Iterable[Any], results: Sequence[AttackResult], severity: Severity, indices: set[int]
) -> Iterator[_Row]:
    """Each sample at one severity, in order."""
    distances = [result.l2 for result in results if result.success and result.l2 > 0]
    usual = float(np.median(distances)) if distances else 0.0
    for given, result in zip(samples, results, strict=True):
        if result.index not in indices:
            continue
        clean = canvas.snap(sample_of(given, canvas))
        codes = np.zeros(canvas.grid.cells, np.int16) if result.plan is None else canvas.cards.codes(result.plan)
        flipped = result.success and result.l2 > 0
        spread = Spread(canvas, clean, result.index, codes, result.l2 if flipped else usual)
        planned = severity.plan(spread)
        yield _Row(spread.render(planned), planned, spread.distance(planned), flipped)


def _shards(
    folder: Path, title: str, distortion: str, severity: str, indices: Sequence[int], labels: Any, rows: Iterator[_Row]
) -> list[Part]:
    """Files of samples, labels, distances and plans; each under its name only once it is whole."""
    parts = []
    for number, start in enumerate(range(0, len(indices), SHARD)):
        some = [next(rows) for _ in indices[start : start + SHARD]]
        own = np.array(indices[start : start + SHARD])
        path = folder / f"{title}-{number:04d}.npz"
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            np.savez_compressed(
                file, x=np.stack([row.image for row in some]), y=np.asarray(labels)[own].astype(np.int64), index=own,
                l2=np.array([row.l2 for row in some]), flipped=np.array([row.flipped for row in some]),
                plan=np.stack([row.codes for row in some]),
            )  # fmt: skip
        temporary.replace(path)
        parts.append(Part(path.name, checksum_of(path), len(own), distortion, severity))
    return parts


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
        parts=tuple(parts),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
