"""Credit by regression: what each place contributes to a class, out of all answers to samples that were hidden in part.

Model: how far a score falls is the sum, over positions, of how much of each was hidden times its credit. Credits are a
smooth surface a priori (a Gaussian process), so that a few hundred answers say something of every position, and what an
answer says of a place also counts for its surroundings. Length and noise are those that make the answers the most
likely, so nothing is tuned by hand. Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning,
chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brinkmap.arrays import Floats
from brinkmap.explain.field import Field

__all__ = ["LENGTHS", "Account", "Rows", "accounted"]

LENGTHS = (0.03, 0.06, 0.1, 0.16, 0.25)
"""Lengths that are tried, as shares of an axis."""
NOISES = (1e-3, 1e-2, 1e-1, 1.0)
"""Variances of the noise that are tried, beside 1 for what the surface explains of a typical answer."""
LEVEL = 1e2
"""Prior variance of a fall that no place explains: the intercept is all but free."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Answers to a sample that was hidden, or distorted, in part."""

    hidden: Floats
    """(q, size) how much of each position, 0..1."""
    falls: Floats
    """(q,) how far the score fell below the clean one."""

    def __len__(self) -> int:
        return len(self.falls)

    def __add__(self, more: Rows) -> Rows:
        return Rows(np.concatenate([self.hidden, more.hidden]), np.concatenate([self.falls, more.falls]))


@dataclass(frozen=True, eq=False)
class Account:
    """What the answers so far say of every position."""

    field: Field
    rows: Rows
    length: float
    typical: float
    """What the surface's part of a typical answer varies by: credits are measured in it."""
    spectrum: Floats
    """(q,) eigenvalues of the answers' covariance without noise, at scale 1."""
    vectors: Floats
    """(q, q) its eigenvectors, one a column."""
    noise: float

    @cached_property
    def credit(self) -> Floats:
        """(size,) the posterior mean, in falls of the score for the whole position hidden."""
        return self._explained(self.rows.falls[None])[0]

    @property
    def map(self) -> Floats:
        """(*extent) the credit of every place."""
        return np.asarray(self.field.spread(self.credit[None])[0])

    @property
    def likelihood(self) -> float:
        """Log marginal likelihood of the falls at their most likely scale, up to a constant."""
        return -float(len(self.spectrum) * np.log(self._variance) + np.log(self.spectrum + self.noise).sum()) / 2

    def drawn(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, size) surfaces from the posterior, by Matheron's rule (Wilson et al. 2020, arXiv:2002.09309)."""
        scale = np.sqrt(self._variance)
        noise = rng.standard_normal((count, self.field.size))
        prior = scale * self.field.surfaces(noise, self.length) / np.sqrt(self.typical)
        seen = prior @ self.rows.hidden.T
        seen += scale * np.sqrt(self.noise) * rng.standard_normal(seen.shape)
        seen += scale * np.sqrt(LEVEL) * rng.standard_normal((count, 1))
        return prior + self._explained(self.rows.falls - seen)

    def _explained(self, falls: Floats) -> Floats:
        """(n, size) the surfaces most likely behind (n, q) falls."""
        weights = (falls @ self.vectors / (self.spectrum + self.noise)) @ self.vectors.T
        return self.field.smoothed(weights @ self.rows.hidden, self.length) / self.typical

    @cached_property
    def _variance(self) -> float:
        """The scale of everything, at its most likely."""
        along = self.rows.falls @ self.vectors
        return max(float(np.mean(along**2 / (self.spectrum + self.noise))), np.finfo(float).tiny)


def accounted(field: Field, rows: Rows, lengths: Sequence[float] = LENGTHS) -> Account:
    """The account whose length and noise make the falls the most likely.

    Args:
        field: what credit is accounted on.
        rows: the answers, at least one.
        lengths: those that are tried.
    """
    tried = []
    for length in lengths:
        gram = rows.hidden @ field.smoothed(rows.hidden, length).T
        spread = float(np.trace(gram) / len(gram) - gram.mean())
        typical = spread if spread > 0 else 1.0
        spectrum, vectors = np.linalg.eigh(gram / typical + LEVEL)
        spectrum = np.maximum(spectrum, 0)
        tried += [Account(field, rows, length, typical, spectrum, vectors, noise) for noise in NOISES]
    return max(tried, key=lambda one: one.likelihood)
