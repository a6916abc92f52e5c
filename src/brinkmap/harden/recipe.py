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

    def __post_init__(self) -> None:
        if self.pool is not None and self.check_every % self.pool.every:
            raise InputError(
                f"check_every: expected a multiple of the pool's {self.pool.every} epochs, so that a training can go "
                f"on from a checkpoint, got {self.check_every}."
            )
        if self.tolerance is not None and not 0 <= self.tolerance <= 1:
            raise InputError(f"tolerance: expected a share from 0 to 1, got {self.tolerance}.")
        for name in ("epochs", "batch", "check_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}.")

    @property
    def fingerprint(self) -> str:
        """What must be the same for a training to go on; where rates allow, more epochs only prolong it."""
        plain = repr(replace(self, epochs=1) if self.optimiser.open_ended else self)
        more = [f"{name}={value!r}" for name in ("pool", "tolerance") if (value := getattr(self, name)) is not None]
        return " ".join([plain, *more])


@dataclass(frozen=True)
class Checked:
    """One look at a network under training."""

    epoch: int
    """Passes done."""
    seconds: float
    """Of training, without the looks."""
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
