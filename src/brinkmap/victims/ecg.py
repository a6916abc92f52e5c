"""The ECG classifiers that come with Brinkmap: small residual networks of one lead, in millivolts.

Trained by `scripts/train_ecg.py`, which writes the weights beside this file. What they reach on patients (or simulated
hearts) that they have not seen is in docs/results/ecg.md. The weights of two were made from the MIT-BIH Arrhythmia
Database (Moody & Mark 2001, IEEE Eng. Med. Biol. 20(3):45; PhysioNet, Open Data Commons Attribution License 1.0).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from brinkmap.errors import MissingExtra
from brinkmap.victims.function import FunctionVictim

__all__ = ["SHIPPED", "ecg_rhythms_resnet", "mitbih_beats_resnet", "mitbih_strips_resnet"]

SHIPPED = {
    name: Path(__file__).with_name(f"{name.replace('-', '_')}.safetensors")
    for name in ("ecg-rhythms", "mitbih-beats", "mitbih-strips")
}
"""The weights of each."""


def ecg_rhythms_resnet() -> FunctionVictim:
    """The shipped classifier of the strips of `brinkmap.data.ecg_rhythms`: (1, 3000) mV at 300 Hz, four classes.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("ecg-rhythms")


def mitbih_beats_resnet() -> FunctionVictim:
    """The shipped classifier of beats, 1 s before R to 0.6 s after: (1, 576) mV of MLII at 360 Hz, AAMI's five classes.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("mitbih-beats")


def mitbih_strips_resnet() -> FunctionVictim:
    """The shipped classifier of 10-s strips by their most severe beat: (1, 3600) mV of MLII at 360 Hz, AAMI's classes.

    Raises:
        MissingExtra: torch is not installed.
    """
    return _loaded("mitbih-strips")


def _loaded(name: str) -> FunctionVictim:
    try:
        from brinkmap.victims.networks import load_classifier
    except ImportError as error:
        raise MissingExtra(f"the victim {name}", "torch") from error
    return replace(load_classifier(SHIPPED[name]), name=name)
