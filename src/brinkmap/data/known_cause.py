"""Samples whose labels have a known cause in a known place, to hold explanations against: what all of them share.

The sets themselves are in `known_beats` (signals), `known_digits` (pictures) and `known_motion` (clips).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, final, get_args

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError
from brinkmap.seeding import training_generator

__all__ = ["COUNT", "Case", "KnownCause", "Part", "made"]

Part = Literal["train", "heldout"]
"""Nothing that samples are put together from is in both."""

COUNT = 400
"""Samples of a set where no number is given."""


@final
@dataclass(frozen=True, eq=False)
class KnownCause:
    """Samples with what made each label."""

    samples: Array
    """(n, c, *extent) float32 on 0..1."""
    labels: Ints
    """(n,) int64, one class in turn."""
    masks: NDArray[np.bool_]
    """(n, *extent): where the cause is."""
    classes: tuple[str, ...]
    """Their names."""
    without: Array
    """(n, c, *extent) float32 on 0..1: the same samples without their cause; only inside the masks do they differ."""

    def __len__(self) -> int:
        return len(self.labels)


class Case(NamedTuple):
    """One sample as its maker has it, on 0..1."""

    sample: Floats | Array
    """`extent`."""
    without: Floats | Array
    """`extent`, the same without the cause."""
    mask: NDArray[np.bool_]
    """`extent`, where the cause is."""


def made(
    case: Callable[[int, np.random.Generator], Case], name: str, classes: tuple[str, ...], part: Part, count: int,
    seed: int,
) -> KnownCause:  # fmt: skip
    """So many samples of one channel, each from a generator of its own: fewer samples are the first of more.

    Args:
        case: makes one sample of a class, all that is random in it from the generator.
        name: of the set.
        classes: their names; sample i is of class i modulo their number.
        part: "train" or "heldout".
        count: how many samples.
        seed: another one gives other samples of the same parts.

    Raises:
        InputError: no such part, or no samples.
    """
    if part not in get_args(Part):
        raise InputError(f"part: expected {' or '.join(map(repr, get_args(Part)))}, got {part!r}.")
    if count < 1:
        raise InputError(f"count: expected at least 1 sample, got {count}.")
    labels = np.arange(count, dtype=np.int64) % len(classes)
    generators = (training_generator(seed, f"{name} {part}", index) for index in range(count))
    cases = [case(int(label), generator) for label, generator in zip(labels, generators, strict=True)]
    return KnownCause(
        samples=np.stack([one.sample for one in cases])[:, None].astype(np.float32),
        labels=labels,
        masks=np.stack([one.mask for one in cases]),
        classes=classes,
        without=np.stack([one.without for one in cases])[:, None].astype(np.float32),
    )
