"""What checkpoints are picked by where a gradient says too little: what a black-box attack leaves of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from brinkmap.errors import InputError
from brinkmap.harden.labelled import Labelled
from brinkmap.harden.pool import Attacked
from brinkmap.run import Run

__all__ = ["UnderAttack"]


@final
@dataclass(frozen=True, kw_only=True)
class UnderAttack:
    """Samples as a black-box attack leaves them; what it cannot flip within its bound and budget stays right."""

    run: Run
    rate_hz: float | None = None
    """Of signals, as for `Attacked`."""

    def __post_init__(self) -> None:
        if self.run.l2_bounds == (None,) and self.run.max_linf is None:
            raise InputError("judge: an attack without a bound flips nearly everything. Give max_l2 or max_linf.")

    def __call__(self, net: nn.Module, samples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Each attacked; the draws of the attack follow from the generator's seed, so that looks are alike."""
        pool = Attacked(run=self.run, every=1, share=1.0, rate_hz=self.rate_hz)
        made = pool.made(net, Labelled(samples.numpy(), labels.numpy()), 0, 1, generator.initial_seed())
        return torch.from_numpy(made.samples)
