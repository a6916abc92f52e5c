"""P-RGF: gradients estimated from queries, along random directions that lean towards a surrogate's gradient.

Source: Cheng et al. 2019, arXiv:1906.06919; written from the paper, for samples of any rank. Its two optimal
coefficients, with and without a subspace, are one here: both depend only on the ratio of the squared slope along the
prior to that across it in the space that random directions are drawn from, so that the gradient's own length, which
the paper measures, is not needed.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import check_unrounded
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.transfer import Ball, check_l2, unit

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.run import Run

__all__ = ["PriorGuidedAttack", "best_share"]

MEASURED, MEASURE_EVERY = 10, 10
"""Directions that the slope across the prior is measured along, once in so many steps (S of the paper)."""
NOTHING = 1e-4
"""A prior of which less than this share is left along the ball has nothing more to say."""


@final
@dataclass(frozen=True)
class PriorGuidedAttack:
    """P-RGF within an L2 bound: normalised descent of the margin along estimated gradients; owns its loop."""

    surrogate: nn.Module
    """A network from samples on 0..1, `(n, c, *extent)`, to logits."""
    directions: int = 10
    """Random directions a step, q in the paper, which has 50 for budgets of 10,000; 10 is better for one of 200."""
    tile: int = 1
    """Side of the boxes that random directions are constant over, the paper's data-dependent prior; 1 for none."""
    stride: float = 0.35
    """Length of a step as a share of the bound; the paper has about .12, which a budget of 200 has no time for."""
    probe: float = 1e-4
    """Root mean square of the changes that slopes are measured with, sigma in the paper by the root of the size."""
    needs_scores: bool = True

    def check(self, run: Run) -> None:
        """That there is an L2 ball to search, and that small differences can be measured.

        Raises:
            InputError: there is no L2 bound, or samples are rounded before the victim sees them.
        """
        check_l2("prgf", run)
        check_unrounded("prgf", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Search until the criterion is met or the budget is spent."""
        ball = Ball.around(oracle, sample)
        point, margin = ball.clean, float(oracle.margins(oracle.answer[None])[0])
        across = 0.0
        for step in itertools.count():  # until the oracle raises BudgetSpent
            prior = _unblocked(ball.slope(self.surrogate, point), point - ball.clean, ball.radius)
            along = self._slopes(ball, point, margin, prior[None])[0] if prior.any() else 0.0
            if step % MEASURE_EVERY == 0:
                slopes = self._slopes(ball, point, margin, self._across(ball, prior, MEASURED))
                across = self._dimension(ball) * float(np.mean(slopes**2))
            share = best_share(along**2, across, self._dimension(ball), self.directions)
            gradient = along * prior if share == 1 else self._gradient(ball, point, margin, prior, share)
            point = ball.project(point - self.stride * ball.radius * unit(gradient))
            margin = float(ball.ask(point[None])[0])

    def _gradient(self, ball: Ball, point: Floats, margin: float, prior: Floats, share: float) -> Floats:
        """The mean of directions weighted with the slopes along them."""
        drawn = self._across(ball, prior, self.directions)
        leaning = math.sqrt(share) * prior + math.sqrt(1 - share) * drawn
        slopes = self._slopes(ball, point, margin, leaning)
        return np.asarray(np.tensordot(slopes, leaning, axes=1) / len(slopes))

    def _slopes(self, ball: Ball, point: Floats, margin: float, directions: Floats) -> Floats:
        """(k,) nats per unit of L2 along unit directions (k, c, *extent), from one query each."""
        sigma = self.probe * math.sqrt(point.size)
        return (ball.ask(point + sigma * directions) - margin) / sigma

    def _across(self, ball: Ball, prior: Floats, count: int) -> Floats:
        """(count, c, *extent) random unit directions, constant over tiles, without what lies along the prior."""
        channels, *extent = prior.shape
        drawn = ball.oracle.rng.standard_normal((count, channels, *(-(-n // self.tile) for n in extent)))
        for axis, n in enumerate(extent, 2):
            drawn = np.repeat(drawn, self.tile, axis=axis).take(range(n), axis=axis)
        return np.stack([unit(one - np.vdot(one, prior) * prior) for one in drawn])

    def _dimension(self, ball: Ball) -> int:
        """Of the space across the prior that directions are drawn from."""
        channels, *extent = ball.clean.shape
        return max(1, min(channels * math.prod(-(-n // self.tile) for n in extent), ball.clean.size - 1))


def _unblocked(slope: Floats, change: Floats, radius: float) -> Floats:
    """The unit direction of a slope; on the ball's surface, of what can be followed along it, zero where nothing can.

    Without this a surrogate that is trusted wholly holds the search for ever at the point that it likes best.
    """
    outward = unit(change)
    if np.linalg.norm(change) < 0.999 * radius:
        return unit(slope)
    along = slope - np.vdot(slope, outward) * outward
    return unit(along) if np.linalg.norm(along) > NOTHING * np.linalg.norm(slope) else np.zeros_like(slope)


def best_share(along: float, across: float, dimension: int, directions: int) -> float:
    """The weight of the prior that brings the estimate nearest to the gradient: the paper's lambda.

    It maximises (g'Cg)^2 / ((1 - 1/q) g'CCg + g'Cg / q), where C is the mean of the drawn directions' outer products.

    Args:
        along: squared slope along the prior.
        across: squared length of the gradient within the space that random directions are drawn from.
        dimension: of that space.
        directions: drawn for an estimate.

    >>> best_share(0.0, 1.0, 100, 10), best_share(1.0, 1.0, 100, 10), round(best_share(0.05, 1.0, 100, 10), 3)
    (0.0, 1.0, 0.065)
    """
    if along * (dimension + 2 * directions - 2) <= across:
        return 0.0
    if along * dimension >= across * (2 * directions - 1):
        return 1.0
    ratio = along / across
    top = 1 - ratio * (dimension + 2 * directions - 2)
    return top / (1 + (ratio * dimension) ** 2 - 2 * ratio * (directions + dimension * directions - 1))
