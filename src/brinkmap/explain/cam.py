"""Class activation maps: what the channels of one layer see, weighted by what each is worth to the class.

The layer's resolution is that of the map, which is then joined linearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.explain.fills import Fill, Flat
from brinkmap.explain.gradients import filled
from brinkmap.explain.layers import Opened, opened
from brinkmap.explain.network import Network, no_gradient
from brinkmap.explain.white_box import chunks, one_by_one

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AblationCAM", "GradCAM", "ScoreCAM"]

JOINED = {1: "linear", 2: "bilinear", 3: "trilinear"}
"""What torch calls linear interpolation along so many axes."""


@final
@dataclass(frozen=True)
class GradCAM:
    """Each channel counts by the mean gradient of the class's logit with respect to it; no value below 0 is kept.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.
    """

    layer: str | None = None
    """Whose channels, as `named_modules` names it; None for where the last convolution leads (see `layers`)."""
    name: str = "grad-cam"

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 maps from 0 up, as `WhiteBox.maps`; nothing is random.

        Raises:
            InputError: there is no such layer, or none that a map can be made of.
        """
        import torch

        def explain(sample: Tensor, target: int, _: np.random.Generator) -> Floats:
            at = opened(network, sample, target, self.layer)
            held = at.answer.requires_grad_()
            with torch.enable_grad(), at.answering(held):
                score = network.scores(sample, target).sum()
            if not score.requires_grad:
                raise no_gradient()
            (slope,) = torch.autograd.grad(score, held)
            return _joined(slope.flatten(2).mean(dim=2)[0], held, sample)

        return one_by_one(network, samples, targets, rngs, explain)


@final
@dataclass(frozen=True)
class AblationCAM:
    """Each channel counts by the share of the class's logit that is lost where it is all 0; no value below 0 is kept.

    The share is of the logit's size: the paper divides by the logit itself, and thinks of logits above 0.

    Source: Ramaswamy & Desai 2020, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
    Localization" (WACV).
    """

    layer: str | None = None
    """As for `GradCAM`."""
    name: str = "ablation-cam"

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 maps from 0 up, as `WhiteBox.maps`; a forward pass a channel, nothing is random.

        Raises:
            InputError: as `GradCAM.maps`.
        """
        import torch

        def explain(sample: Tensor, target: int, _: np.random.Generator) -> Floats:
            with torch.no_grad():
                at = opened(network, sample, target, self.layer)
                left = [_ablated(network, at, rows, sample, target) for rows in chunks(at.channels, sample)]
                size = at.score.abs().clamp(min=torch.finfo(at.score.dtype).tiny)
                lost = (at.score - torch.cat(left)) / size
                return _joined(lost, at.answer, sample)

        return one_by_one(network, samples, targets, rngs, explain)


@final
@dataclass(frozen=True)
class ScoreCAM:
    """Each channel counts by the class's chance where only what it sees is shown; no value below 0 is kept.

    Source: Wang et al. 2020, arXiv:1910.01279, as in the authors' code: chances after the softmax, and channels that
    are the same everywhere left out.
    """

    layer: str | None = None
    """As for `GradCAM`."""
    fill: Fill = field(default_factory=Flat)
    """What is shown elsewhere; the authors' is the mean of normalised pictures."""
    name: str = "score-cam"

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """(n, *extent) float64 maps from 0 up, as `WhiteBox.maps`; a forward pass a channel, nothing is random.

        Raises:
            InputError: as `GradCAM.maps`.
        """
        import torch

        def explain(sample: Tensor, target: int, _: np.random.Generator) -> Floats:
            with torch.no_grad():
                at = opened(network, sample, target, self.layer)
                hidden, chances = filled(network, self.fill, sample), []
                for rows in chunks(at.channels, sample):
                    seen, told = _masks(at.answer[0, rows.start : rows.stop], sample)
                    logits = network.logits(hidden + seen * (sample - hidden))
                    chances.append(logits.softmax(dim=1)[:, target] * told)
                return _joined(torch.cat(chances), at.answer, sample)

        return one_by_one(network, samples, targets, rngs, explain)


def _ablated(network: Network, at: Opened, rows: range, sample: Tensor, target: int) -> Tensor:
    """(rows,) the class's logit with one channel after the other at 0."""
    without = at.answer.repeat(len(rows), *[1] * (sample.dim() - 1))
    without[range(len(rows)), rows] = 0
    with at.answering(without):
        return network.scores(sample.repeat(len(rows), *[1] * (sample.dim() - 1)), target)


def _masks(channels: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
    """(k, 1, *extent) what channels (k, *coarse) see, on 0..1; (k,) whether each tells places apart at all."""
    seen = _interpolated(channels[:, None], sample)
    flat = seen.flatten(1)
    low, high = (one.reshape(-1, *[1] * (seen.dim() - 1)) for one in (flat.amin(dim=1), flat.amax(dim=1)))
    told = (high > low).flatten()
    return (seen - low) / (high - low).where(high > low, 1), told


def _joined(weights: Tensor, answer: Tensor, sample: Tensor) -> Floats:
    """(*extent) the weighted sum of channels (1, k, *coarse), none of it below 0."""
    import torch

    coarse = torch.einsum("k,nk...->n...", weights, answer.detach())[:, None].relu()
    return np.asarray(_interpolated(coarse, sample)[0, 0].double().cpu().numpy())


def _interpolated(coarse: Tensor, sample: Tensor) -> Tensor:
    """(n, k, *coarse) at the sample's extent."""
    from torch.nn import functional

    extent = tuple(sample.shape[2:])
    return functional.interpolate(coarse, size=extent, mode=JOINED[len(extent)], align_corners=False)
