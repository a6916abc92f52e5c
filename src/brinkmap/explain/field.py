"""The coarser grid that credit is accounted on: from a sample's extent to it and back, and smooth surfaces over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brinkmap.arrays import Floats, Ints

__all__ = ["Field", "field_of", "owners"]

POSITIONS = {1: (128,), 2: (24, 24), 3: (8, 16, 16)}
"""Most positions along each axis: finer ones could not be told apart by a few hundred answers."""
JITTER = 1e-9


@dataclass(frozen=True)
class Field:
    """A regular grid of positions over an extent."""

    extent: tuple[int, ...]
    shape: tuple[int, ...]
    """Positions along each axis, no more than the extent has values."""

    @property
    def size(self) -> int:
        """Positions in all."""
        return math.prod(self.shape)

    def spread(self, values: Floats) -> Floats:
        """(n, size) values at positions, joined linearly: (n, *extent)."""
        return _along(values.reshape(len(values), *self.shape), self._weights)

    def gathered(self, values: Floats) -> Floats:
        """(n, *extent) means around each position: (n, size)."""
        shares = [(weight / weight.sum(axis=0)).T for weight in self._weights]
        return _along(values, shares).reshape(len(values), self.size)

    def smoothed(self, values: Floats, length: float) -> Floats:
        """(n, size) values times the covariance of a smooth surface: (n, size).

        Args:
            values: one row a surface.
            length: how far the surface resembles itself, as a share of an axis.
        """
        covariances = self._covariances(length)
        return _along(values.reshape(len(values), *self.shape), covariances).reshape(len(values), self.size)

    def surfaces(self, noise: Floats, length: float) -> Floats:
        """Smooth random surfaces of variance 1 from (n, size) standard normal numbers: (n, size)."""
        roots = [np.linalg.cholesky(one + JITTER * len(one) * np.eye(len(one))) for one in self._covariances(length)]
        return _along(noise.reshape(len(noise), *self.shape), roots).reshape(len(noise), self.size)

    def _covariances(self, length: float) -> list[Floats]:
        """Squared-exponential along each axis; their product is that of the surface."""
        at = [(np.arange(n) + 0.5) / n for n in self.shape]
        return [np.exp(-0.5 * ((one[:, None] - one) / length) ** 2) for one in at]

    @cached_property
    def _weights(self) -> list[Floats]:
        """For each axis: (values, positions) how much of each position a value has, by linear interpolation."""
        return [_hats(n, coarse) for n, coarse in zip(self.extent, self.shape, strict=True)]


def field_of(extent: tuple[int, ...]) -> Field:
    """The field for samples of an extent."""
    most = POSITIONS[len(extent)]
    return Field(extent, tuple(min(n, cap) for n, cap in zip(extent, most, strict=True)))


def owners(extent: tuple[int, ...], cells: int) -> Ints:
    """(*extent) the cell that each place belongs to, of so many cells along each axis, fewer where it is shorter."""
    along = [np.arange(n) * min(cells, n) // n for n in extent]
    return np.asarray(np.ravel_multi_index(np.meshgrid(*along, indexing="ij"), [min(cells, n) for n in extent]))


def _hats(n: int, coarse: int) -> Floats:
    at = np.clip((np.arange(n) + 0.5) * coarse / n - 0.5, 0, coarse - 1)
    below = np.minimum(at.astype(int), max(coarse - 2, 0))
    weights = np.zeros((n, coarse))
    weights[np.arange(n), below] = 1 - (at - below)
    if coarse > 1:
        weights[np.arange(n), below + 1] = at - below
    return weights


def _along(values: Floats, matrices: Sequence[np.ndarray]) -> Floats:
    """Each axis after the first times its matrix (out, in)."""
    for axis, matrix in enumerate(matrices, start=1):
        values = np.moveaxis(np.tensordot(values, matrix, axes=(axis, 1)), -1, axis)
    return np.ascontiguousarray(values)
