"""The response model's network: small, residual, and the same for signals, pictures and clips."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from brinkmap.victims.shift import shifted

__all__ = ["LONGEST", "WIDTHS", "ResponseNet", "averaged", "deepened"]

WIDTHS = (24, 48, 96, 128)
LONGEST = {1: 4096, 2: 64, 3: 64}
"""Values an axis it looks at, for each rank; longer axes are averaged down to that."""
LAST = 8
"""Places an axis has at the last resolution at most: what lies further apart than a network reaches, it cannot relate.
"""


def deepened(widths: tuple[int, ...], extent: Sequence[int]) -> tuple[int, ...]:
    """Widths, the last of them again for each halving more that a long axis of `extent` takes to come down to LAST.

    Pictures need none; a signal of 600 values has three more than a digit. The time axis of clips is not halved.
    """
    longest = min(max(extent[-2:]), LONGEST[len(extent)])
    more = math.ceil(math.log2(max(longest / LAST, 1))) - (len(widths) - 1)
    return widths + widths[-1:] * max(more, 0)


class _Trunk(nn.Module):
    """From samples to their last features, averaged over all places."""

    def __init__(self, channels: int, rank: int, widths: Sequence[int], temporal_shift: bool) -> None:
        super().__init__()
        self.rank, self.temporal_shift = rank, temporal_shift and rank == 3
        planar = min(rank, 2)
        conv = nn.Conv1d if planar == 1 else nn.Conv2d
        norm = nn.BatchNorm1d if planar == 1 else nn.BatchNorm2d
        self.stem = nn.Sequential(conv(channels, widths[0], 3, padding=1, bias=False), norm(widths[0]), nn.ReLU())
        pairs = itertools.pairwise(widths)
        self.stages = nn.Sequential(*[_Block(conv, norm, before, after) for before, after in pairs])

    def seen(self, samples: Tensor) -> Tensor:
        """(n, widths[-1], *places) for samples (n, c, *extent); a clip's frames are places too."""
        if self.rank == 3:
            n, _, time = samples.shape[:3]
            frames = samples.transpose(1, 2).flatten(0, 1)
            return self._looked(frames, time if self.temporal_shift else 1).unflatten(0, (n, time)).transpose(1, 2)
        return self._looked(samples, 1)

    def _looked(self, samples: Tensor, frames: int) -> Tensor:
        samples = (self.shrunk(samples) - 0.5) * 4
        if samples.dim() == 4:
            samples = samples.contiguous(memory_format=torch.channels_last)  # twice as fast on processors
        out: Tensor = self.stem(samples)
        for stage in self.stages:
            out = stage(out, frames)
        return out

    def shrunk(self, samples: Tensor) -> Tensor:
        """Samples, or frames, as small as the network looks at them."""
        extent, longest = samples.shape[2:], LONGEST[self.rank]
        if max(extent) <= longest:
            return samples
        pool = functional.adaptive_avg_pool1d if len(extent) == 1 else functional.adaptive_avg_pool2d
        return pool(samples, [min(side, longest) for side in extent])  # type: ignore[arg-type]


def averaged(places: Tensor) -> Tensor:
    """(n, features) of (n, features, *places): the mean of each picture or frame, then of the frames."""
    if places.dim() < 5:
        return places.flatten(2).mean(dim=2)
    n, _, time = places.shape[:3]
    return places.transpose(1, 2).flatten(0, 1).flatten(2).mean(dim=2).view(n, time, -1).mean(dim=1)


@final
class ResponseNet(_Trunk):
    """Predicts a victim's answer: samples `(n, c, *extent)` on the scale 0..1 to logits `(n, classes)`.

    Clips are looked at frame by frame with the trunk of pictures, and their features averaged over time. In each stage
    some channels come from the frame before and some from the one after, so that motion has a direction; that costs
    no weights and next to no time.

    Members are networks of their own, each fitted by itself, and the answer is the mean of their logits: what one gets
    wrong about a direction the others seldom do, and no more answers are bought for it.

    Args:
        channels: of a sample.
        rank: axes of its extent, 1 to 3.
        classes: how many the victim tells apart.
        widths: channels at each resolution; every one after the first halves the axes.
        temporal_shift: whether neighbouring frames see one another; of no account where there are none. Agents from
            before this was there have it not.
        members: networks whose logits are averaged.

    Source of the shift: Lin, Gan & Han 2019, arXiv:1811.08383.
    """

    def __init__(
        self, channels: int, rank: int, classes: int, widths: Sequence[int] = WIDTHS, temporal_shift: bool = True,
        members: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(channels, rank, widths, temporal_shift)
        self.channels, self.classes, self.widths, self.members = channels, classes, tuple(widths), members
        self.head = nn.Linear(members * widths[-1], classes)
        self.others = nn.ModuleList(_Trunk(channels, rank, widths, temporal_shift) for _ in range(members - 1))

    def places(self, samples: Tensor) -> Tensor:
        """(n, members * widths[-1], *places) what the last layer sees the mean of."""
        return torch.cat([trunk.seen(samples) for trunk in (self, *self.others)], dim=1)

    def features(self, samples: Tensor) -> Tensor:
        """(n, members * widths[-1]) what the last layer sees."""
        return averaged(self.places(samples))

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits."""
        return cast("Tensor", self.head(self.features(samples)))

    def each(self, samples: Tensor) -> Tensor:
        """(members, n, classes) the logits of every member by itself; their mean is what `forward` gives."""
        if self.members == 1:
            return self(samples)[None]
        features = self.features(samples).unflatten(1, (self.members, -1)).transpose(0, 1)
        weights = self.head.weight.unflatten(1, (self.members, -1)).permute(1, 2, 0)
        return torch.baddbmm(self.head.bias, features, weights, alpha=self.members)


class _Block(nn.Module):
    """Two convolutions, the first of which halves the axes, with a way round them.

    Where there are several frames a sample, the convolutions see some channels shifted in time.
    """

    def __init__(self, conv: type, norm: type, before: int, after: int) -> None:
        super().__init__()
        self.straight = nn.Sequential(
            conv(before, after, 3, stride=2, padding=1, bias=False),
            norm(after),
            nn.ReLU(),
            conv(after, after, 3, padding=1, bias=False),
            norm(after),
        )
        self.round = nn.Sequential(conv(before, after, 1, stride=2, bias=False), norm(after))

    def forward(self, values: Tensor, frames: int) -> Tensor:
        seen = shifted(values, frames) if frames > 1 else values
        return functional.relu(self.straight(seen) + self.round(values))
