"""The one class that every adapter shares: a function from samples to answers, and what it cannot tell beside it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, final

import numpy as np

from brinkmap.arrays import RANKS, Array, Bounds, as_samples, check_bounds, check_sample
from brinkmap.errors import InputError
from brinkmap.victims.answers import READERS, Outputs, check_first_answer, check_outputs, looks_like_probabilities
from brinkmap.victims.normalisation import Channelwise, Normalisation, normalisation

__all__ = ["FunctionVictim", "check_shape"]


@final
@dataclass(eq=False)
class FunctionVictim:
    """Any `function(batch) -> answers` as a victim.

    `function` receives `(n, c, *extent)` float32. Without mean and std that is the caller's own batch, read-only: copy
    it before writing to it. An exception it raises reaches the caller unchanged.
    """

    function: Callable[[Array], Any]
    """The model: samples to logits, probabilities or labels, one row a sample."""
    _: KW_ONLY
    shape: tuple[int, ...] | None = None
    """`(c, *extent)` of one sample; learned from the first query where not given."""
    classes: int | None = None
    """How many classes; learned from the first query where not given, which labels do not allow."""
    bounds: Bounds = (0.0, 1.0)
    """The valid range of a sample's values, before normalisation."""
    outputs: Outputs = "probabilities"
    """What `function` answers."""
    mean: Channelwise | None = None
    """Subtracted before `function` is called: one number, or one a channel."""
    std: Channelwise | None = None
    """Divided by after that."""
    unit: str = ""
    """The unit of the samples' values, such as "mV"."""
    rate_hz: float | None = None
    """Values a second, for signals."""
    name: str = ""
    """What reports call the victim."""
    class_names: tuple[str, ...] | None = None
    """What its classes stand for, in their order, where the model says so."""
    _normalisation: Normalisation | None = field(default=None, init=False, repr=False)
    _answered: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputError(f"function: expected a callable, got {type(self.function).__name__}.")
        self.bounds = check_bounds(self.bounds)
        check_outputs(self.outputs)
        self._normalisation = normalisation(self.mean, self.std)
        if self.shape is not None:
            self.shape = check_shape(self.shape)
            if self._normalisation is not None:
                self._normalisation.check_channels(self.shape[0])
        if self.classes is None and self.outputs == "labels":
            raise InputError("classes: labels alone do not tell how many classes there are. Give classes=.")
        if self.rate_hz is not None and not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise InputError(f"rate_hz: expected a positive number, got {self.rate_hz!r}. Leave it out where unknown.")
        if self.classes is not None and self.classes < 2:
            raise InputError(f"classes: expected at least 2, got {self.classes}.")

    @property
    def scores(self) -> bool:
        """Whether its probabilities are more than a one-hot label."""
        return self.outputs != "labels"

    def predict(self, batch: Any) -> Array:
        """The probabilities of each class, from a call to `function`.

        Args:
            batch: (n, c, *extent) float32 or a torch tensor, within the bounds; or (n, *extent, c) uint8.

        Returns:
            (n, classes) float32. The rows of the first answer are held to sum to 1, those of later ones are not.

        Raises:
            InputError: no samples, or samples that are not what the victim takes.
            VictimError: the answer has another shape than stated or learned, or the first is no distribution.
        """
        samples = self._admitted(batch)
        answer = self.function(self._prepared(samples))
        probabilities = READERS[self.outputs](answer, len(samples), self.classes)
        if not self._answered:
            self._learn(samples, answer, probabilities)
        return probabilities

    def _admitted(self, batch: Any) -> Array:
        samples = as_samples(batch, self.bounds)
        if not len(samples):
            raise InputError(f"expected at least one sample, got a batch of shape {samples.shape}. Leave the call out.")
        check_sample(samples, self.shape or samples.shape[1:], self.bounds)
        return samples

    def _prepared(self, samples: Array) -> Array:
        if self._normalisation is not None:
            return self._normalisation(samples)
        untouchable = samples.view()
        untouchable.flags.writeable = False
        return untouchable

    def _learn(self, samples: Array, answer: Any, probabilities: Array) -> None:
        check_first_answer(probabilities)
        if self.outputs == "logits" and looks_like_probabilities(answer):
            warnings.warn(
                "the victim was wrapped with outputs='logits' and its first answers look like probabilities: all "
                "within 0 to 1, rows summing to 1. If they are, wrap it with outputs='probabilities'.",
                UserWarning,
                stacklevel=3,
            )
        self.shape = samples.shape[1:]
        self.classes = probabilities.shape[1]
        self._answered = True


def check_shape(shape: Any) -> tuple[int, ...]:
    """The shape of one sample as a tuple of ints.

    Raises:
        InputError: not a channel axis and 1 to 3 more, all at least 1.
    """
    values = np.atleast_1d(shape)
    if values.dtype.kind not in "iu" or values.ndim != 1 or len(values) - 1 not in RANKS or values.min() < 1:
        raise InputError(f"shape: expected (channels, *extent) with 1 to 3 axes in extent, got {shape!r}.")
    return tuple(int(value) for value in values)
