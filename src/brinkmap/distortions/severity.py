"""Strengths of natural corruptions, levels 1 to 5, for small and for large samples."""

from __future__ import annotations

from dataclasses import dataclass

from brinkmap.errors import InputError

__all__ = [
    "BLUR_SIGMA",
    "BRIGHTNESS",
    "CONTRAST_LEFT",
    "DEPTH_BITS",
    "IMPULSE_SHARE",
    "NOISE_SD",
    "OBJECT_SHARE",
    "PUSH_SHARE",
    "RESOLUTION_LEFT",
    "SPECKLE_SD",
    "Severity",
]

SMALL = 64
"""Longest side in values up to which the CIFAR-10-C strengths hold; beyond it, those of ImageNet-C. Time is no side."""


@dataclass(frozen=True)
class Severity:
    """One corruption's five strengths, for samples of about 32 x 32 and of about 224 x 224 values.

    Signals have the gentler ones, unless strength is a length in values.
    """

    small: tuple[float, ...]
    large: tuple[float, ...]
    is_length: bool = False

    def at(self, level: int, extent: tuple[int, ...]) -> float:
        """The strength of a level (1 to 5) for samples of this extent.

        Raises:
            InputError: there is no such level.
        """
        gentle = max(extent[-2:]) <= SMALL or (len(extent) == 1 and not self.is_length)
        strengths = self.small if gentle else self.large
        if not 1 <= level <= len(strengths):  # 0 would be read from the table's end
            raise InputError(f"level: expected 1 to {len(strengths)}, got {level}. Level 0 is the clean sample.")
        return strengths[level - 1]


# Published. Hendrycks & Dietterich 2019, arXiv:1903.12261: the tables of make_cifar_c.py and make_imagenet_c.py.

NOISE_SD = Severity((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))
"""Standard deviation, on samples scaled to 0..1."""
SPECKLE_SD = Severity((0.06, 0.1, 0.12, 0.16, 0.2), (0.15, 0.2, 0.35, 0.45, 0.6))
"""Standard deviation, as a share of the value itself."""
BLUR_SIGMA = Severity((0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0), is_length=True)
"""Sigma of the Gaussian, in values."""
IMPULSE_SHARE = Severity((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27))
"""Share of the positions that are hit."""
BRIGHTNESS = Severity((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5))
"""Offset, on samples scaled to 0..1."""
CONTRAST_LEFT = Severity((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05))
"""What is left of a value's distance from the mean, as a share."""
RESOLUTION_LEFT = Severity((0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25))
"""What is left of the values along an axis, as a share."""


# Ours: nobody has published these, and they are relative to the range or to the cell, so equal for all samples.


def _at_any_size(*strengths: float) -> Severity:
    return Severity(strengths, strengths)


DEPTH_BITS = _at_any_size(6, 5, 4, 3, 2)
"""Bits left of each value."""
OBJECT_SHARE = _at_any_size(0.2, 0.4, 0.6, 0.8, 1.0)
"""Share of a cell that an object hides."""
PUSH_SHARE = _at_any_size(0.05, 0.10, 0.15, 0.20, 0.25)
"""How far the middle of a cell is pushed, as a share of the cell's side."""
