"""Published strengths of natural corruptions, levels 1 to 5, for small and for large samples."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BLUR_SIGMA", "BRIGHTNESS", "IMPULSE_SHARE", "NOISE_SD", "Severity"]

SMALL = 64
"""Longest side in values up to which the CIFAR-10-C strengths hold; beyond it, those of ImageNet-C."""


@dataclass(frozen=True)
class Severity:
    """One corruption's five strengths, as published for 32 x 32 and for 224 x 224 images.

    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261; the tables of make_cifar_c.py and make_imagenet_c.py.
    """

    small: tuple[float, ...]
    large: tuple[float, ...]

    def at(self, level: int, extent: tuple[int, ...]) -> float:
        """The strength of a level (1 to 5) for samples of this extent."""
        return (self.small if max(extent) <= SMALL else self.large)[level - 1]


NOISE_SD = Severity((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))
"""Standard deviation, on samples scaled to 0..1."""
BLUR_SIGMA = Severity((0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0))
"""Sigma of the Gaussian, in values."""
IMPULSE_SHARE = Severity((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27))
"""Share of the positions that are hit."""
BRIGHTNESS = Severity((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5))
"""Offset, on samples scaled to 0..1."""
