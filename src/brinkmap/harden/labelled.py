"""Samples with their classes, as trainings take them, and a share set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Ints
from brinkmap.errors import InputError
from brinkmap.seeding import training_generator

__all__ = ["LEAST", "Labelled", "check_enough", "split"]

LEAST = 10
"""Samples below which a share set apart says nothing."""


@final
@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples on 0..1 and their classes."""

    samples: Array
    """(n, c, *extent) float32."""
    labels: Ints
    """(n,) int64."""

    def __post_init__(self) -> None:
        if len(self.samples) != len(self.labels):
            raise InputError(f"labels: expected {len(self.samples)}, one a sample, got {len(self.labels)}.")
        if not len(self.samples):
            raise InputError("samples: expected at least one, got none.")

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The two for torch; nothing is copied that need not be."""
        return torch.from_numpy(np.ascontiguousarray(self.samples, np.float32)), torch.from_numpy(
            np.ascontiguousarray(self.labels, np.int64)
        )


def split(data: Labelled, share: float = 0.1, seed: int = 0) -> tuple[Labelled, Labelled]:
    """What to train on, and a share set apart to pick checkpoints by.

    Raises:
        InputError: nothing would be left on one side.
    """
    apart = round(share * len(data))
    if not 0 < apart < len(data):
        raise InputError(f"samples: {len(data)} are too few to set a share of {share:g} apart. Give more.")
    order = training_generator(seed, "split", 0).permutation(len(data))
    train, validation = np.sort(order[apart:]), np.sort(order[:apart])
    return (
        Labelled(data.samples[train], data.labels[train]),
        Labelled(data.samples[validation], data.labels[validation]),
    )


def check_enough(data: Labelled, train: Labelled, class_names: Sequence[str] | None = None) -> None:
    """That there is something to learn of every class.

    Args:
        data: all samples.
        train: those that are trained on.
        class_names: what the labels stand for.

    Raises:
        InputError: fewer than `LEAST` samples, or a class of the data of which none is left to train on.
    """
    if len(data) < LEAST:
        raise InputError(f"samples: {len(data)} are too few to train on and pick by. Give {LEAST} at least.")
    missing = sorted(set(data.labels.tolist()) - set(train.labels.tolist()))
    if missing:
        names = [str(class_names[one]) if class_names is not None else str(one) for one in missing]
        raise InputError(
            f"samples: none of class {', '.join(names)} is left to train on once a share is set apart. Give more of "
            "it, or leave the class out."
        )
