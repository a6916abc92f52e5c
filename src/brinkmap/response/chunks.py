"""Batches of one size: so that what one sample gets does not depend, to the last bit, on how many others there are."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["CHUNK", "FEW", "chunks"]

CHUNK = 16
"""Where there are always many samples, as in training."""
FEW = 4
"""Where at last one or two are left, as in an attack: most of the time goes to these, and whole chunks are paid for."""


def chunks(count: int, size: int = FEW) -> Iterator[tuple[Tensor, int]]:
    """The rows of each chunk, the last one repeated until it is whole, and how many are meant."""
    for start in range(0, count, size):
        end = min(start + size, count)
        yield torch.arange(start, start + size).clamp(max=end - 1), end - start
