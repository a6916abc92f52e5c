"""SimBA: one direction after another, a step up and a step down it, and what lowers the margin is kept.

Source: Guo et al. 2019, arXiv:1905.07121, algorithm 1, written from the paper for samples of any rank. What is ours:

- The criterion's margin stands for the probability of the label, so that every criterion can be attacked; untargeted
  that is the log-probability against the best other class's, which float32 does not round away near 1.
- The paper has no bound but the number of steps. Where the run has one, the sum of all steps is brought back within it,
  scaled in L2 and clipped in Linf, before the victim is asked; so steps go on at the bound and shorten earlier ones.
- Once all directions have been tried they are tried again; the paper ends there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.leeway import Leeway

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["Basis", "SimbaAttack", "cosines", "pixels", "simba_dct"]

Basis = Callable[[tuple[int, ...], np.random.Generator], Iterator[Floats]]
"""From `(c, *extent)` to orthonormal directions of that shape, each once, in the order they are to be tried in."""

FIRST = 28
"""Frequencies of each axis that are free at first, or an eighth of them all where that is more: an eighth of 224, the
paper's size. Of small samples an eighth is too little: on CIFAR-10, 4 x 4 cost 152 queries where 28 x 28 cost 109."""


def pixels(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[Floats]:
    """Single values of single channels, in random order."""
    for position in rng.permutation(math.prod(shape)):
        direction = np.zeros(shape)
        direction.flat[position] = 1.0
        yield direction


def cosines(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[Floats]:
    """Cosines over all axes of single channels: the lowest frequencies in random order, then a wider box of them ..."""
    from scipy.fft import idctn

    channels, *extent = shape
    free = [0] * len(extent)
    for parts in range(4, 33):  # section 4.1: an eighth, then 1/32 more each time
        wider = [min(n, max(math.ceil(n * parts / 32), FIRST * parts // 4)) for n in extent]
        new = np.ones(wider, bool)
        new[tuple(map(slice, free))] = False
        frequencies = np.argwhere(new)
        for one in rng.permutation(channels * len(frequencies)):
            spectrum, direction = np.zeros(extent), np.zeros(shape)
            spectrum[tuple(frequencies[one // channels])] = 1.0
            direction[one % channels] = idctn(spectrum, norm="ortho")
            yield direction
        free = wider


@final
@dataclass(frozen=True)
class SimbaAttack:
    """SimBA: steps along single values, up or down, each kept if it helps; with or without a bound, owns its loop."""

    basis: Basis = pixels
    """The directions; `cosines` makes it SimBA-DCT."""
    step: float = 0.2
    """Length of a step, epsilon in the paper."""
    needs_scores: bool = True

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Search until the criterion is met or the budget is spent."""
        leeway = Leeway.of(oracle, sample, run)
        change, margin = leeway.none, leeway.clean_margin
        while margin >= 0:
            for direction in self.basis(sample.shape, oracle.rng):
                change, margin = self._try(leeway, change, margin, direction)
                if margin < 0:
                    return

    def _try(self, leeway: Leeway, change: Floats, margin: float, direction: Floats) -> tuple[Floats, float]:
        """The change and its margin after one direction has been tried up, and down if up was of no use."""
        for signed in (self.step, -self.step):
            candidate = leeway.project(change + signed * direction)
            now = leeway.margin(candidate)
            if now < margin:
                return candidate, now
        return change, margin


def simba_dct() -> SimbaAttack:
    """SimBA along cosines, the lowest frequencies first; with or without a bound, owns its loop, unnatural."""
    return SimbaAttack(basis=cosines)
