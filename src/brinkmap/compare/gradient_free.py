"""NES and Bandits: descent of the margin along gradients that are estimated from queries alone.

Written from the papers for samples of any rank; both are given an L2 or a Linf bound and step at its scale. Departures
that both share: the loss is the criterion's margin, not the cross-entropy of the label, and the look at a step's result
is a query like every other, which the authors' code does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import check_one_bound, check_unrounded
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.leeway import Leeway
from brinkmap.compare.transfer import unit

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = [
    "IN_L2", "IN_LINF", "BanditsAttack", "NESAttack", "Pace", "additive", "descend", "estimate", "exponentiated",
    "learned", "stride_at",
]  # fmt: skip

Drawn = Callable[[np.random.Generator], Floats]
LAST = 1 - 1e-12
"""How near an exponentiated prior comes to its ends."""


@final
@dataclass(frozen=True)
class NESAttack:
    """NES: steps along a gradient averaged over antithetic random directions, under a bound; owns its loop, unnatural.

    Source: Ilyas et al. 2018, arXiv:1804.08598, algorithm 1 with the whole answer at hand.
    """

    pairs: int = 5
    """Directions a step, each looked along both ways: 25 in the paper; 5 (L2) and 50 (Linf) in that of Bandits."""
    stride: float = 0.06
    """Length of a step as a share of the bound at a budget of 10,000: that of the Bandits paper's L2 runs."""
    sigma: float = 0.001
    """Deviation of what is added to each value, as in the paper."""
    needs_scores: bool = True

    def check(self, run: Run) -> None:
        """That there is one bound to step at the scale of, and that small differences can be measured.

        Raises:
            InputError: no bound or two of them, or samples are rounded before the victim sees them.
        """
        _check("nes", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Descend until the criterion is met or the budget is spent."""
        descend(Leeway.of(oracle, sample, run), self.pairs, self.sigma, stride_at(run.budget, self.stride))


def descend(leeway: Leeway, pairs: int, sigma: float, stride: float, drawn: Drawn | None = None) -> None:
    """Step along estimated gradients until the criterion is met or the budget is spent.

    Args:
        leeway: the sample.
        pairs, sigma, drawn: as for `estimate`.
        stride: length of a step as a share of the bound.
    """
    change, margin = leeway.none, leeway.clean_margin
    while margin >= 0:
        gradient = estimate(leeway, change, pairs, sigma, drawn)
        change = leeway.project(change - stride * leeway.steepest(gradient))
        margin = leeway.margin(change)


def stride_at(budget: int, stride: float) -> float:
    """A step's share of the bound, longer for a smaller budget than the 10,000 it is stated for (ours).

    Along poor estimates a search gets as far as the root of its steps.
    """
    return min(1.0, stride * math.sqrt(10_000 / budget))


def estimate(leeway: Leeway, change: Floats, pairs: int, sigma: float, drawn: Drawn | None = None) -> Floats:
    """The margin's gradient in nats per unit of change, from two queries a pair.

    Args:
        leeway: the sample.
        change: (c, *extent) where the gradient is wanted.
        pairs: directions, each looked along forwards and backwards.
        sigma: deviation of what is added to each value.
        drawn: draws a direction whose values deviate by about 1; Gaussian ones where it is not given.
    """
    total = np.zeros_like(change)
    for _ in range(pairs):
        direction = drawn(leeway.oracle.rng) if drawn else leeway.oracle.rng.standard_normal(change.shape)
        ahead, behind = (leeway.margin(change + way * sigma * direction) for way in (1, -1))
        total += (ahead - behind) / (2 * sigma) * direction
    return total / pairs


def additive(prior: Floats, gradient: Floats, rate: float) -> Floats:
    """The prior moved along a gradient: the paper's rule for L2."""
    return prior + rate * gradient


def exponentiated(prior: Floats, gradient: Floats, rate: float) -> Floats:
    """The prior, whose values lie between -1 and 1, with their odds multiplied: the paper's rule for Linf.

    The rate grows with the number of values (ours): the more there are, the less one slope says of each.
    """
    held = np.clip(prior, -LAST, LAST)  # from the ends themselves there is no way back
    return np.asarray(np.tanh(np.arctanh(held) + rate * prior.size * gradient))


@final
@dataclass(frozen=True)
class Pace:
    """How fast Bandits learns and moves under one kind of bound."""

    learn: Callable[[Floats, Floats, float], Floats]
    """The prior's update: from prior, gradient and rate."""
    rate: float
    """Of that update, eta in the paper."""
    exploration: float
    """Length of what is added to the prior on either side, delta in the paper."""
    probe: float
    """L2 length of the changes that slopes are measured with, epsilon in the paper."""
    stride: float
    """Length of a step as a share of the bound."""


IN_L2 = Pace(additive, rate=0.1, exploration=1.0, probe=0.01, stride=0.2)
"""The paper's, but for exploration (.01, where the first directions drawn outweigh all later ones) and stride (.1):
with these a CIFAR-10 image within L2 1 took 378 of 1,000 queries on average, instead of 161."""
IN_LINF = Pace(exponentiated, rate=1 / 75, exploration=1.0, probe=0.1, stride=0.2)
"""The paper's; its rate of 100 is for 7,500 values, and on a few would leave no memory of earlier probes."""


@final
@dataclass(frozen=True)
class BanditsAttack:
    """Bandits: steps along a gradient learned from step to step on tiles, under a bound; owns its loop, unnatural.

    Source: Ilyas, Engstrom, Madry 2019, arXiv:1807.07978, algorithms 1 to 3, with both priors (Bandits_TD). A step's
    result is looked at only where one of its two probes has met the criterion, from beyond the bound perhaps.
    """

    tiles: int = 50
    """The prior's values along each axis at most, as in the paper; shorter axes have one for each of their own."""
    l2: Pace = IN_L2
    linf: Pace = IN_LINF
    needs_scores: bool = True

    def check(self, run: Run) -> None:
        """As for NES.

        Raises:
            InputError: no bound or two of them, or samples are rounded before the victim sees them.
        """
        _check("bandits", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Descend until the criterion is met or the budget is spent."""
        leeway = Leeway.of(oracle, sample, run)
        pace = self.l2 if run.max_linf is None else self.linf
        sides = [-(-n // self.tiles) for n in sample.shape[1:]]
        prior = np.zeros((len(sample), *(-(-n // side) for n, side in zip(sample.shape[1:], sides, strict=True))))
        change, margin = leeway.none, leeway.clean_margin
        while margin >= 0:
            prior, margin = learned(leeway, change, prior, pace)
            change = leeway.project(change + pace.stride * leeway.steepest(_spread(prior, change.shape)))
            if margin < 0:
                margin = leeway.margin(change)


def learned(leeway: Leeway, change: Floats, prior: Floats, pace: Pace) -> tuple[Floats, float]:
    """The prior after two probes along it, with noise added and taken away, and the lower of their margins.

    Args:
        leeway: the sample.
        change: (c, *extent) where the probes begin.
        prior: (c, *tiles) a guess of where the margin falls.
        pace: how far the probes go, and what is made of them.
    """
    noise = pace.exploration * leeway.oracle.rng.standard_normal(prior.shape) / math.sqrt(prior.size)
    one, other = (
        leeway.margin(change + pace.probe * unit(_spread(guess, change.shape)))
        for guess in (prior + noise, prior - noise)
    )
    fall = (other - one) / (pace.probe * pace.exploration)
    return pace.learn(prior, fall * noise, pace.rate), min(one, other)


def _spread(prior: Floats, shape: tuple[int, ...]) -> Floats:
    """(c, *extent) each tile's value in all of its places."""
    for axis, n in enumerate(shape[1:], 1):
        places = np.arange(n) // -(-n // prior.shape[axis])
        prior = prior.take(places, axis=axis)
    return prior


def _check(name: str, run: Run) -> None:
    check_one_bound(name, run)
    check_unrounded(name, run)
