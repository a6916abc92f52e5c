"""A test set read back, and any model put to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.benchmark.manifest import Manifest, Part, checksum_of, read_manifest
from brinkmap.data.archive import read_arrays
from brinkmap.errors import InputError
from brinkmap.victims.wrap import is_victim, wrap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Benchmark", "Shard", "load", "mean_corruption_error"]

ASKED_AT_ONCE = 256
CLEAN = "clean"


@final
@dataclass(frozen=True, eq=False)
class Shard:
    """One file's samples."""

    x: Array
    """(n, c, *extent) float32."""
    y: Ints
    """(n,) the true classes."""
    index: Ints
    """(n,) their places in the source."""
    l2: Array
    """(n,) how far each is from its clean sample, scaled to 0..1."""
    flipped: np.ndarray
    """(n,) bool: whether the attacked victim changed its mind within the budget."""
    plan: Ints
    """(n, cells) codes."""


@final
@dataclass(frozen=True)
class Benchmark:
    """A test set on disk. Nothing but the manifest is held in memory."""

    folder: Path
    manifest: Manifest

    def shards(self, distortion: str = "", severity: str = "") -> Iterator[Shard]:
        """The files of one distortion at one severity, each read and checked when it is its turn; clean ones without.

        Raises:
            InputError: there is no such part, or a file is not as it was written.
        """
        parts = [one for one in self.manifest.parts if (one.distortion, one.severity) == (distortion, severity)]
        if not parts:
            raise InputError(
                f"{self.folder}: no {distortion} at {severity} in it. It has {', '.join(self.manifest.distortions)} at "
                f"{', '.join(self.manifest.severities)}."
            )
        return (self._read(part) for part in parts)

    def evaluate(self, model: Any, **wrapped: Any) -> pd.DataFrame:
        """How often a model is right, on the clean samples and under each distortion at each severity.

        Args:
            model: a victim, or whatever `brinkmap.wrap` takes.
            wrapped: for `wrap`: mean, std, outputs ...

        Returns:
            One row a distortion and severity: distortion, severity, samples, accuracy, clean_accuracy, l2 (mean).

        Raises:
            InputError: the model does not take such samples, or a file is not as it was written.
        """
        import pandas as pd

        victim = model if is_victim(model) else wrap(model, bounds=self.manifest.bounds, **wrapped)
        pairs = dict.fromkeys((part.distortion, part.severity) for part in self.manifest.parts)
        rows = [self._row(victim, *pair) for pair in pairs]
        clean = next(row["accuracy"] for row in rows if row["distortion"] == CLEAN)
        return pd.DataFrame([row | {"clean_accuracy": clean} for row in rows])

    def _row(self, victim: Any, distortion: str, severity: str) -> dict[str, Any]:
        right, l2, samples = 0, 0.0, 0
        for shard in self.shards(distortion, severity):
            for start in range(0, len(shard.y), ASKED_AT_ONCE):
                part = slice(start, start + ASKED_AT_ONCE)
                right += int((victim.predict(shard.x[part]).argmax(axis=1) == shard.y[part]).sum())
            l2, samples = l2 + float(shard.l2.sum()), samples + len(shard.y)
        return {
            "distortion": distortion or CLEAN, "severity": severity, "samples": samples,
            "accuracy": right / samples, "l2": l2 / samples,
        }  # fmt: skip

    def _read(self, part: Part) -> Shard:
        path = self.folder / part.file
        if not path.is_file() or checksum_of(path) != part.sha256:
            raise InputError(f"{path}: not there, or not as it was written. Fetch or make the set again.")
        try:
            held = read_arrays(path, [field.name for field in fields(Shard)])
            shard = Shard(**held)
            if shard.x.shape != (part.rows, *self.manifest.shape) or len(shard.y) != part.rows:
                raise ValueError(f"expected {part.rows} samples of {self.manifest.shape}, got {shard.x.shape}")
        except Exception as error:  # NumPy, zip and zlib share no parent
            raise InputError(f"{path}: no part of a test set: {error}. Do not use this set.") from error
        return shard


def load(folder: str | Path) -> Benchmark:
    """The test set in a folder.

    Raises:
        InputError: there is none.
    """
    return Benchmark(Path(folder), read_manifest(Path(folder)))


def mean_corruption_error(table: pd.DataFrame, baseline: pd.DataFrame | None = None) -> float:
    """The mean over distortions of the error over all severities, as a share of a baseline model's.

    Args:
        table: of `Benchmark.evaluate`.
        baseline: another model's on the same set; without one, errors are not divided.

    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261; 1 is as bad as the baseline, which there is AlexNet.
    """
    errors = _errors(table)
    if baseline is None:
        return float(errors.mean())
    others = _errors(baseline).reindex(errors.index)
    shares = [
        error / other if other > 0 else math.inf if error > 0 else 1.0
        for error, other in zip(errors, others, strict=True)
    ]
    return float(np.mean(shares))


def _errors(table: pd.DataFrame) -> pd.Series:
    rows = table[table["distortion"] != CLEAN]
    return 1 - rows.groupby("distortion", sort=False)["accuracy"].mean()
