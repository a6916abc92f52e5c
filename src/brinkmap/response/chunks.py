"""Batches of one size: so that what one sample gets does not depend, to the last bit, on how many others there are."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["CHUNK", "chunks"]

CHUNK = 16


def chunks(count: int) -> Iterator[tuple[Tensor, int]]:
    """The rows of each chunk, the last one repeated until it is whole, and how many are meant."""
    for start in range(0, count, CHUNK):
        end = min(start + CHUNK, count)
        yield torch.arange(start, start + CHUNK).clamp(max=end - 1), end - start
