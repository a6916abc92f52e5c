"""Samples under plans, as files; and a whole set rendered again, to the same bits, from the source and its plans."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.attack import sample_of
from brinkmap.benchmark.datasheet import datasheet
from brinkmap.benchmark.flips import Flips, Plans, read_plans, write_plans
from brinkmap.benchmark.manifest import Manifest, Part, checksum_of, read_manifest, write_manifest
from brinkmap.benchmark.severity import Severity, Spread, severity_of
from brinkmap.distortions import Medium, arsenal
from brinkmap.errors import InputError
from brinkmap.files import write_text
from brinkmap.plan import Canvas, Cards, make_grid

__all__ = ["render", "rendered"]

SHARD = 1000
"""Samples in a file at most."""
HELD_BYTES = 2**29
"""Of samples in memory at once, all severities of a distortion together; files of large samples hold fewer."""


def rendered(
    folder: Path, canvases: Mapping[str, Canvas], plans: Plans, samples: Iterable[Any], severities: Sequence[Severity]
) -> list[Part]:
    """The files of the clean samples and of each distortion at each severity, each under its name only once whole.

    Args:
        folder: where to.
        canvases: by distortion; of one patch size each.
        plans: what the samples are rendered under.
        samples: all of the source, gone through once for the clean ones and once a distortion.
        severities: in order.
    """
    first = next(iter(canvases.values()))
    parts = _Files(folder, plans, ("",), "", first).filled(_clean(first, samples, plans.index))
    for name, canvas in canvases.items():
        files = _Files(folder, plans, tuple(one.name for one in severities), name, canvas)
        parts += files.filled(_made(canvas, samples, plans.index, plans.flips[name], severities))
    return parts


def render(folder: str | Path, samples: Any, out: str | Path) -> Path:
    """Make a test set's files again, to the same bits, out of the source and the few megabytes of its plans.

    Args:
        folder: holds the set's `manifest.json` and `plans.npz`; the samples' files may be missing.
        samples: the source, as it was given to `make`, in the same order; to be gone through more than once.
        out: the folder for the set.

    Returns:
        The manifest's path.

    Raises:
        InputError: the source is another one, a distortion is not known here, or what was rendered has other bits.
    """
    folder, out = Path(folder), Path(out)
    if isinstance(samples, Iterator):
        raise InputError("samples: expected what can be gone through again, got an iterator. Give a list or an array.")
    manifest = read_manifest(folder)
    plans = read_plans(folder, manifest.distortions, manifest.plans_sha256)
    out.mkdir(parents=True, exist_ok=True)
    canvases = {name: _canvas(manifest, name) for name in manifest.distortions}
    parts = rendered(out, canvases, plans, samples, [severity_of(one) for one in manifest.severities])
    stated = {(part.file, part.content) for part in manifest.parts}
    if other := [part.file for part in parts if (part.file, part.content) not in stated]:
        raise InputError(
            f"{out / other[0]}: rendered to other bits than the manifest states, as were {len(other) - 1} more. Give "
            f"the same source in the same order, and the versions that it was made with (brinkmap "
            f"{manifest.made_with}); what is in {out} is not that set."
        )
    again = dataclasses.replace(manifest, parts=tuple(parts), plans_sha256=write_plans(out, plans))
    write_text(out / "DATASHEET.md", datasheet(again))
    return write_manifest(out, again)


def _canvas(manifest: Manifest, name: str) -> Canvas:
    settings = manifest.settings
    return Canvas(
        shape=manifest.shape, bounds=manifest.bounds, grid=make_grid(settings["patch"], manifest.shape[1:]),
        cards=Cards(arsenal((name,), Medium(manifest.shape, manifest.rate_hz))), seed=settings["seed"],
        quantise=settings["quantise"],
    )  # fmt: skip


@dataclass(frozen=True)
class _Row:
    image: Array
    codes: Ints
    l2: float
    flipped: bool


def _clean(canvas: Canvas, samples: Iterable[Any], index: Ints) -> Iterator[list[_Row]]:
    none = np.zeros(canvas.grid.cells, np.int16)
    for sample, _ in _wanted(canvas, samples, index):
        yield [_Row(sample, none, 0.0, False)]


def _made(
    canvas: Canvas, samples: Iterable[Any], index: Ints, flips: Flips, severities: Sequence[Severity]
) -> Iterator[list[_Row]]:
    """Each sample at all severities, in order."""
    for sample, row in _wanted(canvas, samples, index):
        flipped = bool(flips.flipped[row])
        l2 = float(flips.l2[row]) if flipped else flips.usual
        spread = Spread(canvas, sample, int(index[row]), flips.codes[row], l2)
        planned = [severity.plan(spread) for severity in severities]
        yield [_Row(spread.render(codes), codes, spread.distance(codes), flipped) for codes in planned]


def _wanted(canvas: Canvas, samples: Iterable[Any], index: Ints) -> Iterator[tuple[Array, int]]:
    """The samples of these indices, which rise, each with its row."""
    row = count = 0
    for given in samples:
        if row < len(index) and count == index[row]:
            yield canvas.snap(sample_of(given, canvas)), row
            row += 1
        count += 1
    if row < len(index):
        raise InputError(f"samples: expected more than {int(index[-1])}, of which the plans are, got {count}.")


@dataclass
class _Files:
    """The files of one distortion, written as rows come."""

    folder: Path
    plans: Plans
    severities: tuple[str, ...]
    distortion: str
    canvas: Canvas
    _parts: dict[str, list[Part]] = field(default_factory=dict)

    def filled(self, rows: Iterator[list[_Row]]) -> list[Part]:
        """Of every severity, in order."""
        each = 4 * math.prod(self.canvas.shape) * len(self.severities)
        most = max(1, min(SHARD, HELD_BYTES // each))
        for number, start in enumerate(range(0, len(self.plans.index), most)):
            some = [next(rows) for _ in self.plans.index[start : start + most]]
            for severity, column in zip(self.severities, zip(*some, strict=True), strict=True):
                self._parts.setdefault(severity, []).append(self._written(severity, number, start, column))
        return [part for severity in self.severities for part in self._parts[severity]]

    def _written(self, severity: str, number: int, start: int, rows: Sequence[_Row]) -> Part:
        title = f"{self.distortion}-{severity.replace(':', '')}" if self.distortion else "clean"
        path, which = self.folder / f"{title}-{number:04d}.npz", slice(start, start + len(rows))
        x, part = np.stack([row.image for row in rows]), path.with_suffix(".tmp")
        with open(part, "wb") as file:
            np.savez_compressed(
                file, x=x, y=self.plans.labels[which], index=self.plans.index[which],
                l2=np.array([row.l2 for row in rows]), flipped=np.array([row.flipped for row in rows]),
                plan=np.stack([row.codes for row in rows]),
            )  # fmt: skip
        part.replace(path)
        content = hashlib.sha256(x.tobytes()).hexdigest()
        return Part(path.name, checksum_of(path), len(rows), self.distortion, severity, content)
