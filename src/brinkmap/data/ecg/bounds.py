"""Millivolts within fixed bounds, the same for every sample, so that scale never depends on the sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Bounds, check_bounds
from brinkmap.data.dataset import ArraySamples, DataSet, Samples
from brinkmap.errors import InputError

__all__ = ["MITBIH_BOUNDS_MV", "clipped"]

MITBIH_BOUNDS_MV = (-5.12, 5.12)
"""All that 11 bits at 200 steps a millivolt can hold: no value of MIT-BIH lies beyond."""


def clipped(data: DataSet, bounds_mv: Bounds) -> DataSet:
    """The samples with what lies beyond the bounds put on them; `notes` says how much that was, and where most.

    Without this the victim refuses a sample beyond its bounds, which is what to do where none is expected.

    Raises:
        InputError: the samples are not in mV, or the bounds are none.
    """
    low, high = check_bounds(bounds_mv)
    if data.unit != "mV":
        raise InputError(
            f"clipped: expected samples in mV, got unit {data.unit or 'none'}. State the unit of the file."
        )
    counts, reaches = [], []
    for sample in data:
        counts.append(np.count_nonzero((sample < low) | (sample > high)))
        reaches.append(sample.flat[np.abs(sample - (low + high) / 2).argmax()])
    if not any(counts):
        return data
    worst = int(np.abs(np.array(reaches) - (low + high) / 2).argmax())
    note = (
        f"{sum(counts)} values in {np.count_nonzero(counts)} of {len(data)} samples clipped to {low:g} to {high:g} mV, "
        f"the farthest {reaches[worst]:.3g} mV in {data.names[worst]}"
    )
    return replace(data, samples=_Clipped(data.samples, low, high), notes=(*data.notes, note))


@final
@dataclass(frozen=True, eq=False)
class _Clipped:
    samples: Samples
    low: float
    high: float

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (np.clip(sample, np.float32(self.low), np.float32(self.high)) for sample in self.samples)

    def contents(self) -> Iterator[bytes]:
        return (next(ArraySamples(sample[None]).contents()) for sample in self)
