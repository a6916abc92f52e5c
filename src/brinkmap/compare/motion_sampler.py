"""Motion sampler: gradients of the margin along noise that moves with what moves in the clip.

Source: Zhang et al. 2020, arXiv:2003.07637 (motion-excited sampler), written from the paper. What is ours: the motion
is found by matching blocks of successive frames, not read from a codec or a flow network, and so costs no query and no
weights; the noise it carries is looked along as NES does, whose steps and bound it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, final

import numpy as np
from scipy.ndimage import uniform_filter

from brinkmap.agents.distance import check_one_bound, check_unrounded
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.compare.gradient_free import descend, stride_at
from brinkmap.compare.leeway import Leeway

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["MotionSamplerAttack", "carried", "motion"]


@final
@dataclass(frozen=True)
class MotionSamplerAttack:
    """Motion sampler: NES along noise carried by the clip's own motion, under a bound; owns its loop, unnatural."""

    pairs: int = 5
    """Directions a step, each looked along both ways."""
    stride: float = 0.06
    """As for `nes`."""
    sigma: float = 0.001
    reach: int = 2
    """How many pixels a block may have moved from one frame to the next."""
    block: int = 5
    """Side of the blocks that are matched."""
    needs_scores: bool = True
    ranks: tuple[int, ...] = (3,)

    def check(self, run: Run) -> None:
        """As for NES.

        Raises:
            InputError: no bound or two of them, or samples are rounded before the victim sees them.
        """
        check_one_bound("motion-sampler", run)
        check_unrounded("motion-sampler", run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Descend until the criterion is met or the budget is spent."""
        leeway, moved = Leeway.of(oracle, sample, run), motion(sample, self.reach, self.block)

        def drawn(rng: np.random.Generator) -> Floats:
            return carried(rng.standard_normal((len(sample), *sample.shape[2:])), moved)

        descend(leeway, self.pairs, self.sigma, stride_at(run.budget, self.stride), drawn)


def motion(clip: Array, reach: int, block: int) -> Ints:
    """Where each pixel was in the frame before: the shift under which the block around it looks most alike.

    Args:
        clip: (c, frames, height, width).
        reach: shifts of up to so many pixels are tried, the shortest first.
        block: side of the square that is compared; at the edges it is mirrored.

    Returns:
        (2, frames - 1, height, width) rows and columns that lead from a pixel back to where it was.
    """
    before, after = clip[:, :-1].astype(np.float64), clip[:, 1:].astype(np.float64)
    shifts = sorted(product(range(-reach, reach + 1), repeat=2), key=lambda shift: (sum(map(abs, shift)), shift))
    apart = [
        uniform_filter(((after - np.roll(before, shift, axis=(2, 3))) ** 2).sum(axis=0), (0, block, block))
        for shift in shifts
    ]
    return np.moveaxis(-np.array(shifts)[np.argmin(apart, axis=0)], -1, 0)


def carried(noise: Floats, moved: Ints) -> Floats:
    """A picture of noise that goes on through a clip as what it lies on does.

    Args:
        noise: (c, height, width) in the first frame.
        moved: as `motion` finds it.

    Returns:
        (c, frames, height, width).
    """
    height, width = noise.shape[1:]
    rows, columns = np.indices((height, width))
    frames = [noise]
    for down, right in zip(moved[0], moved[1], strict=True):
        frames.append(frames[-1][:, (rows + down) % height, (columns + right) % width])
    return np.stack(frames, axis=1)
