"""Explainers that follow the gradient of a class's logit down to the sample; they need no certain layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.susceptibility import slopes
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError, MissingExtra
from brinkmap.explain.fills import Fill, Flat, Level
from brinkmap.explain.network import Network
from brinkmap.explain.white_box import chunks, one_by_one

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["GradientTimesInput", "IntegratedGradients", "SmoothGrad", "filled"]


@final
@dataclass(frozen=True)
class GradientTimesInput:
    """How a class's logit changes with each value, times how far that is from a baseline, summed over channels.

    Source: Shrikumar et al. 2016, arXiv:1605.01713, section 3.2; their baseline is 0.
    """

    baseline: Fill = field(default_factory=Level)
    name: str = "gradient-times-input"

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 signed maps, as `WhiteBox.maps`; nothing is random."""

        def explain(sample: Tensor, target: int, _: np.random.Generator) -> Floats:
            slope = slopes(lambda given: network.scores(given, target), sample)
            distance = (sample - filled(network, self.baseline, sample)).double().cpu().numpy()
            return np.asarray((slope * distance)[0].sum(axis=0))

        return one_by_one(network, samples, targets, rngs, explain)


@final
@dataclass(frozen=True)
class IntegratedGradients:
    """The gradient along the straight way from a baseline to the sample, times that way, summed over channels.

    A map's sum is by how much the sample's logit is above the baseline's. Needs Captum, whose implementation this is.

    Source: Sundararajan, Taly & Yan 2017, arXiv:1703.01365.
    """

    baseline: Fill = field(default_factory=Flat)
    """Where the way begins: the sample's own mean, or `Level()` for the paper's black."""
    steps: int = 50
    """Places along the way, those of Gauss-Legendre quadrature."""
    name: str = "integrated-gradients"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps: expected at least 1, got {self.steps}.")

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 signed maps, as `WhiteBox.maps`; nothing is random.

        Raises:
            MissingExtra: Captum is not installed.
        """
        try:
            from captum.attr import IntegratedGradients as Captums
        except ImportError as error:
            raise MissingExtra("the explainer integrated-gradients", "explain") from error

        def explain(sample: Tensor, target: int, _: np.random.Generator) -> Floats:
            found = Captums(lambda given: network.scores(given, target)).attribute(
                sample,
                baselines=filled(network, self.baseline, sample),
                n_steps=self.steps,
                internal_batch_size=len(next(chunks(self.steps, sample))),
            )
            return np.asarray(found[0].detach().double().cpu().numpy().sum(axis=0))

        return one_by_one(network, samples, targets, rngs, explain)


@final
@dataclass(frozen=True)
class SmoothGrad:
    """Where a class's logit changes most with the sample, whichever way: the gradient, averaged over noisy copies.

    Without a sign, so that a place that speaks against the class stands out as well.

    Source: Smilkov et al. 2017, arXiv:1706.03825: the mean's absolute value, and the largest over channels.
    """

    copies: int = 25
    noise: float = 0.15
    """Standard deviation, as a share of the victim's bounds; with 0 and one copy this is the plain gradient."""
    name: str = "smoothgrad"

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise InputError(f"copies: expected at least 1, got {self.copies}.")
        if not 0 <= self.noise <= 1:
            raise InputError(f"noise: expected a share of the bounds, 0 to 1, got {self.noise}.")

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 maps from 0 up, as `WhiteBox.maps`; each sample's noise is from its own generator."""
        low, high = network.bounds

        def explain(sample: Tensor, target: int, rng: np.random.Generator) -> Floats:
            total = np.zeros(sample.shape[1:])
            for rows in chunks(self.copies, sample):
                noise = rng.standard_normal((len(rows), *sample.shape[1:]))
                noisy = sample + network.tensor(self.noise * (high - low) * noise)
                total += slopes(lambda given: network.scores(given, target), noisy).sum(axis=0)
            return np.asarray(np.abs(total / self.copies).max(axis=0))

        return one_by_one(network, samples, targets, rngs, explain)


def filled(network: Network, fill: Fill, sample: Tensor) -> Tensor:
    """What a fill makes of a sample (1, c, *extent), likewise."""
    return network.tensor(fill(sample[0].float().cpu().numpy())[None])
