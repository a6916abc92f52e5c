"""What a loader returns: samples read one at a time, with the labels and names that belong to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Bounds, Ints, as_samples

__all__ = ["ArraySamples", "DataSet", "Samples"]


class Samples(Protocol):
    """Samples that can be gone through any number of times, each read when it is its turn."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Each sample: uint8 `(*extent, c)` or float32 `(c, *extent)`."""

    def contents(self) -> Iterator[bytes]:
        """The bytes of each sample, as they are stored."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class DataSet:
    """Samples with their labels. Iterating it reads the samples one at a time, again each time."""

    samples: Samples
    """Each uint8 `(*extent, c)` or float32 `(c, *extent)`; `brinkmap.arrays.as_samples` takes both."""
    shape: tuple[int, ...]
    """`(c, *extent)`: the shape of one sample once it is float32."""
    labels: Ints | None
    """(n,) int64, or None where the data have none."""
    names: tuple[str, ...]
    """The file each sample is from, or its index."""
    class_names: tuple[str, ...] | None = None
    """What the labels stand for, where the data say so."""
    rate_hz: float | None = None
    """Of signals: values a second, where the data say so."""
    unit: str = ""
    """Of signals: what the values are in, such as mV, where the data say so."""
    notes: tuple[str, ...] = ()
    """What the loader left out, filled in or clipped: one line each, with its count."""

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self.samples)

    def stacked(self, bounds: Bounds = (0.0, 1.0)) -> Array:
        """All samples at once, (n, c, *extent) float32 within the bounds where they are uint8."""
        return np.concatenate([as_samples(sample[None], bounds) for sample in self])

    def labelled_as(self, class_names: Sequence[str]) -> DataSet:
        """The same with labels numbered as a classifier numbers them, where the two agree on every name.

        Args:
            class_names: the classifier's, in its order. Taken over as they are where the data have none; where a name
                of the data is not among them, the data stay as they are.
        """
        if self.class_names is None:
            return replace(self, class_names=tuple(class_names))
        place = {name: number for number, name in reversed(list(enumerate(class_names)))}
        if self.labels is None or not set(self.class_names) <= set(place):
            return self
        numbers = np.array([place[name] for name in self.class_names], dtype=np.int64)
        return replace(self, labels=numbers[self.labels], class_names=tuple(class_names))

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of samples and labels in hexadecimal; images count with the bytes of their files."""
        total = hashlib.sha256()
        for content in self.samples.contents():
            total.update(hashlib.sha256(content).digest())
        if self.labels is not None:
            total.update(self.labels.astype("<i8").tobytes())
        return total.hexdigest()


@final
@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Samples that lie in one array, `(n, *extent, c)` uint8 or `(n, c, *extent)` float32."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample once it is float32."""
        extent = self.array.shape[1:]
        return (extent[-1], *extent[:-1]) if self.array.dtype == np.uint8 else extent

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self.array)

    def contents(self) -> Iterator[bytes]:
        """The bytes of each sample, after its dtype and shape."""
        for sample in self.array:
            yield f"{sample.dtype.str}{sample.shape}".encode() + sample.tobytes()
