"""One pixel: differential evolution over where a value is changed and to what, free or begun where a victim is weak.

Sources: Su, Vargas & Sakurai 2019 (arXiv:1710.08864) for the attack; Kumar et al. 2019 ("Beyond Explainability") for
the constraint, which is on the initial population alone. Written from the papers, for samples of any rank: a pixel is
one place of the extent with all its channels. What is ours: fitness is the criterion's margin rather than one class's
probability, so that every criterion can be attacked; a coordinate that leaves its range is drawn anew, as scipy does;
after the first flip, where a refine budget is left, fitness is the distance. Papers count iterations: here these are
generations put to the victim, the initial one included, reported as `published_steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import limits
from brinkmap.agents.protocol import Oracle
from brinkmap.agents.susceptibility import Everywhere, Prior, Region, Traced
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["OnePixelAttack", "constrained"]

TRUST = 0.9
"""How often a value begins at the end of its range that a prior points to."""
FLIPPED = -1e6
"""Added to a distance, so that any candidate that meets the criterion is fitter than any that does not."""


@final
@dataclass(frozen=True)
class OnePixelAttack:
    """Differential evolution of one pixel, or a few; owns its loop, unnatural."""

    prior: Prior = field(default_factory=Everywhere)
    """Where the initial population may lie."""
    pixels: int = 1
    """How many are changed together."""
    population: int = 100
    """Candidates a generation; Su et al. have 400, for budgets of 40,000."""
    weight: float = 0.5
    """Of the difference that is added to a parent, F in the paper; there is no crossover."""
    needs_scores: bool = True

    def __post_init__(self) -> None:
        if self.pixels < 1:
            raise InputError(f"pixels: expected at least 1, got {self.pixels}.")
        if self.population < 4:
            raise InputError(f"population: expected at least 4, which a difference needs, got {self.population}.")

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Evolve until the criterion is met or the budget is spent."""
        oracle.published_steps = 0
        space = _Space.of(oracle, sample, run, self.pixels)
        genes = space.drawn(self.prior.region(oracle, sample, label), self.population)
        oracle.published_steps = 1
        fitness = space.fitness(genes)
        while True:  # until the oracle raises BudgetSpent
            children = space.within(self._children(genes, oracle.rng))
            oracle.published_steps += 1
            theirs = space.fitness(children)
            better = theirs < fitness
            genes[better], fitness[better] = children[better], theirs[better]

    def _children(self, genes: Floats, rng: np.random.Generator) -> Floats:
        """(n, pixels, rank + c) x1 + F (x2 - x3) for three different members, none of them the parent that is met."""
        n = len(genes)
        drawn = np.argsort(rng.random((n, n - 1)), axis=1)[:, :3]
        one, two, three = (drawn + (drawn >= np.arange(n)[:, None])).T
        children: Floats = genes[one] + self.weight * (genes[two] - genes[three])
        return children


def constrained() -> OnePixelAttack:
    """The same, begun where a few dozen queries of the run's own filters say that the victim is weak; all counted.

    A prior that reads a network instead is given from Python or a file: `OnePixelAttack(prior=SmoothGrad(net))`.
    """
    return OnePixelAttack(prior=Traced())


@dataclass(frozen=True)
class _Space:
    """Genes of one sample and the images they stand for: for each pixel its place, then its value on 0..1."""

    oracle: Oracle
    sample: Array
    pixels: int
    max_l2: float
    max_linf: float

    @classmethod
    def of(cls, oracle: Oracle, sample: Array, run: Run, pixels: int) -> _Space:
        return cls(oracle, sample, pixels, *limits(oracle, run))

    @property
    def _extent(self) -> np.ndarray:
        return np.array(self.sample.shape[1:])

    def drawn(self, region: Region, count: int) -> Floats:
        """An initial population: places evenly from the region, values from a wide normal, as the paper has them."""
        rng, channels = self.oracle.rng, len(self.sample)
        places = np.argwhere(region.allowed)
        picked = places[rng.integers(len(places), size=(count, self.pixels))]
        values = np.clip(rng.normal(0.5, 0.5, (count, self.pixels, channels)), 0, 1)
        if region.downhill is not None:
            ends = region.downhill[:, *np.moveaxis(picked, 2, 0)] > 0  # (c, n, pixels)
            told = rng.random(values.shape) < TRUST
            values = np.where(told, np.moveaxis(ends, 0, 2), values)
        return np.concatenate([picked + rng.random(picked.shape), values], axis=2)

    def within(self, children: Floats) -> Floats:
        """Children with what has left its range drawn anew."""
        top = np.concatenate([self._extent, np.ones(len(self.sample))])
        anew = self.oracle.rng.random(children.shape) * top
        return np.where((children >= 0) & (children < top), children, np.minimum(anew, np.nextafter(top, 0)))

    def fitness(self, genes: Floats) -> Floats:
        """(n,) the margin in nats, or once the criterion is met the distance; the less the fitter.

        Asked one by one: what is asked after a flip would be paid for and of no use. Samples under attack are pooled
        into batches all the same.
        """
        images = self.images(genes)
        margins = np.concatenate([self.oracle.margins(self.oracle.ask(one[None])) for one in images]).astype(np.float64)
        low, high = self.oracle.bounds
        change = (images.astype(np.float64) - self.sample).reshape(len(images), -1) / (high - low)
        return np.where(margins < 0, FLIPPED + np.linalg.norm(change, axis=1), margins)

    def images(self, genes: Floats) -> Array:
        """(n, c, *extent) float32 in the victim's own units, within the run's distances."""
        low, high = self.oracle.bounds
        rank, n = len(self._extent), len(genes)
        places: Ints = np.minimum(genes[..., :rank].astype(np.int64), self._extent - 1)
        images = np.repeat(self.sample[None], n, axis=0)
        clean = self.sample.reshape(len(self.sample), -1).astype(np.float64)
        flat = images.reshape(n, len(self.sample), -1)
        where = np.ravel_multi_index(tuple(np.moveaxis(places, 2, 0)), tuple(self._extent))  # (n, pixels)
        before = (np.moveaxis(clean[:, where], 0, 2) - low) / (high - low)  # (n, pixels, c)
        change = np.clip(genes[..., rank:] - before, -self.max_linf, self.max_linf)
        length = np.sqrt((change**2).sum(axis=(1, 2), keepdims=True))
        change *= np.minimum(1, self.max_l2 / np.maximum(length, 1e-30))
        values = np.clip((before + change) * (high - low) + low, low, high).astype(np.float32)
        rows = np.arange(n)
        for pixel in range(self.pixels):  # the later of two at one place is the one that counts
            flat[rows, :, where[:, pixel]] = values[:, pixel]
        return images
