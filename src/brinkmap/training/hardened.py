"""Samples moved against the network before it is fitted, for models of victims that were made robust.

What a robust victim says hardly changes close to a sample, so that its answers say little of its gradients; a network
that is itself robust has gradients like it, whatever it was fitted to (docs/design/0011-robust-models.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["moved_against"]

STEP = 1.25
"""Length of the step along the gradient, of the distance allowed."""


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
    share = torch.from_numpy(rng.random((len(images), 1), np.float32))
    drawn = torch.from_numpy(rng.standard_normal(images.shape, np.float32))
    first = share * l2 * functional.normalize(drawn.flatten(1))
    start = (images + first.view_as(images)).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(start), start)
    change = first + STEP * l2 * functional.normalize(gradient.flatten(1))
    far = change.norm(dim=1, keepdim=True)
    return (images + (change * (l2 / far.clamp(min=l2))).view_as(images)).clamp(0, 1)
