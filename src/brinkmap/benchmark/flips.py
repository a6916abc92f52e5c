"""What flipped every sample, filter by filter: a few megabytes that a test set is rendered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brinkmap.arrays import Floats, Ints
from brinkmap.benchmark.manifest import checksum_of
from brinkmap.data.archive import read_arrays
from brinkmap.errors import InputError
from brinkmap.plan import Canvas
from brinkmap.results import AttackResult

__all__ = ["PLANS", "Flips", "Plans", "flips_of", "read_plans", "write_plans"]

PLANS = "plans.npz"


@dataclass(frozen=True, eq=False)
class Flips:
    """What one distortion came to on n samples."""

    codes: Ints
    """(n, cells) the plan that flipped each, or came nearest."""
    l2: Floats
    """(n,) its distance, on samples scaled to 0..1."""
    flipped: np.ndarray
    """(n,) bool: whether the attacked victim changed its mind within the budget, by a plan that is not empty."""

    @property
    def usual(self) -> float:
        """The median distance of those that flipped; 0 where none did."""
        return float(np.median(self.l2[self.flipped])) if self.flipped.any() else 0.0


@dataclass(frozen=True, eq=False)
class Plans:
    """Everything that a set is made of, but the samples themselves."""

    index: Ints
    """(n,) the samples' places in the source."""
    labels: Ints
    """(n,) the true classes."""
    flips: Mapping[str, Flips]
    """By distortion, in order."""


def flips_of(results: Sequence[AttackResult], index: Ints, canvas: Canvas) -> Flips:
    """What the attacks of one distortion came to, for the samples of these indices."""
    by_index = {one.index: one for one in results}
    kept, none = [by_index[int(one)] for one in index], np.zeros(canvas.grid.cells, np.int16)
    codes = [none if one.plan is None else canvas.cards.codes(one.plan) for one in kept]
    return Flips(
        np.stack(codes).astype(np.int16),
        np.array([one.l2 for one in kept], np.float64),
        np.array([one.success and one.l2 > 0 for one in kept]),
    )


def write_plans(folder: Path, plans: Plans) -> str:
    """Write `plans.npz`, whole or not at all; returns its SHA-256."""
    arrays = {"index": plans.index, "labels": plans.labels}
    for number, one in enumerate(plans.flips.values()):
        arrays |= {f"{number}.{name}": value for name, value in vars(one).items()}
    part = folder / f"{PLANS}.tmp"
    with open(part, "wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    part.replace(folder / PLANS)
    return checksum_of(folder / PLANS)


def read_plans(folder: Path, distortions: Sequence[str], sha256: str) -> Plans:
    """What `write_plans` wrote.

    Raises:
        InputError: the file is not there, or not as it was written.
    """
    path, fields = folder / PLANS, ("codes", "l2", "flipped")
    if not sha256:
        raise InputError(f"{folder}: its manifest knows of no {PLANS}: it was made by an older version. Make it anew.")
    if not path.is_file() or checksum_of(path) != sha256:
        raise InputError(f"{path}: not there, or not as it was written. Fetch the file again.")
    names = [f"{number}.{field}" for number in range(len(distortions)) for field in fields]
    try:
        held = read_arrays(path, ["index", "labels", *names])
        flips = {
            name: Flips(*(held[f"{number}.{field}"] for field in fields)) for number, name in enumerate(distortions)
        }
        plans = Plans(held["index"], held["labels"], flips)
        if any(len(one.codes) != len(plans.index) for one in flips.values()):
            raise ValueError("plans and samples differ in number")
    except Exception as error:  # NumPy, zip and zlib share no parent
        raise InputError(f"{path}: no plans of a test set: {error}. Do not use this set.") from error
    return plans
