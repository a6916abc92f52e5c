"""The ECG victims with their held-out windows, for `ecg.py`; real ones through the ordinary adapters.

`ecg200` is of `scripts/train_ecg.py ecg200`, which has to have been run; the other three of ours are shipped.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import brinkmap
import real_data
from brinkmap.data import ecg_rhythms
from brinkmap.data.dataset import DataSet
from brinkmap.data.ecg import AAMI
from brinkmap.victims import load_victim

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import train_ecg

MOTION = (("10ms",), ("16.67ms",), ("33.33ms",), ("50ms",), ("10ms", "16.67ms"), ("16.67ms", "33.33ms"))
DETACHED = (("3.33ms",), ("6.66ms",), ("10ms",), ("3.33ms", "6.66ms"), ("6.66ms", "10ms"))
"""The slides' segments."""
LONG = (("100ms",), ("250ms",), ("500ms",), ("1000ms",), ("100ms", "250ms"))
"""Segments that electrodes move and come off for."""
NOISES = {
    "bare-motion": MOTION, "bare-detached": DETACHED, "motion-artifact": LONG, "electrode-detachment": LONG,
}  # fmt: skip
LONG_TRAINING = (15_000, 6.0)
"""Of agents for windows of 3,000 values and more, which take six times as long to fit."""
SLIDES_HZ = 300.0
"""The slides' rate: their segments are 1, 2, 3, 5, 10 and 15 values."""

Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A victim and what it is attacked on."""

    title: str
    victim: Callable[[], brinkmap.Victim]
    held_out: Callable[[], Samples]
    """Everything that it is measured on: (n, c, time) within its bounds, and labels."""
    class_names: tuple[str, ...]
    normal: tuple[str, ...]
    unclassifiable: tuple[str, ...]
    max_l2: dict[str, float]
    """The bound of each noise, on samples scaled to 0..1; a noise that is not here is left out."""
    train: Callable[[], Samples] | None = None
    """What it was trained on; None where that is not to be had, and then it is not hardened."""
    longest_s: float = 0.5
    """Longer segments than this are left out."""
    training: tuple[int, float] = (30_000, 8.0)
    """Answers that the agent's training buys, once for a track, and how often its network goes over each."""


def chosen(victim: brinkmap.Victim, x: np.ndarray, y: np.ndarray, count: int) -> Samples:
    """So many windows that the victim reads rightly, classes in turn; choosing them costs no attack a query."""
    rows = np.flatnonzero(real_data.answers(victim, x) == y)
    rows = np.sort(rows[in_turn(y[rows])][:count])
    return x[rows], y[rows]


def in_turn(labels: np.ndarray) -> np.ndarray:
    """The order that takes one sample of each class, then a second one, and so on."""
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        rank[own] = np.arange(len(own))
    return np.lexsort((labels, rank))


def _arrays(data: DataSet, bounds: tuple[float, float]) -> Samples:
    assert data.labels is not None
    return data.stacked(bounds), data.labels


def _own(name: str) -> Callable[[], brinkmap.Victim]:
    def load() -> brinkmap.Victim:
        path = train_ecg.weights(name, None)
        if not path.is_file():
            raise SystemExit(f"{path} is not there: python scripts/train_ecg.py {name}")
        return load_victim(str(path))

    return load


@cache
def _data(name: str) -> tuple[DataSet, DataSet]:
    return train_ecg.PLANS[name].data()


def _held(name: str) -> Callable[[], Samples]:
    return lambda: _arrays(_data(name)[1], train_ecg.PLANS[name].bounds)


def _train(name: str) -> Callable[[], Samples]:
    def load() -> Samples:
        plan = train_ecg.PLANS[name]
        kept, (low, high) = train_ecg.chosen(_data(name)[0], plan), plan.bounds
        return kept.samples * np.float32(high - low) + np.float32(low), kept.labels

    return load


