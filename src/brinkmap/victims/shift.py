"""A network for clips that looks at each frame in 2-D and lets some channels see the frame before or after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from brinkmap.errors import InputError

__all__ = ["TemporalShiftNet", "shifted"]

SHIFTED = 4
"""Every so-many-th channel comes from the frame before, as many from the one after; the paper, with wide layers, has
8."""


@final
class TemporalShiftNet(nn.Module):
    """A 2-D residual network over all frames, its channels shifted in time within each block; frames vote at the end.

    Args:
        shape: (c, frames, height, width) of a sample on the scale 0..1.
        classes: how many it tells apart.
        widths: channels of each block; each but the first halves height and width, as the first convolution does.

    Raises:
        InputError: no clip, or pictures too small to be halved so often.

    Source: Lin, Gan & Han 2019, arXiv:1811.08383: residual shift, offline (both directions), average consensus.
    """

    architecture: ClassVar[str] = "temporal-shift"

    def __init__(self, shape: Sequence[int], classes: int, widths: Sequence[int] = (12, 24, 48)) -> None:
        super().__init__()
        if len(shape) != 4:
            raise InputError(f"network: temporal shift takes clips (c, frames, height, width), got {tuple(shape)}.")
        if min(shape[2:]) < 2 ** len(widths):
            raise InputError(
                f"network: {len(widths)} widths halve pictures below {2 ** len(widths)} pixels to nothing, got "
                f"{tuple(shape[2:])}. Give fewer widths."
            )
        self.settings: dict[str, Any] = {
            "shape": [int(n) for n in shape], "classes": int(classes), "widths": [int(n) for n in widths],
        }  # fmt: skip
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], widths[0], 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        pairs = zip([widths[0], *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(_Block(*pair, 2 if number else 1) for number, pair in enumerate(pairs))
        self.head = nn.Linear(2 * widths[-1], classes)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits for samples (n, c, frames, height, width) on 0..1."""
        count, frames = samples.shape[0], samples.shape[2]
        pictures = samples.transpose(1, 2).flatten(0, 1)
        features = self.stem(pictures.contiguous(memory_format=torch.channels_last))  # faster on processors
        for block in self.blocks:
            features = block(features, frames)
        found = features.flatten(2)
        votes = self.head(torch.cat([found.mean(2), found.amax(2)], dim=1))
        return cast("Tensor", votes.unflatten(0, (count, frames)).mean(1))


class _Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.skip = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, features: Tensor, frames: int) -> Tensor:
        return functional.relu(self.path(shifted(features, frames)) + self.skip(features))


def shifted(features: Tensor, frames: int) -> Tensor:
    """The first quarter of the channels from the frame before, the second from the one after, the rest as they are.

    Args:
        features: (n * frames, channels, height, width); nothing crosses from one clip into the next.
        frames: of a clip.
    """
    clips = features.unflatten(0, (-1, frames))
    some = max(1, clips.shape[2] // SHIFTED)
    from_before = functional.pad(clips[:, :-1, :some], (0, 0, 0, 0, 0, 0, 1, 0))
    from_after = functional.pad(clips[:, 1:, some : 2 * some], (0, 0, 0, 0, 0, 0, 0, 1))
    moved = torch.cat([from_before, from_after, clips[:, :, 2 * some :]], dim=2).flatten(0, 1)
    return moved.contiguous(memory_format=torch.channels_last)
