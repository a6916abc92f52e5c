"""Samples moved against the network before it is fitted, for models of victims that were made robust.

What a robust victim says hardly changes close to a sample, so that its answers say little of its gradients; a network
that is itself robust has gradients like it, whatever it was fitted to (docs/design/0011-robust-models.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

__all__ = ["moved_against"]

STEP = 1.25
"""Length of the step along the gradient, of the distance allowed."""
TINY = 1e-12


def moved_against(images: Tensor, l2: float, rng: np.random.Generator, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """Images (n, c, *extent) on the scale 0..1, each moved by up to `l2` to where the loss is higher.

    A random direction first, then one step along the gradient there.

    Args:
        images: what is moved.
        l2: how far at most.
        rng: draws the directions.
        loss: of images, summed over them.

    Source: Wong, Rice & Kolter 2020, Fast is better than free, arXiv:2001.03994, in L2.
    """
    share = torch.from_numpy(rng.random(len(images), np.float32))
    drawn = _unit(torch.from_numpy(rng.standard_normal(images.shape, np.float32)))
    first = drawn * _each(share, images) * l2
    start = (images + first).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(start), start)
    change = first + STEP * l2 * _unit(gradient)
    far = _each(change.flatten(1).norm(dim=1), images)
    return (images + change * (l2 / far.clamp(min=l2))).clamp(0, 1)


def _unit(directions: Tensor) -> Tensor:
    """Each of length 1."""
    return directions / (_each(directions.flatten(1).norm(dim=1), directions) + TINY)


def _each(numbers: Tensor, images: Tensor) -> Tensor:
    """Numbers (n,) so that they multiply images (n, c, *extent)."""
    return numbers.view(-1, *[1] * (images.dim() - 1))
