"""What an attack is after: criteria of success and the margin that says how far away it is.

A margin is a difference of log-probabilities in nats, positive while the criterion is not met. For `Untargeted` it
equals the logit margin of Carlini & Wagner 2017, arXiv:1608.04644, objective f6 without the clamp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.errors import InputError

__all__ = [
    "ConfidenceBelow",
    "Criterion",
    "Targeted",
    "TopK",
    "Untargeted",
    "criterion_of",
    "label_fault",
    "log_probabilities",
]

TINY = np.float32(1e-30)
"""Stands in for a probability of exactly 0, as one-hot answers have."""


@runtime_checkable
class Criterion(Protocol):
    """When an attack has succeeded."""

    def margins(self, probabilities: Array, references: Ints, indices: Ints) -> Array:
        """(n,) float32 how far each sample is from meeting the criterion, in nats; negative once it is met.

        Args:
            probabilities: (n, classes) float32, rows summing to 1.
            references: (n,) the class of the victim's clean answer.
            indices: (n,) the samples' indices, for criteria that differ from sample to sample.
        """

    def check(self, classes: int) -> None:
        """Raise InputError where the criterion names a class that is none of 0..classes-1."""


def log_probabilities(probabilities: Array) -> Array:
    """Natural logarithms with exact zeros lifted to 1e-30."""
    return np.log(np.maximum(probabilities, TINY))


@final
@dataclass(frozen=True)
class Untargeted:
    """Another class is likelier than the reference.

    >>> Untargeted().margins(np.float32([[0.8, 0.2], [0.3, 0.7]]), np.array([0, 0]), np.arange(2)).round(2)
    array([ 1.39, -0.85], dtype=float32)
    """

    def margins(self, probabilities: Array, references: Ints, indices: Ints) -> Array:
        """Log-probability of the reference minus that of the best other class."""
        return _lead(probabilities, references, 1)

    def check(self, classes: int) -> None:
        """Any number of classes will do."""

    def __str__(self) -> str:
        return "untargeted"


@final
@dataclass(frozen=True)
class Targeted:
    """One wanted class is likelier than every other.

    Args:
        labels: the wanted class, one for all samples or one for each sample index.
    """

    labels: int | tuple[int, ...]

    def margins(self, probabilities: Array, references: Ints, indices: Ints) -> Array:
        """Log-probability of the best other class minus that of the wanted one."""
        return -_lead(probabilities, self.wanted(indices), 1)

    def check(self, classes: int) -> None:
        """Every wanted label is a class."""
        for label in np.atleast_1d(self.labels):
            if fault := label_fault(f"criterion targeted:{label}", int(label), classes):
                raise InputError(fault)

    def wanted(self, indices: Ints) -> Ints:
        """(n,) the wanted class of each sample."""
        if isinstance(self.labels, (int, np.integer)):
            return np.full(len(indices), self.labels)
        if len(indices) and indices.max() >= len(self.labels):
            raise InputError(
                f"criterion targeted: expected a label for sample {indices.max()}, got {len(self.labels)} labels. "
                "Give one label, or one for every sample."
            )
        return np.asarray(self.labels)[indices]

    def __str__(self) -> str:
        return f"targeted:{self.labels}" if isinstance(self.labels, (int, np.integer)) else "targeted"


@final
@dataclass(frozen=True)
class TopK:
    """The reference is no longer among the k likeliest classes."""

    k: int

    def margins(self, probabilities: Array, references: Ints, indices: Ints) -> Array:
        """Log-probability of the reference minus that of the k-th best other class."""
        return _lead(probabilities, references, self.k)

    def check(self, classes: int) -> None:
        """There are more than k classes."""
        if not 1 <= self.k < classes:
            raise InputError(f"criterion topk:{self.k}: expected k from 1 to {classes - 1} for {classes} classes.")

    def __str__(self) -> str:
        return f"topk:{self.k}"


@final
@dataclass(frozen=True)
class ConfidenceBelow:
    """The victim's probability for the reference is below a value."""

    value: float

    def margins(self, probabilities: Array, references: Ints, indices: Ints) -> Array:
        """Log-probability of the reference minus the logarithm of the value."""
        own = probabilities[np.arange(len(references)), references]
        return log_probabilities(own) - np.log(np.float32(self.value))

    def check(self, classes: int) -> None:
        """The value is a probability that can be undercut."""
        if not 0 < self.value <= 1:
            raise InputError(f"criterion confidence:{self.value:g}: expected a probability above 0 and at most 1.")

    def __str__(self) -> str:
        return f"confidence:{self.value:g}"


def criterion_of(text: str | Criterion) -> Criterion:
    """The criterion behind `untargeted`, `targeted:3`, `topk:5` or `confidence:0.5`.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(text, Criterion):
        return text
    name, _, value = str(text).partition(":")
    kinds: dict[str, Callable[[str], Criterion]] = {
        "targeted": lambda value: Targeted(int(value)),
        "topk": lambda value: TopK(int(value)),
        "confidence": lambda value: ConfidenceBelow(float(value)),
    }
    if text == "untargeted":
        return Untargeted()
    try:
        return kinds[name](value)
    except (KeyError, ValueError):
        raise InputError(
            f"criterion: expected untargeted, targeted:CLASS, topk:K or confidence:PROBABILITY, got {text!r}."
        ) from None


def label_fault(what: str, label: int | None, classes: int) -> str | None:
    """What is wrong with a label, if it is known and is none of the classes."""
    if label is None or 0 <= label < classes:
        return None
    return f"{what}: expected a class from 0 to {classes - 1}, got {label}."


def _lead(probabilities: Array, own: Ints, place: int) -> Array:
    """Log-probability of each row's own class minus that of the place-th best other."""
    logs = log_probabilities(probabilities)
    mine = np.arange(logs.shape[1]) == own[:, None]
    others = np.where(mine, np.float32(-np.inf), logs)
    best = others.max(axis=1) if place == 1 else np.partition(others, -place, axis=1)[:, -place]
    return logs[mine] - best
