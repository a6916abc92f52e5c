"""What the ECG filters are measured against: the height of the beats, and noise so many decibels below it."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array, Floats
from brinkmap.distortions.protocol import Medium
from brinkmap.errors import InputError

__all__ = ["DECIBELS", "baseline", "beat_height", "decibels", "noise_rms", "nothing", "rate_of"]

DECIBELS = (24, 18, 12, 6, 0)
"""Signal to noise at levels 1 to 5: those of the MIT-BIH Noise Stress Test Database, without its -6 dB.

Source: Moody, Muldrow & Mark 1984, Computers in Cardiology 11:381-384; https://physionet.org/content/nstdb/1.0.0/.
"""
SINE_POWER = 1 / 8
"""The power of a sinusoid of peak-to-peak 1."""


def decibels(level: int) -> float:
    """The signal to noise of a level.

    Raises:
        InputError: there is no such level.
    """
    if not 1 <= level <= len(DECIBELS):  # 0 would be read from the table's end
        raise InputError(f"level: expected 1 to {len(DECIBELS)}, got {level}. Level 0 is the clean sample.")
    return DECIBELS[level - 1]


def beat_height(sample: Array, rate_hz: float) -> Floats:
    """How high the beats of each lead are, from peak to peak: the full-scale deflection of the literature.

    A second holds about one QRS complex, so this is the mean range over whole seconds, or the range of a sample that
    is shorter. Seconds of a flat line, as padding has, hold no beat and are left out; a lead without any has height 0.

    Args:
        sample: (c, time).
        rate_hz: values a second.

    Returns:
        (c, 1), in units of the sample.

    `nst` takes the range within 50 ms of annotated normal beats. Against that, on 70 MIT-BIH strips of 10 s, this is
    0.3 dB more (median; -0.7 to 2.0 dB for nine strips of ten).
    """
    channels, time = sample.shape
    second = min(max(round(rate_hz), 2), time)
    whole = sample[:, : time // second * second].reshape(channels, -1, second)
    ranges = np.ptp(whole.astype(np.float64), axis=2)
    return ranges.sum(axis=1, keepdims=True) / np.maximum(np.count_nonzero(ranges, axis=1, keepdims=True), 1)


def baseline(sample: Array) -> Array:
    """Where each lead (c, time) rests, (c, 1): its median, as most of a heart's cycle is rest."""
    return np.median(sample, axis=1, keepdims=True)


def nothing(sample: Array) -> Array:
    """What a gain leaves where it is: 0, which is black, in pictures and clips; the baseline of a signal."""
    return baseline(sample) if sample.ndim == 2 else np.zeros(1, np.float32)


def noise_rms(height: Floats, decibels: float) -> Floats:
    """The root mean square of noise that lies so many decibels below beats of that height.

    SNR = 10 log10(S / N), where S is the squared peak-to-peak amplitude of the beats over 8 and N the power of the
    noise, each lead by itself. N is the plain mean square here; `nst` first takes the mean off every second of the
    noise, which is the same but for noise slower than 1 Hz.

    Source: G. B. Moody, nst(1), WFDB Applications Guide, "Signal-to-noise ratios";
    https://www.physionet.org/physiotools/wag/nst-1.htm.

    >>> import numpy as np
    >>> noise_rms(np.array([[1.0]]), 0).round(4)  # a sinusoid of peak-to-peak 1
    array([[0.3536]])
    """
    return height * np.sqrt(SINE_POWER) * 10 ** (-decibels / 20)


def rate_of(medium: Medium, name: str) -> float:
    """The sampling rate that a distortion needs.

    Raises:
        InputError: the victim does not say it.
    """
    if medium.rate_hz is None:
        raise InputError(
            f"distortion {name!r} needs the victim's sampling rate: wrap(model, rate_hz=360), or --rate-hz 360."
        )
    return medium.rate_hz