def _pretrained(name: str, bounds: tuple[float, float], rate_hz: float) -> Callable[[], brinkmap.Victim]:
    return lambda: brinkmap.wrap(
        real_data.shared_module("models_ecg").load(name), shape=(1, 187), classes=5, bounds=bounds, rate_hz=rate_hz
    )


def _beats(file: str) -> Callable[[], Samples]:
    def load() -> Samples:
        held = np.load(real_data.SHARED / "ecg" / file, allow_pickle=False)
        return held["x"][:, None], held["y"]

    return load


RHYTHMS = ecg_rhythms("heldout", 4).class_names or ()
CASES = {
    "ecg-rhythms": Case(
        "Simulated rhythms, 10 s at 300 Hz, our ResNet", lambda: load_victim("ecg-rhythms"),
        lambda: _arrays(ecg_rhythms("heldout", 2000), (-3.0, 3.0)), RHYTHMS, ("normal",), ("noisy",),
        {"bare-motion": 2.0, "bare-detached": 2.0, "motion-artifact": 3.0, "electrode-detachment": 3.0},
        lambda: _arrays(ecg_rhythms("train", 3000), (-3.0, 3.0)), 1.0, LONG_TRAINING,
    ),
    "mitbih-beats": Case(
        "MIT-BIH DS2, beats of 1.6 s at 360 Hz, our ResNet trained on DS1", _own("mitbih-beats"), _held("mitbih-beats"),
        AAMI, ("N",), ("Q",),
        {"bare-motion": 0.5, "bare-detached": 0.5, "motion-artifact": 2.0, "electrode-detachment": 1.0},
        _train("mitbih-beats"), 0.5,
    ),
    "mitbih-strips": Case(
        "MIT-BIH DS2, strips of 10 s at 360 Hz, our ResNet trained on DS1", _own("mitbih-strips"),
        _held("mitbih-strips"), AAMI, ("N",), ("Q",),
        {"bare-motion": 0.5, "bare-detached": 0.5, "motion-artifact": 1.0, "electrode-detachment": 1.0},
        _train("mitbih-strips"), 1.0, LONG_TRAINING,
    ),
    "cnn-transformer": Case(
        "MIT-BIH beats of 0.52 s at 360 Hz, z-scored by record, a published CNN-Transformer",
        _pretrained("cnn_transformer", (-9.0, 9.0), 360.0), _beats("mitbih_beats187.npz"), AAMI, ("N",), ("Q",),
        {"bare-motion": 0.5, "bare-detached": 0.5, "motion-artifact": 1.0, "electrode-detachment": 1.0}, None, 0.25,
    ),
    "inception": Case(
        "MIT-BIH beats of 1.5 s at 125 Hz, each on 0..1, a published Inception network",
        _pretrained("inception", (0.0, 1.0), 125.0), _beats("mitbih_beats187_kachuee.npz"), AAMI, ("N",), ("Q",),
        {"bare-motion": 0.5, "bare-detached": 1.0, "motion-artifact": 2.0, "electrode-detachment": 1.5}, None, 0.5,
    ),
    "ecg200": Case(
        "ECG200 of UCR, single beats of 96 values of no stated rate, our ResNet", _own("ecg200"), _held("ecg200"),
        ("ischemia", "normal"), ("normal",), (), {"bare-motion": 1.0, "bare-detached": 0.5}, _train("ecg200"),
    ),
}  # fmt: skip


def patches(case: Case, noise: str, rate_hz: float | None) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """The segments of a noise that a case can be attacked with: as written, and in values.

    Where the rate is not stated the slides' own values are taken. Left out: segments of less than half a value, pairs
    that are one number of values, and those that are longer than the case allows.
    """
    found = []
    for named in NOISES[noise]:
        ms = [float(one.removesuffix("ms")) for one in named]
        values = tuple(math.floor(one * (rate_hz or SLIDES_HZ) / 1000 + 0.5) for one in ms)  # a half is rounded up
        if min(values) >= 1 and len(set(values)) == len(values) and max(ms) / 1000 <= case.longest_s:
            found.append((named, values))
    return found
