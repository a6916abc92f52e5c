"""How every white-box explainer goes through a batch: sample by sample, so that none depends on its company."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from brinkmap.arrays import RANKS, Array, Floats, Ints
from brinkmap.errors import InputError
from brinkmap.explain.network import Network

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["chunks", "one_by_one"]

ROWS = 64
"""Variants of one sample that a network is shown at once."""
VALUES = 2**21
"""Values that it is shown at once: 13 pictures of 224 x 224, or one short clip."""


def one_by_one(
    network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator],
    explain: Callable[[Tensor, int, np.random.Generator], Floats],
) -> Floats:  # fmt: skip
    """(n, *extent) float64: what is made of each sample for itself.

    Args:
        network: the victim's.
        samples: (n, c, *extent) float32.
        targets: (n,) the class of each.
        rngs: one a sample.
        explain: a sample (1, c, *extent) where and as the parameters are, its class and its generator, to a map
            (*extent).

    Raises:
        InputError: there are no samples, or not as many classes and generators as samples.
    """
    if samples.ndim - 2 not in RANKS or not len(samples):
        raise InputError(
            f"samples: expected at least one, (n, c, *extent) with 1 to 3 axes in extent, got shape {samples.shape}. "
            "Add the axis of samples or channels that is missing."
        )
    for name, given in (("targets", targets), ("rngs", rngs)):
        if len(given) != len(samples):
            raise InputError(f"{name}: expected one for each of {len(samples)} samples, got {len(given)}.")
    each = zip(samples, targets, rngs, strict=True)
    return np.stack([explain(network.tensor(sample[None]), int(target), rng) for sample, target, rng in each])


def chunks(count: int, sample: Tensor) -> Iterator[range]:
    """0 to count in runs of as many variants of a sample as are shown at once; that depends on its shape alone."""
    rows = min(ROWS, max(1, VALUES // math.prod(sample.shape[1:])))
    for start in range(0, count, rows):
        yield range(start, min(start + rows, count))
