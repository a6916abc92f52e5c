"""The ECG strips that come with Brinkmap: four rhythms of one simulated lead, with nothing to download.

Each beat is the sum of Gaussians of `known_beats`, after McSharry et al. 2003 (IEEE Trans. Biomed. Eng. 50:289), laid
out in time; the classes are those of the PhysioNet/CinC Challenge 2017, and so are rate and unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
from scipy.ndimage import gaussian_filter1d

from brinkmap.arrays import Array, Floats
from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.data.known_beats import KINDS, NORMAL
from brinkmap.data.known_cause import COUNT, Part
from brinkmap.errors import InputError
from brinkmap.seeding import training_generator

__all__ = ["BOUNDS_MV", "RATE_HZ", "RHYTHMS", "SECONDS", "ecg_rhythms"]

RATE_HZ = 300.0
"""That of the challenge's recordings, at which the RLAB slides' segments are whole numbers of values."""
SECONDS = 10.0
BOUNDS_MV = (-3.0, 3.0)
"""What the simulated amplifier holds; beyond it is cut off."""
RHYTHMS = ("normal", "atrial-fibrillation", "ectopic", "noisy")

LENGTH = round(RATE_HZ * SECONDS)
TAIL = 4
"""Standard deviations after which a wave ends."""
Waves = dict[str, tuple[float, float, float]]
FIBRILLATING: Waves = {wave: shape for wave, shape in NORMAL.items() if wave != "P"}
EARLY: tuple[Waves, ...] = (KINDS["ventricular"], KINDS["supraventricular"])


def ecg_rhythms(part: Part = "heldout", count: int = COUNT, seed: int = 0) -> DataSet:
    """Strips (1, 3000) of 10 s at 300 Hz in mV within -3 to 3; sample i is of class i modulo 4.

    `normal`: 50 to 100 beats a minute that breathe. `atrial-fibrillation`: no P, a fibrillating baseline and intervals
    without order. `ectopic`: one to four early beats, ventricular or supraventricular. `noisy`: any of these under
    muscle noise and jumps of the baseline that hide most beats, which nobody should classify. Shape, height, wander and
    mild noise vary alike in all classes.

    Args:
        part: "train" or "heldout", drawn apart.
        count: how many strips; fewer are the first of more.
        seed: all that is random follows from it.

    Raises:
        InputError: no such part, or no samples.
    """
    if part not in get_args(Part):
        raise InputError(f"part: expected {' or '.join(map(repr, get_args(Part)))}, got {part!r}.")
    if count < 1:
        raise InputError(f"count: expected at least 1 strip, got {count}.")
    labels = np.arange(count, dtype=np.int64) % len(RHYTHMS)
    strips = [
        _strip(RHYTHMS[label], training_generator(seed, f"ecg-rhythms {part}", index))
        for index, label in enumerate(labels)
    ]
    samples = ArraySamples(np.stack(strips)[:, None])
    return DataSet(
        samples=samples, shape=samples.shape, labels=labels, names=tuple(map(str, range(count))), class_names=RHYTHMS,
        rate_hz=RATE_HZ, unit="mV",
    )  # fmt: skip


def _strip(rhythm: str, rng: np.random.Generator) -> Array:
    shown = RHYTHMS[rng.integers(3)] if rhythm == "noisy" else rhythm
    times, intervals, kinds = BEATS[shown](rng)
    heights = rng.uniform(0.7, 1.3) * rng.normal(1, 0.03, len(times))
    shape = {wave: rng.uniform(0.6, 1.25) for wave in NORMAL}
    if rng.random() < 0.1:
        shape["T"] = -shape["T"]
    strip = _wander(rng) + _muscle(rng.uniform(0.01, 0.12), rng)
    for time, interval, waves, height in zip(times, intervals, kinds, heights, strict=True):
        _add_beat(strip, time, interval, waves, {wave: height * shape.get(wave, 1.0) for wave in waves})
    if shown == "atrial-fibrillation":
        strip += _fibrillation(rng)
    if rhythm == "noisy":
        strip += _disturbance(rng)
    return np.clip(strip, *BOUNDS_MV).astype(np.float32)


Beats = tuple[Floats, Floats, list[Waves]]
"""The seconds of each R, the interval before it, and its waves."""


def _sinus(rng: np.random.Generator) -> Beats:
    mean = 60 / rng.uniform(50, 100)
    count = int(SECONDS / mean * 1.3) + 4
    breaths = np.sin(2 * np.pi * (rng.random() + np.arange(count) * mean / rng.uniform(3, 6)))
    intervals = mean * (1 + rng.uniform(0.01, 0.06) * breaths + rng.normal(0, 0.015, count))
    return np.cumsum(intervals) - 2 * mean - rng.uniform(0, mean), intervals, [NORMAL] * count


def _fibrillating(rng: np.random.Generator) -> Beats:
    mean = 60 / rng.uniform(60, 130)
    count = int(SECONDS / mean * 1.6) + 4
    spread = rng.uniform(0.08, 0.3)
    intervals = np.maximum(mean * rng.gamma(1 / spread**2, spread**2, count), 0.3)
    return np.cumsum(intervals) - 2 * mean - rng.uniform(0, mean), intervals, [FIBRILLATING] * count


def _ectopic(rng: np.random.Generator) -> Beats:
    """Early beats, each followed by a full pause, so that no other beat moves."""
    times, intervals, kinds = _sinus(rng)
    inside = np.flatnonzero((times > 1.0) & (times < SECONDS - 0.7))
    waves = EARLY[rng.integers(2)]
    for odd in rng.choice(inside, min(int(rng.integers(1, 5)), len(inside) // 2), replace=False):
        times[odd] -= rng.uniform(0.12, 0.38) * intervals[odd]
        kinds[odd] = waves
    return times, intervals, kinds


BEATS: dict[str, Callable[[np.random.Generator], Beats]] = {
    "normal": _sinus, "atrial-fibrillation": _fibrillating, "ectopic": _ectopic
}  # fmt: skip


def _add_beat(strip: Floats, time: float, interval: float, waves: Waves, heights: dict[str, float]) -> None:
    """One beat on the strip; a faster one is shorter by the square root, but for its QRS (McSharry et al.)."""
    pace = float(np.sqrt(min(interval, 1.2)))
    for wave, (after, width, height) in waves.items():
        stretch = 1.0 if wave in "QRS" else pace
        centre, spread = time + after * stretch, width * stretch
        first = max(int((centre - TAIL * spread) * RATE_HZ), 0)
        last = min(int((centre + TAIL * spread) * RATE_HZ) + 1, LENGTH)
        if first < last:
            distance = (np.arange(first, last) / RATE_HZ - centre) / spread
            strip[first:last] += heights[wave] * height * np.exp(-(distance**2) / 2)


def _wander(rng: np.random.Generator) -> Floats:
    """By breathing and by the electrode."""
    seconds = np.arange(LENGTH) / RATE_HZ
    return sum(
        (
            rng.uniform(0.01, 0.12) * np.sin(2 * np.pi * (rng.random() + rng.uniform(low, high) * seconds))
            for low, high in ((0.05, 0.15), (0.15, 0.4))
        ),
        np.zeros(LENGTH),
    )


def _muscle(rms_mv: float, rng: np.random.Generator) -> Floats:
    """Noise from about 20 Hz up."""
    white = rng.standard_normal(LENGTH)
    high = white - gaussian_filter1d(white, 2.5)
    return rms_mv * high / high.std()


def _fibrillation(rng: np.random.Generator) -> Floats:
    """The atria at 4 to 9 Hz, of a few hundredths of a millivolt."""
    seconds = np.arange(LENGTH) / RATE_HZ
    drift = np.cumsum(rng.normal(0, 0.02, LENGTH))
    return rng.uniform(0.01, 0.06) * np.sin(2 * np.pi * rng.uniform(4, 9) * seconds + drift)


def _disturbance(rng: np.random.Generator) -> Floats:
    """Muscle in bursts over most of the strip, and an electrode that jumps."""
    envelope = np.repeat(rng.uniform(0.3, 1.0, 20), LENGTH // 20)
    noise = _muscle(rng.uniform(0.2, 0.9), rng) * gaussian_filter1d(envelope, 0.1 * RATE_HZ)
    jumps = np.zeros(LENGTH)
    for _ in range(rng.integers(2, 7)):
        since = np.arange(LENGTH) / RATE_HZ - rng.uniform(0, SECONDS)
        jumps += rng.normal(0, 0.8) * (since > 0) * np.exp(-np.maximum(since, 0) / rng.uniform(0.2, 2.0))
    slow = gaussian_filter1d(rng.standard_normal(LENGTH), 0.15 * RATE_HZ)
    return noise + jumps + rng.uniform(0.2, 0.6) * slow / slow.std()
