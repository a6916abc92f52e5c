"""Half-overlapping windows that cover an extent, and what answers to hiding each of them say of every place."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from brinkmap.arrays import Floats

__all__ = ["Windows", "covering"]


@dataclass(frozen=True)
class Windows:
    """Boxes over an extent."""

    extent: tuple[int, ...]
    places: Sequence[tuple[slice, ...]]

    def __len__(self) -> int:
        return len(self.places)

    def some(self, which: Iterable[int]) -> Windows:
        """Only these, in this order."""
        return dataclasses.replace(self, places=[self.places[one] for one in which])

    def hidden(self, places: Sequence[tuple[slice, ...]]) -> Floats:
        """(k, *extent) 1 inside each of these windows."""
        covered = np.zeros((len(places), *self.extent))
        for one, place in zip(covered, places, strict=True):
            one[place] = 1
        return covered

    def means(self, values: Floats) -> Floats:
        """(*extent) the mean over the windows that hold a place; 0 outside them.

        Args:
            values: one a window, or of the first windows only.
        """
        total, times = np.zeros(self.extent), np.zeros(self.extent)
        for place, value in zip(self.places, values, strict=False):
            total[place] += value
            times[place] += 1
        return total / np.maximum(times, 1)


def covering(extent: tuple[int, ...], most: int, finest: int | None = None) -> Windows:
    """The finest even covering by at most so many windows, at least one: every place is in one or more.

    Args:
        extent: of the sample.
        most: windows in all.
        finest: windows along one axis at most; as many as it has values if None.
    """
    counts = [1] * len(extent)
    for steps in range(1, min(max(extent), finest or max(extent)) + 1):
        tried = [min(steps, n) for n in extent]
        if np.prod(tried) > most:
            break
        counts = tried
    return Windows(extent, list(itertools.product(*map(_along, extent, counts))))


def _along(n: int, count: int) -> list[slice]:
    """Slices over an axis of n values, each twice as long as its step."""
    if count == 1:
        return [slice(0, n)]
    starts = [int(at * n / count) for at in range(count)]
    return [slice(start, max(-(-(at + 2) * n // (count + 1)), start + 1)) for at, start in enumerate(starts)]
