"""What a hidden place shows instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from scipy.ndimage import gaussian_filter

from brinkmap.arrays import Array, Floats

__all__ = ["Blurred", "Fill", "Flat", "Level", "Rolled", "shown"]


class Fill(Protocol):
    """Makes of a sample what is shown where it is hidden."""

    def __call__(self, sample: Array) -> Floats:
        """(c, *extent) float64 for a sample (c, *extent)."""


@final
@dataclass(frozen=True)
class Blurred:
    """The sample itself, blurred: nothing foreign is shown, and no edge is added where there was none."""

    width: float = 0.1
    """Standard deviation of the blur, as a share of each axis."""

    def __call__(self, sample: Array) -> Floats:
        """Each channel by itself."""
        widths = [0.0, *(self.width * n for n in sample.shape[1:])]
        return np.asarray(gaussian_filter(sample.astype(np.float64), widths, mode="reflect"))


@final
@dataclass(frozen=True)
class Flat:
    """The sample's own mean, a channel at a time."""

    def __call__(self, sample: Array) -> Floats:
        """The same everywhere."""
        mean = sample.mean(axis=tuple(range(1, sample.ndim)), keepdims=True, dtype=np.float64)
        return np.broadcast_to(mean, sample.shape)


@final
@dataclass(frozen=True)
class Rolled:
    """The sample itself, further on: for evidence that is an absence, such as a beat that is missing.

    Blur and mean only ever take something away, and a gap remains a gap.
    """

    shares: tuple[float, ...]
    """By how much of each axis."""

    def __call__(self, sample: Array) -> Floats:
        """Rolled along every axis."""
        steps = [int(share * n) for share, n in zip(self.shares, sample.shape[1:], strict=True)]
        return np.roll(sample.astype(np.float64), steps, axis=tuple(range(1, sample.ndim)))


@final
@dataclass(frozen=True)
class Level:
    """One value everywhere, as a `Fill`: black where bounds begin at 0, the mean of z-scored signals."""

    value: float = 0.0
    """In the sample's own units."""

    def __call__(self, sample: Array) -> Floats:
        """The same in all channels."""
        return np.full(sample.shape, self.value)


def shown(sample: Array, filled: Floats, hidden: Floats) -> Array:
    """Samples with places hidden.

    Args:
        sample: (c, *extent).
        filled: (c, *extent) what is shown where it is hidden.
        hidden: (n, *extent) how much, 0..1.

    Returns:
        (n, c, *extent) float32.
    """
    shares = hidden[:, None].astype(np.float32)  # float32 throughout: a clip's probes fill the memory
    return shares * (filled.astype(np.float32) - sample) + sample
