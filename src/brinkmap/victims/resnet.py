"""A compact residual network of our own, the same for signals, pictures and clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from brinkmap.errors import InputError

__all__ = ["SmallResNet"]

LAYERS: dict[int, tuple[type[nn.Module], type[nn.Module]]] = {
    1: (nn.Conv1d, nn.BatchNorm1d), 2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)
}  # fmt: skip
"""Convolution and normalisation of each rank."""


@final
class SmallResNet(nn.Module):
    """One residual block a width, each but the first halving every axis; the mean and the maximum over what is left.

    Args:
        shape: (c, *extent) of a sample on the scale 0..1.
        classes: how many it tells apart.
        widths: channels of each block.
        kernel: values along each axis that a convolution sees, odd; the first one sees twice as many and one more.
        stride: of the first convolution, along every axis.

    Raises:
        InputError: an even kernel, or an extent too small to be halved so often.

    Source: He et al. 2016, arXiv:1512.03385; along time as in Wang, Yan & Oates 2017, arXiv:1611.06455.
    """

    architecture: ClassVar[str] = "small-resnet"

    def __init__(
        self, shape: Sequence[int], classes: int, widths: Sequence[int] = (16, 24, 32, 48), kernel: int = 7,
        stride: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        channels, *extent = shape
        if kernel % 2 == 0:
            raise InputError(f"network: expected an odd kernel, got {kernel}.")
        if min(extent) < stride * 2 ** (len(widths) - 1):
            raise InputError(
                f"network: {len(widths)} widths and a stride of {stride} need at least "
                f"{stride * 2 ** (len(widths) - 1)} values an axis, got {extent}. Give fewer widths."
            )
        self.settings: dict[str, Any] = {
            "shape": [int(n) for n in shape], "classes": int(classes), "widths": [int(n) for n in widths],
            "kernel": int(kernel), "stride": int(stride),
        }  # fmt: skip
        convolution, norm = LAYERS[len(extent)]
        self.stem = nn.Sequential(
            convolution(channels, widths[0], 2 * kernel + 1, stride=stride, padding=kernel, bias=False),
            norm(widths[0]),
            nn.ReLU(),
        )
        before = [widths[0], *widths[:-1]]
        self.blocks = nn.Sequential(
            *(
                _Block(len(extent), *pair, kernel, 1 if first else 2)
                for first, pair in zip([True] + [False] * len(widths), zip(before, widths, strict=True), strict=False)
            )
        )
        self.head = nn.Linear(2 * widths[-1], classes)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits for samples (n, c, *extent) on 0..1."""
        features = self.blocks(self.stem(samples)).flatten(2)
        return cast("Tensor", self.head(torch.cat([features.mean(2), features.amax(2)], dim=1)))


class _Block(nn.Module):
    def __init__(self, rank: int, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        convolution, norm = LAYERS[rank]
        self.path = nn.Sequential(
            convolution(before, after, kernel, stride=stride, padding=kernel // 2, bias=False), norm(after), nn.ReLU(),
            convolution(after, after, kernel, padding=kernel // 2, bias=False), norm(after),
        )  # fmt: skip
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.skip = nn.Sequential(convolution(before, after, 1, stride=stride, bias=False), norm(after))

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.path(features) + self.skip(features))
