"""Light and tone: offset, gain, contrast, depth; and the norm track's tint, one offset a channel."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array
from brinkmap.distortions.ecg_scale import nothing
from brinkmap.distortions.protocol import Family, Medium
from brinkmap.distortions.severity import BRIGHTNESS, CONTRAST_LEFT, DEPTH_BITS

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["Contrast", "Exposure", "Illuminate", "Quantisation", "Tint", "exposure", "illuminate", "tint"]

SIGN_OF = {"+": 1.0, "-": -1.0, "0": 0.0}
ALL_PATTERNS_UP_TO = 4
"""Channels up to which tint has every pattern of signs (2 to the power of the channels)."""


@final
@dataclass(frozen=True)
class Illuminate:
    """Brighter (+) or darker (-) by .05 to .3 (small samples) or .1 to .5 (large) of the range."""

    sign: str = "+"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    @property
    def name(self) -> str:
        """`illuminate+` or `illuminate-`."""
        return f"illuminate{self.sign}"

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one offset in all channels."""
        return sample + np.float32(SIGN_OF[self.sign] * BRIGHTNESS.at(level, sample.shape[1:]))


@Family
def illuminate(medium: Medium) -> list[Illuminate]:
    """Brighter or darker light: illuminate+ and illuminate-."""
    return [Illuminate("+"), Illuminate("-")]


@final
@dataclass(frozen=True)
class Exposure:
    """More (+) or less (-) light by a gain of 1.1 to 1.6 (small samples) or 1.2 to 2 (large)."""

    sign: str = "+"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    @property
    def name(self) -> str:
        """`exposure+` or `exposure-`."""
        return f"exposure{self.sign}"

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with one gain in all channels, about black (the lower bound), in signals about the baseline.

        The gain is 1 + 2c, c being the offset of `illuminate`: + moves mid-grey by just that, up; - is the way back,
        the same number of stops, and moves mid-grey by c / (1 + 2c), down.
        """
        gain = 1 + 2 * BRIGHTNESS.at(level, sample.shape[1:])
        dark = nothing(sample)
        return dark + (sample - dark) * np.float32(gain ** SIGN_OF[self.sign])


@Family
def exposure(medium: Medium) -> list[Exposure]:
    """A longer or a shorter exposure, a gain: exposure+ and exposure-."""
    return [Exposure("+"), Exposure("-")]


@final
@dataclass(frozen=True)
class Contrast:
    """Less contrast: 75 to 15 % of it is left (small samples) or 40 to 5 % (large)."""

    name: str = "contrast"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample drawn towards the mean of each of its channels, over all positions and frames."""
        means = sample.mean(axis=tuple(range(1, sample.ndim)), keepdims=True, dtype=np.float64).astype(np.float32)
        return means + np.float32(CONTRAST_LEFT.at(level, sample.shape[1:])) * (sample - means)


@final
@dataclass(frozen=True)
class Quantisation:
    """Depth that is lost, of colour or of a converter: 6, 5, 4, 3 or 2 bits are left (ours; nobody published any)."""

    name: str = "quantisation"
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample rounded to equal steps, both bounds among them; a value that a step hits stays as it is."""
        last = np.float32(2 ** DEPTH_BITS.at(level, sample.shape[1:]) - 1)
        return np.rint(sample * last) / last


@final
@dataclass(frozen=True)
class Tint:
    """One offset a channel with a sign of its own: the norm track's filter, unnatural, for patches down to 1."""

    signs: str
    """One of +, - and 0 for each channel."""
    epsilon: float = 1 / 255
    """The offset of level 1, on samples scaled to 0..1; levels are 1, 2, 4, 8 and 16 times that."""
    levels: int = 5
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = False

    @property
    def name(self) -> str:
        """`tint` and the signs, such as `tint+-+`."""
        return f"tint{self.signs}"

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample with each channel moved up or down by the level's offset."""
        offsets = np.array([SIGN_OF[sign] * self.epsilon * 2 ** (level - 1) for sign in self.signs], np.float32)
        return sample + offsets.reshape(-1, *[1] * (sample.ndim - 1))


@Family
def tint(medium: Medium) -> list[Tint]:
    """Constant offsets, each channel up or down (norm track, not natural): tint+++, tint++-, ..."""
    channels = medium.shape[0]
    if channels <= ALL_PATTERNS_UP_TO:
        return [Tint("".join(signs)) for signs in itertools.product("+-", repeat=channels)]
    alone = [("0" * lead, "0" * (channels - lead - 1)) for lead in range(channels)]
    return [Tint(before + sign + after) for before, after in alone for sign in "+-"]
