"""scikit-learn classifiers as functions of NumPy batches: each sample is flattened to one row of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from brinkmap.arrays import Array
from brinkmap.errors import InputError
from brinkmap.victims.answers import Outputs
from brinkmap.victims.source import Source

__all__ = ["sklearn_source"]


def sklearn_source(estimator: Any, outputs: Outputs | None = None, shape: tuple[int, ...] | None = None) -> Source:
    """A fitted classifier: its `predict_proba` where it has one, else the labels of `predict`.

    `decision_function` is not used: its values are not log-probabilities, so a softmax of them means nothing.

    Args:
        estimator: fitted on `(n, features)`, the flattened samples; its labels may be any, the victim's classes are
            their places in `estimator.classes_`.
        outputs: "probabilities" or "labels"; the richer of what it offers where not stated.
        shape: `(c, *extent)` of one sample where known; each batch is held to the number of features anyway.

    Raises:
        InputError: not fitted, no classifier of one label, other outputs than these, or another number of features.
    """
    classes = np.asarray(_classes(estimator))
    offered: tuple[Outputs, ...] = ("probabilities", "labels") if hasattr(estimator, "predict_proba") else ("labels",)
    chosen = outputs or offered[0]
    if chosen not in offered:
        raise InputError(
            f"outputs: {type(estimator).__name__} offers {' or '.join(offered)}, got {outputs!r}. "
            "Leave it out to take the first of these."
        )

    if shape is not None:
        _check_features(estimator, shape)

    def probabilities(batch: Array) -> Array:
        answer: Array = estimator.predict_proba(_rows(estimator, batch))
        return answer

    def labels(batch: Array) -> Any:
        return np.searchsorted(classes, estimator.predict(_rows(estimator, batch)))

    return Source(
        function=probabilities if chosen == "probabilities" else labels,
        outputs=chosen,
        classes=len(classes),
        name=type(estimator).__name__,
    )


def _rows(estimator: Any, batch: Array) -> Array:
    _check_features(estimator, batch.shape[1:])
    return batch.reshape(len(batch), -1)


def _classes(estimator: Any) -> Any:
    name = type(estimator).__name__
    if not hasattr(estimator, "classes_"):
        raise InputError(
            f"{name}: expected a fitted classifier, got one without classes_. Call its fit first; a regressor cannot "
            "be a victim. A model of another library is given as a function: lambda batch: model.predict(batch)."
        )
    if isinstance(estimator.classes_, list):
        raise InputError(f"{name}: expected one label a sample, got {len(estimator.classes_)}. Wrap one of its parts.")
    return estimator.classes_


def _check_features(estimator: Any, shape: tuple[int, ...]) -> None:
    expected = getattr(estimator, "n_features_in_", None)
    if expected is not None and math.prod(shape) != expected:
        raise InputError(
            f"{type(estimator).__name__} was fitted on {expected} features, a sample of shape {shape} has "
            f"{math.prod(shape)} values. Give samples of the size it was fitted on."
        )
