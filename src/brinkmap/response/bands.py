"""Which frequencies of a sample a victim minds, learned from what noise of one band at a time does to its margin."""

from __future__ import annotations

from typing import final

import numpy as np
from scipy.fft import dctn, idctn

from brinkmap.arrays import Array, Floats, Ints

__all__ = ["Bands", "Sensitivities"]

RINGS = 8
"""Ranges of spatial frequency, from constant to alternating along every axis."""
ALIKE = 4.0
"""How much more a victim is taken to mind, before any answer, what all channels share than what sets them apart."""
WORTH = 2.0
"""Answers in every band that this is worth."""
STEPS = 30
"""Of the fit, which begins at what is known beforehand."""
FURTHEST = 2.0
"""Shares of the clean margin; a change of it by more counts as this."""
GROWTH = 1.2
"""Of the number of answers from one fit to the next."""
TINY = 1e-12


@final
class Bands:
    """Samples as sums of cosines, sorted by band: a ring of spatial frequency, of what channels share or do not.

    Args:
        shape: (c, *extent) of a sample.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        channels, *extent = shape
        square = np.zeros(extent)
        for axis, length in enumerate(extent):
            waves = np.arange(length) / length
            square += (waves**2).reshape([-1 if one == axis else 1 for one in range(len(extent))])
        varying = max(1, sum(length > 1 for length in extent))
        ring = np.minimum((np.sqrt(square / varying) * RINGS).astype(np.int64), RINGS - 1)
        apart = (np.arange(channels) > 0).reshape(-1, *[1] * len(extent))
        band = (ring + RINGS * apart).ravel()
        self._shape, self._order = shape, np.argsort(band, kind="stable")
        kinds, self._starts, self.sizes = np.unique(band[self._order], return_index=True, return_counts=True)
        self.shared: np.ndarray = kinds < RINGS
        """(bands,) bool: of what all channels share."""

    def __len__(self) -> int:
        """How many bands there are."""
        return len(self.sizes)

    def cosines(self, values: Array) -> Array:
        """(values,) the weights of the cosines, an orthonormal base, that add up to values (values,)."""
        found: Array = dctn(values.reshape(self._shape), norm="ortho").ravel()[self._order]
        return found

    def values(self, cosines: Array) -> Array:
        """What `cosines` was given."""
        spread = np.empty_like(cosines)
        spread[self._order] = cosines
        found: Array = idctn(spread.reshape(self._shape), norm="ortho").ravel()
        return found

    def sums(self, products: Array) -> Array:
        """(..., bands) of what is given for each cosine (..., values)."""
        total: Array = np.add.reduceat(products, self._starts, axis=-1)
        return total

    def spread(self, each: Floats) -> Array:
        """(values,) for every cosine what its band has (bands,)."""
        return np.repeat(each, self.sizes).astype(np.float32)


@final
class Sensitivities:
    """By how much a victim's margin moves with noise of each band, for one owner of answers or several.

    The square of what an answer takes from the clean margin, as a share of it, has the expectation of the noise's
    energy in each band times what the victim minds it; the likelihood of the answers seen is raised by
    majorisation (Zhou et al. 2019, J. Comput. Graph. Stat. 28:350-361, the rule for variance components).

    Args:
        bands: the bands.
        owners: how many learn by themselves; one for an audit whose samples serve one another.
    """

    def __init__(self, bands: Bands, owners: int) -> None:
        self._bands = bands
        self._before = self._scaled(np.where(bands.shared, ALIKE, 1.0))
        self._known = np.tile(self._before, (owners, 1))
        self._seen: list[list[tuple[Array, float]]] = [[] for _ in range(owners)]
        self._due = np.zeros(owners)

    def begin(self, owners: Ints) -> None:
        """These have no answers now."""
        self._known[owners], self._due[owners] = self._before, 0
        for owner in owners:
            self._seen[owner] = []

    def of(self, owner: int) -> Floats:
        """(bands,) on average over all cosines 1."""
        known: Floats = self._known[owner]
        return known

    def learn(self, owner: int, energies: Array, share: float) -> None:
        """One answer.

        Args:
            owner: whose.
            energies: (bands,) of what was added to a clean sample.
            share: of its clean margin that it moved, with either sign.
        """
        seen = self._seen[owner]
        seen.append((energies, min(abs(share), FURTHEST) ** 2))
        if len(seen) >= self._due[owner]:
            self._due[owner] = GROWTH * len(seen)
            self._known[owner] = self._fitted(*(np.array(each, np.float64) for each in zip(*seen, strict=True)))

    def _fitted(self, energies: Floats, squares: Floats) -> Floats:
        """(bands,) from energies (n, bands) and squares (n,)."""
        before = self._before * (squares.sum() + TINY) / (energies @ self._before).sum()
        known = before.copy()
        for _ in range(STEPS):
            expected = energies @ known + TINY
            more = (energies * (squares / expected**2)[:, None]).sum(axis=0) + WORTH * before / known**2
            less = (energies / expected[:, None]).sum(axis=0) + WORTH / known
            known *= np.sqrt(more / less)
        return self._scaled(known)

    def _scaled(self, known: Floats) -> Floats:
        scaled: Floats = known * self._bands.sizes.sum() / (known @ self._bands.sizes)
        return scaled
