"""GEO-TRAP: gradients of the margin along one picture of noise, moved and stretched a little in each frame.

Source: Li et al. 2021, arXiv:2110.01823, written from the paper: a direction is one random picture under a random
geometric transformation a frame, here its translation-dilation (three numbers a frame), so that far fewer numbers are
searched than a clip has values. What is ours: directions are averaged over a step as in NES, where the paper carries an
estimate from step to step as in Bandits; steps and bound are those of `nes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.agents.distance import check_one_bound, check_unrounded
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats
from brinkmap.compare.gradient_free import descend, stride_at
from brinkmap.compare.leeway import Leeway

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["GeoTrapAttack", "warped"]


@final
@dataclass(frozen=True)
class GeoTrapAttack:
    """GEO-TRAP: NES along one picture moved and stretched from frame to frame; owns its loop, unnatural."""

    pairs: int = 5
    """Directions a step, each looked along both ways."""
    stride: float = 0.06
    """As for `nes`."""
    sigma: float = 0.001
    shift: float = 0.1
    """Standard deviation of the translation, as a share of the side."""
    dilation: float = 0.1
    """Standard deviation of the logarithm of the stretching."""
    needs_scores: bool = True
    ranks: tuple[int, ...] = (3,)

    def check(self, run: Run) -> None:
        """As for NES.

        Raises:
            InputError: no bound or two of them, or samples are rounded before the victim sees them.
        """
        check_one_bound("geo-trap", run)
        check_unrounded("geo-trap", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Descend until the criterion is met or the budget is spent."""
        leeway, (channels, frames, height, width) = Leeway.of(oracle, sample, run), sample.shape

        def drawn(rng: np.random.Generator) -> Floats:
            picture = rng.standard_normal((channels, height, width))
            shifts = self.shift * rng.standard_normal((frames, 2)) * (height, width)
            return warped(picture, shifts, np.exp(self.dilation * rng.standard_normal(frames)))

        descend(leeway, self.pairs, self.sigma, stride_at(run.budget, self.stride), drawn)


def warped(picture: Floats, shifts: Floats, stretches: Floats) -> Floats:
    """A picture under one translation and dilation a frame; what leaves on one side comes back on the other.

    Args:
        picture: (c, height, width).
        shifts: (frames, 2) down and right, in pixels.
        stretches: (frames,) about the middle; 1 leaves it as it is.

    Returns:
        (c, frames, height, width), each value one of the picture's: interpolation would take variance away.
    """
    height, width = picture.shape[1:]
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    frames = []
    for shift, stretch in zip(shifts, stretches, strict=True):
        rows, columns = (
            np.rint((np.arange(n) - own - moved) / stretch + own).astype(int) % n
            for n, own, moved in zip((height, width), middle, shift, strict=True)
        )
        frames.append(picture[:, rows[:, None], columns])
    return np.stack(frames, axis=1)
