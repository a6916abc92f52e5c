"""The optimiser that networks are fitted with: Muon for the kernels of convolutions, AdamW for the other weights."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonal"]

QUINTIC, ITERATIONS = (3.4445, -4.7750, 2.0315), 3
"""Coefficients of an iteration that brings singular values near one, and how often it is done."""
MOMENTUM = 0.9
FADING = 2.0
"""How much a kernel's values fade a step, times the rate: otherwise they grow, and steps count for ever less."""
TINY = 1e-7


@final
class Muon(torch.optim.AdamW):
    """Steps of a kernel are made orthogonal: every direction of its gradient counts alike, not the strongest alone.

    With as many answers looked at, the response model's gradient comes out several times as near to the victim's as
    with AdamW alone (docs/design/0004-training.md). Momentum is Nesterov's. torch's own takes matrices only, and
    multiplies them in bfloat16, which processors without it imitate slowly.

    Args:
        net: all of its weights are fitted.
        rate: root mean square of a step of each kernel's values.
        other_rate: AdamW's rate, of all other weights.
        decay: AdamW's, of these.

    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks,
    https://kellerjordan.github.io/posts/muon; steps of one size whatever the shape: Liu et al. 2025, arXiv:2502.16982.
    """

    def __init__(self, net: nn.Module, rate: float, other_rate: float, decay: float) -> None:
        kernels = [one for one in net.parameters() if one.dim() > 2]
        others = [one for one in net.parameters() if one.dim() <= 2]
        super().__init__([{"params": kernels, "lr": rate}, {"params": others, "lr": other_rate}], weight_decay=decay)
        self._full = [group["lr"] for group in self.param_groups]

    def at(self, share: float) -> None:
        """The next steps at this share of the full rates."""
        for group, full in zip(self.param_groups, self._full, strict=True):
            group["lr"] = full * share

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        kernels = self.param_groups[0]
        for kernel in kernels["params"]:
            if kernel.grad is not None:
                kernel.mul_(1 - FADING * kernels["lr"]).sub_(self._turned(kernel), alpha=kernels["lr"])
                kernel.grad = None  # AdamW passes over it
        super().step()

    def _turned(self, kernel: Tensor) -> Tensor:
        """The step of a kernel, of root mean square about 1."""
        state, gradient = self.state[kernel], kernel.grad
        assert gradient is not None
        if not state:
            state |= {"momentum": torch.zeros_like(kernel), "step": torch.zeros(())}  # AdamW wants to find a step
        momentum = state["momentum"].mul_(MOMENTUM).add_(gradient)
        flat = orthogonal((gradient + MOMENTUM * momentum).flatten(1))
        return flat.view_as(kernel) * max(flat.shape) ** 0.5


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix (rows, columns) with the same singular vectors and all singular values near one (Newton and Schulz)."""
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if tall else matrix
    wide = wide / (wide.norm() + TINY)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.T if tall else wide
