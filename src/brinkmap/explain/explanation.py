"""What an explanation is: a map, a mask, and where that is in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from brinkmap.arrays import Array, Floats
from brinkmap.explain.masks import otsu_mask

__all__ = ["Explanation", "Region", "regions_of"]

AXES = {1: ("time",), 2: ("row", "column"), 3: ("frame", "row", "column")}
"""What positions along each axis are called."""


@dataclass(frozen=True)
class Region:
    """One connected part of a mask."""

    box: tuple[tuple[int, int], ...]
    """First and last position along each axis."""
    share: float
    """Of all that speaks for the class."""
    peak: float
    """The map's highest value in it."""

    def said(self, rate_hz: float | None = None) -> str:
        """In words, such as "rows 3-9, columns 12-20: 41 % of the evidence"."""
        rank = len(self.box)
        if rank == 1 and rate_hz:
            (first, last), unit = self.box[0], "s"
            where = f"{first / rate_hz:.2f}-{(last + 1) / rate_hz:.2f} {unit}"
        else:
            where = ", ".join(f"{axis}s {a}-{b}" for axis, (a, b) in zip(AXES[rank], self.box, strict=True))
        return f"{where}: {self.share:.0%} of the evidence"


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Where one decision of the victim comes from."""

    index: int
    """The sample's place among those that were given."""
    method: str
    target: int
    """The class that is explained."""
    reference: int | None
    """The class of the victim's clean answer; None where it was not asked."""
    answer: Array | None
    """(classes,) the clean answer."""
    map: Array
    """(*extent) float32: how much each place speaks for the class, negative against it; 0 where nothing was found."""
    queries: int
    """Samples passed through the victim for it, the clean look included."""
    error: str | None = None
    """Why there is no map, where the victim failed."""

    @property
    def found(self) -> bool:
        """Whether anything that was tried moved the victim."""
        return bool(self.map.any())

    @cached_property
    def mask(self) -> np.ndarray:
        """(*extent) bool: where the map stands out, by Otsu's threshold on what speaks for the class."""
        return otsu_mask(self.map)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The connected parts of the mask, the most important first."""
        return regions_of(self.map.astype(np.float64), self.mask)


def regions_of(values: Floats, mask: np.ndarray) -> tuple[Region, ...]:
    """The connected parts of a mask (*extent), by how much of the positive map (*extent) they hold."""
    parts, _ = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    evidence = np.maximum(values, 0)
    total = max(float(evidence.sum()), np.finfo(float).tiny)
    found = []
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        own = evidence[box][parts[box] == number]
        ends = tuple((int(one.start), int(one.stop) - 1) for one in box)
        found.append(Region(ends, float(own.sum()) / total, float(own.max())))
    return tuple(sorted(found, key=lambda one: -one.share))
