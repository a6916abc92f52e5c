"""The normalisation a model was trained with, applied inside its victim so that samples stay within plain bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.errors import InputError

__all__ = ["Channelwise", "Normalisation", "normalisation"]

Channelwise = float | Sequence[float]
"""One number for all channels, or one for each."""


@final
@dataclass(frozen=True)
class Normalisation:
    """`(sample - mean) / std`, channel by channel, in the sample's own units."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def check_channels(self, channels: int) -> None:
        """That mean and std have one value, or one for each channel.

        Raises:
            InputError: another number of values.
        """
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                raise InputError(
                    f"{name}: expected 1 value or one for each of {channels} channels, got {len(values)}. "
                    f"Give {name}= a single number, or check which axis of the sample holds the channels."
                )

    def __call__(self, samples: Array) -> Array:
        """A new array `(n, c, *extent)` float32.

        Raises:
            InputError: the number of channels is another than that of mean or std.
        """
        self.check_channels(samples.shape[1])
        axes = (-1,) + (1,) * (samples.ndim - 2)
        return (samples - np.array(self.mean, np.float32).reshape(axes)) / np.array(self.std, np.float32).reshape(axes)


def normalisation(mean: Channelwise | None, std: Channelwise | None) -> Normalisation | None:
    """The normalisation as stated, or None where there is none.

    Raises:
        InputError: one is given without the other, a value is not a finite number, or a std is not above 0.
    """
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        given, missing = ("mean", "std") if std is None else ("std", "mean")
        neutral = "std=1" if std is None else "mean=0"
        raise InputError(f"{given} was given without {missing}. Give both, or {neutral} if there is nothing to add.")
    found = Normalisation(_values("mean", mean), _values("std", std))
    if min(found.std) <= 0:
        raise InputError(f"std: expected values above 0, got {min(found.std):g}. Leave out mean and std for none.")
    return found


def _values(name: str, stated: Any) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in np.atleast_1d(stated))
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected a number or one for each channel, got {stated!r}.") from error
    if not values or not np.isfinite(values).all():
        raise InputError(f"{name}: expected finite numbers, got {stated!r}.")
    return values
