"""All answers paid for so far: kept on disk as plans, and in memory as the network looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Ints
from brinkmap.plan import Canvas
from brinkmap.response.net import ResponseNet
from brinkmap.training.samples import Variants

__all__ = ["LEAST_LOG_PROBABILITY", "Answers", "Replay", "rendered", "small"]

LEAST_LOG_PROBABILITY = -20.0
"""Log-probabilities below are as good as this: what is left of them is rounding."""
AT_ONCE = 32


@dataclass
class Answers:
    """Answers bought, in the order in which they came."""

    numbers: list[int] = field(default_factory=list)
    """Of the variants asked about."""
    codes: list[Ints] = field(default_factory=list)
    """(cells,) int16 each: the plan."""
    log_probabilities: list[Array] = field(default_factory=list)
    """(classes,) float16 each."""
    images: list[Tensor] = field(default_factory=list)
    """(n, c, *extent) float16 each, as small as the network looks at them."""

    def __len__(self) -> int:
        """How many."""
        return len(self.numbers)

    def add(self, numbers: Sequence[int], codes: Ints, log_probabilities: Array, images: Tensor) -> None:
        """Take in some more."""
        self.numbers += numbers
        self.codes += list(codes.astype(np.int16))
        self.log_probabilities += list(np.maximum(log_probabilities, LEAST_LOG_PROBABILITY).astype(np.float16))
        self.images.append(images)

    def save(self, path: Path) -> None:
        """Write them as (variant, plan, log-probabilities), never as values, whole or not at all."""
        part = path.with_suffix(".part.npz")
        np.savez_compressed(
            part,
            numbers=np.array(self.numbers, np.int64),
            codes=np.array(self.codes, np.int16),
            log_probabilities=np.array(self.log_probabilities, np.float16),
        )
        part.replace(path)


class Replay:
    """The images and answers that the network is fitted to; when memory is full the oldest make room.

    Args:
        capacity: answers held.
        shape: of one image as the network looks at it.
        classes: of the victim.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], classes: int) -> None:
        self._images = torch.empty((capacity, *shape), dtype=torch.float16)
        self._targets = torch.empty((capacity, classes))
        self.seen = 0

    def __len__(self) -> int:
        """How many are held."""
        return min(self.seen, len(self._images))

    def add(self, images: Tensor, log_probabilities: Tensor) -> None:
        """Take in some more."""
        places = torch.arange(self.seen, self.seen + len(images)) % len(self._images)
        self._images[places], self._targets[places] = images, log_probabilities.float()
        self.seen += len(images)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(count, c, *extent) float32 and (count, classes), each answer equally likely."""
        places = torch.from_numpy(rng.integers(0, len(self), count))
        return self._images[places].float(), self._targets[places]


def small(net: ResponseNet, samples: Tensor) -> Tensor:
    """Samples as the network looks at them, in half precision."""
    with torch.no_grad():
        if net.rank < 3:
            return net.shrunk(samples).half()
        frames = samples.transpose(1, 2)
        return net.shrunk(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).transpose(1, 2).half()


def rendered(path: Path, canvas: Canvas, variants: Variants, net: ResponseNet) -> tuple[Tensor, Tensor]:
    """The images and log-probabilities of a round that was written to disk, painted again."""
    with np.load(path, allow_pickle=False) as held:
        numbers, codes, logs = held["numbers"], held["codes"].astype(np.int64), held["log_probabilities"]
    low, span, images = np.float32(canvas.bounds[0]), np.float32(canvas.span), []
    for begin in range(0, len(numbers), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        shown = [
            canvas.render(canvas.snap(variants[number]), number, plan)[0]
            for number, plan in zip(numbers[part].tolist(), codes[part], strict=True)
        ]
        images.append(small(net, torch.from_numpy((np.stack(shown) - low) / span)))
    return torch.cat(images), torch.from_numpy(logs.astype(np.float32))
