"""What driver and workers hand each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from brinkmap.arrays import Array
from brinkmap.env.task import TraceStep
from brinkmap.errors import BrinkmapError

__all__ = ["Dealt", "Part", "Picture", "Shard"]


@dataclass(frozen=True, eq=False)
class Dealt:
    """One sample to be attacked."""

    index: int
    """Its place in its data set."""
    sample: Any
    """As the data hold it."""
    label: int | None
    bounds: tuple[float | None, ...]
    """The L2 bounds that it is still to be attacked under."""
    fuse: int | None = None
    """Stop rather than ask about it more often than so; None where it may spend its whole budget."""


class Shard(NamedTuple):
    """Samples for one worker, in the order of their indices."""

    dealt: tuple[Dealt, ...]


class Picture(NamedTuple):
    """One result with its arrays, which a report shows or a file is to hold."""

    row: int
    """Its row in the part."""
    clean: Array
    modified: Array
    trace: tuple[TraceStep, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What a worker has finished since its last part, and what it has asked since it began."""

    rows: pa.Table
    traces: pa.Table
    asked: int
    sent: int
    cache_hits: int
    victim_seconds: float
    peak_rate: float
    batch_size: int | None
    """The one its search has settled on."""
    pictures: tuple[Picture, ...] = ()
    cut: tuple[int, int] | None = None
    """The sample that its fuse has stopped, and what has been spent on it."""
    failure: BrinkmapError | None = None
    """What ended it: it takes no more shards."""
