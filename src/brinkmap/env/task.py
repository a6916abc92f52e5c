"""One sample under one bound, before and after its attack."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from brinkmap.arrays import Array, Ints

__all__ = ["Finished", "Standing", "Task", "TraceStep"]


@dataclass(frozen=True)
class Task:
    """One sample to be attacked under one bound."""

    number: int
    """Counts the tasks of a run; the meter's account."""
    index: int
    """The sample's place in its data set."""
    sample: Array
    """(c, *extent) float32, checked."""
    label: int | None
    """The true class, where it is known."""
    max_l2: float | None


@dataclass(frozen=True)
class TraceStep:
    """One proposal that was put to the victim."""

    query: int
    """Which of the sample's queries it was, the clean look being 1."""
    cells: Ints
    """(k,) the cells that differ from the incumbent of that moment."""
    codes: Ints
    """(k,) what they were changed to; 0 is clean."""
    log_probabilities: np.ndarray
    """(classes,) float16."""
    accepted: bool


@dataclass(frozen=True, eq=False)
class Standing:
    """How one sample's attack stands once the victim has answered, for whoever watches it."""

    index: int
    """The sample's place in its data set."""
    queries: int
    """Those paid for it so far, the clean look included."""
    steps: int
    """Proposals among them."""
    reference: int
    """The class attacked."""
    image: Array
    """(c, *extent) the incumbent as rendered, a copy."""
    answer: Array
    """(classes,) the answer to it."""
    margin: float
    """Its distance from the criterion in nats, negative once that is met."""
    l2: float
    queries_to_flip: int | None
    """The query that met the criterion first, if one has."""


@dataclass
class Finished:
    """How the attack of one task ended."""

    task: Task
    reference: int | None
    before: Array | None
    """(classes,) the clean answer."""
    after: Array | None
    """(classes,) the answer to the incumbent."""
    image: Array
    """(c, *extent) the incumbent as rendered."""
    codes: Ints | None
    """(cells,) the incumbent's plan; None for an attack that owns its loop."""
    success: bool
    stalled: bool
    error: str | None
    queries: int
    queries_to_flip: int | None
    steps: int
    clipped: float
    """Share of all values that clipping to the bounds moved."""
    distances: list[tuple[int, float]] = field(default_factory=list)
    """(query, L2) of the first flip and of each nearer one after it."""
    projected: bool = False
    """Whether what an attack ended with had to be brought back within bounds or distance."""
    published_steps: int | None = None
    """Steps as an attack's authors count them, where they count otherwise."""
    trace: list[TraceStep] = field(default_factory=list)

    @property
    def l2_at_flip(self) -> float | None:
        """The distance when the criterion was met first, before any refining."""
        return self.distances[0][1] if self.distances else None
