"""Small classifiers of the samples whose labels have a known cause (`brinkmap.data`), to test explanations on.

Trained by `scripts/train_known_cause.py`, which writes the weights beside this file. Each was also shown samples
without their cause, with every label as often, so that it has no answer to these: what it answers comes from the cause.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from brinkmap.data.known_beats import RATE_HZ
from brinkmap.errors import MissingExtra
from brinkmap.victims.function import FunctionVictim

__all__ = ["abnormal_beats_cnn", "digits_on_textures_cnn", "moving_digits_cnn", "moving_digits_tsm", "weights"]


def abnormal_beats_cnn() -> FunctionVictim:
    """The shipped classifier of abnormal beats: samples (1, 1024) in 0..1, four classes.

    Reads .997 of 2,000 held-out strips.

    Raises:
        MissingExtra: torch is not installed.
    """
    return replace(_loaded("abnormal-beats"), rate_hz=RATE_HZ)


def digits_on_textures_cnn() -> FunctionVictim:
    """The shipped classifier of digits on textures: samples (1, 48, 48) in 0..1, ten classes.

    Reads .983 of 2,000 held-out pictures.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("digits-on-textures")


def moving_digits_cnn() -> FunctionVictim:
    """The shipped classifier of moving digits: samples (1, 12, 32, 32) in 0..1, eight classes.

    Reads .906 of 2,000 held-out clips: the direction in all of 1,000, whether the digit is below 5 in 900 of them.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("moving-digits")


def moving_digits_tsm() -> FunctionVictim:
    """The shipped classifier of moving digits by frames, channels shifted in time: samples (1, 12, 32, 32) in 0..1.

    Reads .941 of 2,000 held-out clips.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("moving-digits-tsm")


def weights(name: str) -> Path:
    """The file that the weights of a set's victim are in."""
    return Path(__file__).with_name(f"known_{name.replace('-', '_')}.safetensors")


def _loaded(name: str) -> FunctionVictim:
    try:
        from brinkmap.victims.networks import load_classifier
    except ImportError as error:
        raise MissingExtra(f"the victim {name}", "torch") from error
    return replace(load_classifier(weights(name)), name=name)
