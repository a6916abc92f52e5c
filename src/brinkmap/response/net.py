"""The response model's network: small, residual, and the same for signals, pictures and clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LONGEST", "WIDTHS", "ResponseNet"]

WIDTHS = (24, 48, 96, 128)
LONGEST = 64
"""Values an axis it looks at; longer axes are averaged down to that, so that one set of weights fits all sizes."""


@final
class ResponseNet(nn.Module):
    """Predicts a victim's answer: samples `(n, c, *extent)` on the scale 0..1 to logits `(n, classes)`.

    Clips are looked at frame by frame with the trunk of pictures, and their features averaged over time.

    Args:
        channels: of a sample.
        rank: axes of its extent, 1 to 3.
        classes: how many the victim tells apart.
        widths: channels of each stage; every stage but the first halves the axes.
    """

    def __init__(self, channels: int, rank: int, classes: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.rank = rank
        planar = min(rank, 2)
        conv = nn.Conv1d if planar == 1 else nn.Conv2d
        norm = nn.BatchNorm1d if planar == 1 else nn.BatchNorm2d
        self.stem = nn.Sequential(conv(channels, widths[0], 3, padding=1, bias=False), norm(widths[0]), nn.ReLU())
        pairs = zip([widths[0], *widths], widths, strict=False)
        self.stages = nn.Sequential(
            *[_Block(conv, norm, before, after, 1 if at == 0 else 2) for at, (before, after) in enumerate(pairs)]
        )
        self.head = nn.Linear(widths[-1], classes)

    def features(self, samples: Tensor) -> Tensor:
        """(n, widths[-1]) what the last layer sees."""
        if self.rank == 3:
            n, _, time = samples.shape[:3]
            frames = samples.transpose(1, 2).flatten(0, 1)
            return self._trunk(frames).view(n, time, -1).mean(dim=1)
        return self._trunk(samples)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits."""
        return cast("Tensor", self.head(self.features(samples)))

    def _trunk(self, samples: Tensor) -> Tensor:
        extent = samples.shape[2:]
        if max(extent) > LONGEST:
            pool = functional.adaptive_avg_pool1d if len(extent) == 1 else functional.adaptive_avg_pool2d
            samples = pool(samples, [min(side, LONGEST) for side in extent])  # type: ignore[arg-type]
        out: Tensor = self.stages(self.stem((samples - 0.5) * 4))
        return out.flatten(2).mean(dim=2)


class _Block(nn.Module):
    """Two convolutions with a way round them."""

    def __init__(self, conv: type, norm: type, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.straight = nn.Sequential(
            conv(before, after, 3, stride=stride, padding=1, bias=False),
            norm(after),
            nn.ReLU(),
            conv(after, after, 3, padding=1, bias=False),
            norm(after),
        )
        same = before == after and stride == 1
        self.round = (
            nn.Identity() if same else nn.Sequential(conv(before, after, 1, stride=stride, bias=False), norm(after))
        )

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(self.straight(values) + self.round(values))
