"""Small victims whose answers are known exactly: computed row by row in integers, so that no batch can change them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from brinkmap.arrays import Array, Bounds
from brinkmap.plan import Patch, make_grid

STEPS = 2**16
"""Values are read as whole steps of this size, so that sums are exact."""


def whole_steps(batch: Array, bounds: Bounds) -> np.ndarray:
    """(n, values) int64: the samples scaled to 0..1, in whole steps."""
    scaled = (batch.reshape(len(batch), -1).astype(np.float64) - bounds[0]) / (bounds[1] - bounds[0])
    return np.rint(scaled * STEPS).astype(np.int64)


def softmax(scores: list[float]) -> list[float]:
    """Probabilities in plain Python floats, one score at a time."""
    weights = [math.exp(score - max(scores)) for score in scores]
    return [weight / sum(weights) for weight in weights]


class Known:
    """What all of them share: the attributes of a victim, and a count of the samples put to it."""

    def __init__(self, shape: tuple[int, ...], classes: int, bounds: Bounds = (0.0, 1.0)) -> None:
        self.shape, self.classes, self.bounds = shape, classes, bounds

    def predict(self, batch: Array) -> Array:
        rows = [self.answer(row) for row in whole_steps(batch, self.bounds)]
        return np.array(rows, np.float32).reshape(len(batch), self.classes)

    def answer(self, row: np.ndarray) -> list[float]:
        raise NotImplementedError


class Linear(Known):
    """Scores are whole-number weights times the values' distance from the middle of the bounds."""

    def __init__(
        self, shape: tuple[int, ...], classes: int = 3, bounds: Bounds = (0.0, 1.0), gain: float = 0.02, seed: int = 0
    ) -> None:
        super().__init__(shape, classes, bounds)
        self.weights = np.random.default_rng(seed).integers(-64, 65, (classes, math.prod(shape)))
        self.gain = gain / STEPS

    def answer(self, row: np.ndarray) -> list[float]:
        return softmax([self.gain * int(score) for score in self.weights @ (row - STEPS // 2)])


class FlipsWhenDark(Known):
    """Says 0 until the mean of one cell has fallen by `fall`, whatever else happens: the answer is known."""

    def __init__(
        self, cell: int, shape: tuple[int, ...] = (1, 8, 8), patch: Patch = 2, level: float = 0.5, fall: float = 0.1
    ) -> None:
        super().__init__(shape, 2)
        self.box = make_grid(patch, shape[1:]).box(cell)
        self.needed = round((level - fall) * STEPS)

    def answer(self, row: np.ndarray) -> list[float]:
        inside = row.reshape(self.shape)[(slice(None), *self.box)]
        above = int(inside.sum()) / inside.size - self.needed
        bright = min(0.99, max(0.01, 0.5 + above / STEPS))
        return [bright, 1 - bright]


class SingleValue(Known):
    """Two classes: whether one value is above the middle of the bounds."""

    def __init__(self, shape: tuple[int, ...], position: int = 0) -> None:
        super().__init__(shape, 2)
        self.position = position

    def answer(self, row: np.ndarray) -> list[float]:
        value = int(row[self.position]) / STEPS
        return [1 - value, value]


class Wrapped:
    """Another victim's attributes, and its answers."""

    def __init__(self, victim: Any) -> None:
        self.victim = victim
        self.shape, self.classes, self.bounds = victim.shape, victim.classes, victim.bounds
        self.scores = getattr(victim, "scores", True)
        self.rate_hz = getattr(victim, "rate_hz", None)

    def predict(self, batch: Array) -> Array:
        return self.victim.predict(batch)


class CountsSamples(Wrapped):
    """Counts what passes through the victim, for itself."""

    seen = 0

    def predict(self, batch: Array) -> Array:
        self.seen += len(batch)
        return super().predict(batch)


class LabelsOnly(Wrapped):
    """One-hot answers."""

    def __init__(self, victim: Any) -> None:
        super().__init__(victim)
        self.scores = False

    def predict(self, batch: Array) -> Array:
        return np.eye(self.classes, dtype=np.float32)[super().predict(batch).argmax(axis=1)]


class RaisesFor(Wrapped):
    """Raises for a batch that holds a row of a kind."""

    def __init__(self, victim: Any, kind: Callable[[Array], bool]) -> None:
        super().__init__(victim)
        self.kind = kind

    def predict(self, batch: Array) -> Array:
        if any(self.kind(row) for row in batch):
            raise RuntimeError("no answer to that")
        return super().predict(batch)


class AnswersNaNFor(RaisesFor):
    """Answers NaN for rows of a kind."""

    def predict(self, batch: Array) -> Array:
        answers = self.victim.predict(batch)
        answers[[self.kind(row) for row in batch]] = np.nan
        return answers


class WritesIntoItsInput(Wrapped):
    """Takes a batch for its own."""

    def predict(self, batch: Array) -> Array:
        batch[:] = 0
        return super().predict(batch)


def near(sample: Array, *, but_clean: bool = False) -> Callable[[Array], bool]:
    """Whether a row is this sample, distorted or not; with `but_clean`, only distorted."""

    def kind(row: Array) -> bool:
        return float(np.abs(row - sample).mean()) < 0.15 and not (but_clean and np.array_equal(row, sample))

    return kind


def samples_for(victim: Any, count: int, seed: int = 1) -> tuple[Array, np.ndarray]:
    """Uniform samples within the victim's bounds, and its own answers as their labels."""
    low, high = victim.bounds
    drawn = np.random.default_rng(seed).uniform(low, high, (count, *victim.shape)).astype(np.float32)
    samples = np.clip(drawn, np.float32(low), np.float32(high))
    return samples, victim.predict(samples).argmax(axis=1)


def factory() -> Linear:
    """What the command line is given as `victims_known.py:factory`."""
    return Linear((1, 8, 8))


def label_factory() -> LabelsOnly:
    """The same, answering labels only."""
    return LabelsOnly(factory())
