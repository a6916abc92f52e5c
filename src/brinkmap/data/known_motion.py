"""Clips with a known cause: a handwritten digit that moves, beside a square whose motion tells nothing."""

from __future__ import annotations

from functools import partial

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.data.known_cause import COUNT, Case, KnownCause, Part, made
from brinkmap.data.strokes import painted, strokes

__all__ = ["moving_digits"]

FRAMES, SIDE = 12, 32
DIGIT, SQUARE = 16, 6
STEPS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
"""Pixels a frame, down and across."""
GROUPS = {"0-4": range(5), "5-9": range(5, 10)}
CLASSES = tuple(f"{direction} {group}" for direction in STEPS for group in GROUPS)


def moving_digits(part: Part = "heldout", count: int = COUNT, seed: int = 0) -> KnownCause:
    """Clips (1, 12, 32, 32) of a digit that moves by a pixel a frame; the class is its direction and whether it is < 5.

    What leaves on one side comes back on the other, so that no single frame tells a direction. Beneath the digit a
    square moves in a direction of its own, over a cloudy background with noise that changes from frame to frame; none
    of these depends on the class. The mask is exactly the pixels that the digit's strokes change, in each frame: a
    tube of 7 to 14 % of the clip.

    Args:
        part: digits are those of "train" or of "heldout", which share none.
        count: how many clips.
        seed: all that is random follows from it.

    Raises:
        InputError: no such part, or no samples.
    """
    return made(partial(_case, part), "moving-digits", CLASSES, part, count, seed)


def _case(part: Part, label: int, rng: np.random.Generator) -> Case:
    direction, group = divmod(label, len(GROUPS))
    digit = rng.choice(list(GROUPS.values())[group])
    covers = strokes(part, DIGIT)[digit]
    square = np.ones((SQUARE, SQUARE), np.float32)
    under = painted(_clouds(rng), _moved(square, rng.integers(len(STEPS)), rng), rng.uniform(0.6, 1))
    cover = _moved(covers[rng.integers(len(covers))], direction, rng)
    return Case(painted(under, cover, rng.uniform(0.85, 1)), under, cover > 0)


def _moved(shape: Array, direction: int | np.integer, rng: np.random.Generator) -> Array:
    """(frames, side, side): the shape at a random place, and then on and on in a direction."""
    first = np.zeros((SIDE, SIDE), np.float32)
    first[: len(shape), : len(shape)] = shape
    start, step = rng.integers(0, SIDE, 2), np.array(list(STEPS.values())[direction])
    return np.stack([np.roll(first, tuple(start + frame * step), axis=(0, 1)) for frame in range(FRAMES)])


def _clouds(rng: np.random.Generator) -> Floats:
    """(frames, side, side): a still background, seamless as the motion is, and noise."""
    from scipy import ndimage

    clouds = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2, mode="wrap")
    clouds = 0.3 + 0.12 * clouds / clouds.std()
    return np.clip(clouds + rng.normal(0, 0.04, (FRAMES, SIDE, SIDE)), 0, 0.6)
