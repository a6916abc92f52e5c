"""What a model answers, turned into probabilities: one reader for each kind of output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, check_answer_shape, faults
from brinkmap.errors import InputError, VictimError

__all__ = ["READERS", "Outputs", "check_first_answer", "check_outputs", "looks_like_probabilities"]

Outputs = Literal["logits", "probabilities", "labels"]
"""What a model's answer means: scores before the softmax, a distribution, or one class index a sample."""

LOOKALIKE_TOLERANCE = 1e-4


def check_outputs(outputs: str) -> None:
    """That the word is one that can be read.

    Raises:
        InputError: another word.
    """
    if outputs not in get_args(Outputs):
        raise InputError(f"outputs: expected one of {', '.join(get_args(Outputs))}, got {outputs!r}.")


def check_first_answer(probabilities: Array) -> None:
    """That every row is a distribution.

    Args:
        probabilities: (n, classes) float32.

    Raises:
        VictimError: a row is not; the message says which and why.
    """
    for row, reason in faults(probabilities).items():
        raise VictimError(f"sample {row} of the first batch: {reason}.")


def looks_like_probabilities(answer: Any) -> bool:
    """Whether at least two rows of alleged logits all lie within 0..1 and sum to 1."""
    rows = np.asarray(_numbers(answer), dtype=np.float64)
    within = rows.min() >= 0 and rows.max() <= 1
    return len(rows) > 1 and bool(within) and bool((np.abs(rows.sum(axis=1) - 1) <= LOOKALIKE_TOLERANCE).all())


def _from_probabilities(answer: Any, rows: int, classes: int | None) -> Array:
    # a copy: a model may write its next answer over this one
    return check_answer_shape(_numbers(answer), rows, classes).copy()


def _from_logits(answer: Any, rows: int, classes: int | None) -> Array:
    logits = check_answer_shape(_numbers(answer), rows, classes).astype(np.float64)
    with np.errstate(invalid="ignore"):  # NaN and infinity come out as NaN, which `faults` names
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _from_labels(answer: Any, rows: int, classes: int | None) -> Array:
    classes = cast(int, classes)  # FunctionVictim takes no labels without classes
    labels = _numbers(answer)
    if labels.shape != (rows,):
        raise VictimError(
            f"victim: expected one label a sample, shape ({rows},), got {labels.shape}. "
            "Return one class index for each sample, or state outputs='probabilities' or 'logits'."
        )
    with np.errstate(invalid="ignore"):
        indices = labels.astype(np.int64)
    wrong = np.flatnonzero((indices != labels) | (indices < 0) | (indices >= classes))
    if wrong.size:
        raise VictimError(
            f"victim: expected labels from 0 to {classes - 1}, got {labels[wrong[0]]} for sample {wrong[0]} of the "
            "batch. Map the model's labels to indices, or give the victim a larger classes=."
        )
    return np.eye(classes, dtype=np.float32)[indices]


def _numbers(answer: Any) -> NDArray[Any]:
    try:
        values = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
    except (TypeError, ValueError) as error:
        raise VictimError(f"victim: its answer, a {type(answer).__name__}, is no array: {error}.") from error
    if values.dtype.kind not in "biuf":
        raise VictimError(
            f"victim: expected an array of numbers, got {type(answer).__name__} of dtype {values.dtype}. "
            "Return class probabilities, logits or integer labels as one array."
        )
    return values


READERS: dict[str, Callable[[Any, int, int | None], Array]] = {
    "logits": _from_logits,
    "probabilities": _from_probabilities,
    "labels": _from_labels,
}
"""For each kind of output, `(answer, rows, classes or None) -> (rows, classes) float32`, or VictimError."""
