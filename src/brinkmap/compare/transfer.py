"""Transfer with feedback: candidates are made in networks at hand, and the victim says which of them is kept.

The control for every agent that has a model of its victim: the same network, used in the plainest way. Candidates come
from gradient descent with momentum (Dong et al. 2018, arXiv:1710.06081, with L2 steps), and once these no longer help,
from Square. QueryNet (Chen et al. 2021, arXiv:2105.15010) also lets its networks learn from the answers and choose
among squares; these do neither: a poor network's choice of squares was worse than none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import ROUNDING
from brinkmap.agents.protocol import Oracle
from brinkmap.agents.square import _L2, SquareAttack, _side
from brinkmap.arrays import Array, Floats
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from brinkmap.run import Run

__all__ = ["Ball", "SurrogateAttack", "check_l2", "unit"]

RETRY_EVERY = 8
"""Once descent in the surrogates has stopped helping, each so-many-th query tries it again."""
JITTER = 0.3
"""Share of the radius by which a descent that follows a failed one starts beside the incumbent."""
NUDGE = 0.01
"""Relative change of a probability with which a margin's slope is taken; float32 margins are good to 1e-6."""


@final
@dataclass(frozen=True)
class SurrogateAttack:
    """Descent in surrogates, then Square's proposals, accepted or rejected by the victim; owns its loop, unnatural."""

    surrogates: Sequence[nn.Module]
    """Networks from samples on 0..1, `(n, c, *extent)`, to logits; they take turns."""
    steps: int = 10
    """Of each descent."""
    momentum: float = 1.0
    patience: int = 2
    """Descents in a row, for each surrogate, that may fail before squares take over."""
    needs_scores: bool = True

    def check(self, run: Run) -> None:
        """That there is an L2 ball to search and a surrogate to search it with.

        Raises:
            InputError: one of them is missing.
        """
        check_l2("transfer", run)
        if not self.surrogates:
            raise InputError("transfer: expected at least one surrogate, got none. Give trained torch modules.")

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Search until the criterion is met or the budget is spent."""
        ball = Ball.around(oracle, sample)
        squares = _L2(ball.clean, ball.radius, oracle.rng)
        best, margin = ball.clean, float(oracle.margins(oracle.answer[None])[0])
        failures = tried = 0
        for turn in itertools.count():  # until the oracle raises BudgetSpent
            descends = failures < self.patience * len(self.surrogates) or turn % RETRY_EVERY == 0
            if descends:
                start = ball.project(best + ball.random_direction() * ball.radius * JITTER) if failures else best
                proposal = self._descend(ball, start, self.surrogates[tried % len(self.surrogates)])
                tried += 1
            else:
                share = SquareAttack()._share_at(run.budget - oracle.remaining, run.budget)
                proposal = squares.step(best, _side(share, best.shape))
            now = float(ball.ask(proposal[None])[0])
            failures = failures if not descends else 0 if now < margin else failures + 1
            if now < margin:
                best, margin = proposal, now

    def _descend(self, ball: Ball, start: Floats, surrogate: nn.Module) -> Floats:
        """Where descent in one surrogate leads; its steps could cross the ball."""
        point, velocity = start, np.zeros_like(start)
        for _ in range(self.steps):
            slope = ball.slope(surrogate, point)
            velocity = self.momentum * velocity + slope / (np.abs(slope).sum() + 1e-12)  # L1, as in the paper
            point = ball.project(point - unit(velocity) * ball.radius * 2 / self.steps)
        return point


@dataclass(frozen=True)
class Ball:
    """What may be asked about one sample: points on 0..1 within a radius of it, and what victim and networks answer."""

    oracle: Oracle
    clean: Floats
    radius: float

    @classmethod
    def around(cls, oracle: Oracle, sample: Array) -> Ball:
        """The ball of the run's bound, with room for float32."""
        low, high = oracle.bounds
        assert oracle.max_l2 is not None  # `check_l2` has seen to it
        return cls(oracle, (sample.astype(np.float64) - low) / (high - low), oracle.max_l2 * (1 - ROUNDING))

    def project(self, point: Floats) -> Floats:
        """Scaled back to the radius, then clipped: clipping only brings a point nearer to the clean sample."""
        change = point - self.clean
        length = float(np.linalg.norm(change))
        return np.clip(self.clean + change * min(1.0, self.radius / (length + 1e-12)), 0, 1)

    def random_direction(self) -> Floats:
        """Of unit length, any as likely as any other."""
        return unit(self.oracle.rng.standard_normal(self.clean.shape))

    def ask(self, points: Floats) -> Floats:
        """(k,) the victim's margins in nats for points (k, c, *extent); paid for."""
        low, high = self.oracle.bounds
        answers = self.oracle.ask((points * (high - low) + low).astype(np.float32))
        return self.oracle.margins(answers).astype(np.float64)

    def slope(self, surrogate: nn.Module, point: Floats) -> Floats:
        """The gradient of a surrogate's margin at one point, zero where it has none; costs no query.

        The network sees a batch of just this sample, so that the result does not depend on what else is attacked.
        """
        import torch

        given = _tensor(surrogate, point)
        # float64: float32 loses the small probabilities that a margin may be about
        logs = surrogate.eval()(given).double().log_softmax(dim=1)
        classes = len(self.oracle.answer)
        if logs.shape != (1, classes):
            raise InputError(f"surrogate: expected logits of shape (1, {classes}), got {tuple(logs.shape)}.")
        # The criterion is any function of probabilities: its slope is taken class by class, without a query.
        nudged = np.repeat(logs.detach().exp().cpu().numpy(), classes + 1, axis=0)
        nudged[np.arange(1, classes + 1), np.arange(classes)] *= 1 + NUDGE
        margins = self.oracle.margins(nudged.astype(np.float32)).astype(np.float64)
        weights = torch.from_numpy((margins[1:] - margins[0]) / np.log1p(NUDGE)).to(logs.device)
        (gradient,) = torch.autograd.grad((logs[0] * weights).sum(), given)
        slope: Floats = gradient[0].double().cpu().numpy()
        return slope if np.isfinite(slope).all() else np.zeros_like(self.clean)


def check_l2(name: str, run: Run) -> None:
    """That the run has an L2 bound and no other.

    Raises:
        InputError: it has not.
    """
    if run.l2_bounds == (None,) or run.max_linf is not None:
        raise InputError(f"{name}: needs an L2 bound and no other. Give max_l2 and leave max_linf out.")


def unit(values: Floats) -> Floats:
    """Of unit length; zero stays zero."""
    return values / (np.linalg.norm(values) + 1e-30)


def _tensor(surrogate: nn.Module, point: Floats) -> Tensor:
    """The point as a batch of one that gradients are taken for, where and as the surrogate's parameters are."""
    import torch

    weight = next((one for one in surrogate.parameters() if one.is_floating_point()), torch.empty(0))
    batch: Tensor = torch.tensor(point[None], dtype=weight.dtype, device=weight.device)
    return batch.requires_grad_()
