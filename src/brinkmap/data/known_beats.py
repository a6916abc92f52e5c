"""Signals with a known cause: strips of one ECG lead with a single abnormal beat, whose kind is the class.

Synthetic: each beat is a sum of Gaussians for P, Q, R, S and T, as in McSharry et al. 2003 (IEEE Trans. Biomed. Eng.
50:289), here laid out in time instead of around a limit cycle, so that one beat can differ and no other changes.
"""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Floats
from brinkmap.data.known_cause import COUNT, Case, KnownCause, Part, made

__all__ = ["CLASSES", "LENGTH", "MV_BOUNDS", "RATE_HZ", "abnormal_beats"]

LENGTH = 1024
RATE_HZ = 125.0
MV_BOUNDS = (-2.0, 3.0)
"""The millivolts that stand at 0 and 1."""

NORMAL = {
    "P": (-0.17, 0.025, 0.15),
    "Q": (-0.035, 0.010, -0.12),
    "R": (0.0, 0.014, 1.1),
    "S": (0.035, 0.012, -0.25),
    "T": (0.27, 0.050, 0.3),
}
"""Each wave's seconds after R, standard deviation in seconds and height in millivolts, at 60 beats a minute."""
KINDS: dict[str, dict[str, tuple[float, float, float]]] = {
    "ventricular": {"R": (0.0, 0.045, 1.5), "S": (0.11, 0.040, -0.5), "T": (0.31, 0.065, -0.4)},
    "supraventricular": NORMAL | {"P": (-0.12, 0.022, -0.15)},
    "st-elevation": NORMAL | {"J": (0.09, 0.030, 0.25), "ST": (0.16, 0.045, 0.35)},
    "blocked": {"P": NORMAL["P"]},
}
"""The waves of each kind of beat."""
EARLY = ("ventricular", "supraventricular")
CLASSES = tuple(KINDS)
TAIL = 4
"""Standard deviations after which a wave ends, so that a beat changes nothing far from it."""
MIDDLE = (0.3, 0.7)
"""The part of a strip that the abnormal beat's place in the rhythm is in."""


def abnormal_beats(part: Part = "heldout", count: int = COUNT, seed: int = 0) -> KnownCause:
    """Strips (1, 1024) of 8.2 s at 125 Hz, 55 to 95 beats a minute, with one abnormal beat in the middle part.

    Classes: `ventricular` (early, wide, tall, no P, T inverted), `supraventricular` (early, P inverted), `st-elevation`
    (of that one beat alone, which no heart does) and `blocked` (a P with no QRS and no T). An early beat is followed by
    a full pause, so that no other beat moves. Rate, variability, shape, baseline wander and noise do not depend on
    the class.

    The mask is the span from the first to the last value that differs from the strip with a normal beat in that place,
    3 to 14 % of it: of an early beat it reaches to the end of the beat that does not follow.

    Args:
        part: "train" or "heldout", drawn apart.
        count: how many strips.
        seed: all that is random follows from it.

    Raises:
        InputError: no such part, or no samples.
    """
    return made(_case, "abnormal-beats", CLASSES, part, count, seed)


def _case(label: int, rng: np.random.Generator) -> Case:
    times, intervals = _rhythm(rng)
    heights = rng.uniform(0.85, 1.15) * rng.normal(1, 0.03, len(times))
    shape = {wave: rng.uniform(0.85, 1.15) for wave in (*NORMAL, "J", "ST")}
    middle = np.flatnonzero((times > MIDDLE[0] * LENGTH / RATE_HZ) & (times < MIDDLE[1] * LENGTH / RATE_HZ))
    odd, early = rng.choice(middle), rng.uniform(0.22, 0.32)
    kind = CLASSES[label]
    shift = early * intervals[odd] if kind in EARLY else 0.0
    normal, abnormal = (
        heights[odd] * _beat(times[odd] - earlier, intervals[odd], waves, shape)
        for earlier, waves in ((0.0, NORMAL), (shift, KINDS[kind]))
    )
    others = _background(rng)
    for beat in np.delete(np.arange(len(times)), odd):
        others += heights[beat] * _beat(times[beat], intervals[beat], NORMAL, shape)
    sample, without = (_scaled(others + beat) for beat in (abnormal, normal))
    changed = np.flatnonzero(sample != without)
    mask = np.zeros(LENGTH, bool)
    mask[changed[0] : changed[-1] + 1] = True
    return Case(sample, without, mask)


def _rhythm(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The seconds of each R, from before the strip to after it, and the interval before each."""
    mean = 60 / rng.uniform(55, 95)
    beats = int(LENGTH / RATE_HZ / mean * 1.3) + 4
    breathing = 0.03 * np.sin(2 * np.pi * (rng.random() + np.arange(beats) / rng.uniform(3, 5)))
    intervals = mean * (1 + breathing + rng.normal(0, 0.02, beats))
    return np.cumsum(intervals) - 2 * mean - rng.uniform(0, mean), intervals


def _beat(
    time: float, interval: float, waves: dict[str, tuple[float, float, float]], shape: dict[str, float]
) -> Floats:
    """(1024,) millivolts of one beat; faster beats are shorter by the square root, as McSharry et al. have it."""
    seconds = np.arange(LENGTH) / RATE_HZ - time
    pace = np.sqrt(interval)
    total = np.zeros(LENGTH)
    for wave, (after, width, height) in waves.items():
        # QRS keeps its width at any rate
        stretch = 1.0 if wave in "QRS" else pace
        distance = (seconds - after * stretch) / (width * stretch)
        total += np.where(np.abs(distance) < TAIL, shape[wave] * height * np.exp(-(distance**2) / 2), 0)
    return total


def _background(rng: np.random.Generator) -> Floats:
    """(1024,) millivolts of baseline wander, by breathing and by the electrode, and of noise."""
    seconds = np.arange(LENGTH) / RATE_HZ
    wander = sum(
        rng.uniform(0.03, 0.15) * np.sin(2 * np.pi * (rng.random() + rng.uniform(low, high) * seconds))
        for low, high in ((0.05, 0.15), (0.15, 0.4))
    )
    return wander + rng.normal(0, rng.uniform(0.015, 0.035), LENGTH)


def _scaled(millivolts: Floats) -> Floats:
    low, high = MV_BOUNDS
    return np.clip((millivolts - low) / (high - low), 0, 1)
