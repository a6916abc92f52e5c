"""What a training is to be, and how it went so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from brinkmap.errors import InputError
from brinkmap.harden.adversaries import Adversary, Unchanged
from brinkmap.harden.objectives import CrossEntropy, Objective
from brinkmap.harden.optimisers import Modern, Optimiser
from brinkmap.harden.pool import Pool

__all__ = ["Checked", "Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training of a classifier: library call and command line alike."""

    objective: Objective = field(default_factory=CrossEntropy)
    """What it is trained towards."""
    adversary: Adversary = field(default_factory=Unchanged)
    """What it is shown instead of the samples."""
    optimiser: Optimiser = field(default_factory=Modern)
    """How the weights follow."""
    judge: Adversary = field(default_factory=Unchanged)
    """What the accuracy that checkpoints are picked by is measured on, on the validation split."""
    epochs: int = 30
    """Passes over the training samples."""
    batch: int = 32
    """Samples a step; 32 is the paper's model's."""
    check_every: int = 1
    """Epochs between two looks at the accuracies, each of which is also a checkpoint."""
    seed: int = 0
    """Every random choice follows from it, but for the network's first weights, which are the caller's."""
    pool: Pool | None = field(default=None, repr=False)
    """What the samples are exchanged for now and then, before the adversary sees them."""
    tolerance: float | None = field(default=None, repr=False)
    """Accuracy on natural validation samples that may be given up, as a share; looks that lose more are not picked."""
    blend: bool = field(default=False, repr=False)
    """Whether the weights after the last epoch may be mixed with those before the first, as far as the tolerance asks,
    where that is judged better than every look that keeps it."""
    judged: int | None = field(default=None, repr=False)
    """So many samples of each set are shown to the judge at a look, the first ones; None for all."""
    max_seconds: float | None = field(default=None, repr=False)
    """CPU seconds of training, the pool's attacks included and the looks not, after which it ends, at the end of an
    epoch; more of them only prolong it. The rate must then not depend on the end: `Steady` or `Published`."""
    patience: int | None = field(default=None, repr=False)
    """Looks in a row without a better one after which it ends; better is what would be picked."""

    def __post_init__(self) -> None:
        if self.pool is not None and self.check_every % self.pool.every:
            raise InputError(
                f"check_every: expected a multiple of the pool's {self.pool.every} epochs, so that a training can go "
                f"on from a checkpoint, got {self.check_every}."
            )
        if self.tolerance is not None and not 0 <= self.tolerance <= 1:
            raise InputError(f"tolerance: expected a share from 0 to 1, got {self.tolerance}.")
        if self.blend and self.tolerance is None:
            raise InputError("blend: expected a tolerance, which says how much of the first weights there is to be.")
        for name in ("epochs", "batch", "check_every", "patience", "judged"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"{name}: expected at least 1, got {value}.")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise InputError(f"max_seconds: expected more than 0, got {self.max_seconds}.")
        if self.max_seconds is not None and not self.open_ended:
            raise InputError(
                "max_seconds: a training that ends by the clock needs rates and bounds that do not depend on the end. "
                "Give the optimiser Steady() or Published(), and a pool that grows within a number of epochs."
            )

    @property
    def open_ended(self) -> bool:
        """Whether more epochs only prolong the training: neither rates nor the pool's bounds depend on its end."""
        return self.optimiser.open_ended and (self.pool is None or self.pool.open_ended)

    @property
    def fingerprint(self) -> str:
        """What must be the same for a training to go on; when it ends is not in it where that changes nothing else."""
        settled = replace(self, epochs=1) if self.open_ended else self
        return settled._said("pool", "tolerance", "judged")

    @property
    def stated(self) -> str:
        """All of it in one line."""
        return self._said("pool", "tolerance", "blend", "judged", "max_seconds", "patience")

    def _said(self, *more: str) -> str:
        stated = {name: getattr(self, name) for name in more}
        told = [f"{name}={value!r}" for name, value in stated.items() if value is not None and value is not False]
        return " ".join([repr(self), *told])


@dataclass(frozen=True)
class Checked:
    """One look at a network under training."""

    epoch: int
    """Passes done."""
    seconds: float
    """CPU seconds of training, without the looks."""
    loss: float
    """Mean over the epochs since the last look."""
    reward: float
    """Likewise, of +1 and -1 or what the schedule gives."""
    natural: dict[str, float]
    """Accuracy on each set that is watched."""
    judged: dict[str, float]
    """Accuracy on what the recipe's judge makes of each set."""
    queries: int = 0
    """What the pool has asked the network so far."""
    flipped: float = 0.0
    """Share of the pool's last attacks that flipped it."""
