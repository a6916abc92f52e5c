"""Samples whose reason is known, and their victims, for `explain.py`."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap
import real_data
from brinkmap.data import KnownCause, abnormal_beats, digits_on_textures, moving_digits
from brinkmap.data.ecg import AAMI, AAMI_OF, DS2, Signals, Strips, read_record
from brinkmap.registry import resolve
from ecg_cases import in_turn, train_ecg

EVERY = {
    "posterior": (30, 100, 300), "rl-cam": (300,), "rise": (100, 300, 500, 2000, 8000), "occlusion": (300,),
    "lime": (100, 300), "kernel-shap": (300,), "trace": (0,), "grad-cam": (0,), "ablation-cam": (0,),
    "score-cam": (0,), "integrated-gradients": (0,), "smoothgrad": (0,), "random": (0,), "centre": (0,),
}  # fmt: skip
"""Explainers and what they may ask."""


@dataclass(frozen=True)
class Setting:
    """What is explained."""

    victim: brinkmap.Victim
    network: Any
    """Its torch network as a victim, for explainers that need one; the same victim where it is one."""
    samples: np.ndarray
    """(n, c, *extent), all of which the victim gets right."""
    labels: np.ndarray
    truths: np.ndarray
    """(n, *extent) bool."""


@dataclass(frozen=True)
class Case:
    """A row of settings that are explained in the same way."""

    name: str
    title: str
    make: Callable[[int], Setting]
    samples: int
    few: int
    """Samples for more than `MANY` queries."""
    methods: dict[str, tuple[int, ...]]
    seeds: int = 3


MANY = 2000
AROUND_S = (0.25, 0.4)
"""Seconds before and after an R peak that count as its beat."""
DRAWN = 227
"""Pixels a side that the boxes of the table are drawn on."""


def _known(made: Callable[..., KnownCause], name: str) -> Callable[[int], Setting]:
    def make(count: int) -> Setting:
        victim, held = resolve("victim", name)(), made()
        right = victim.predict(held.samples).argmax(axis=1) == held.labels
        samples, labels, masks = (one[right][:count] for one in (held.samples, held.labels, held.masks))
        return Setting(victim, victim, samples, labels, masks)

    return make


def _imagenet(count: int) -> Setting:
    """Pictures whose class's boxes cover less than half of them, read by MobileNet v1."""
    x, y = resolve("victim", f"{Path(__file__).parent / 'suites' / 'victims.py'}:imagenet_192")()
    victim, network = _fast(real_data.mobilenet(), (3, 192, 192), 1000, 16)
    truths = _boxes(x.shape[1:3] if x.dtype == np.uint8 else x.shape[2:])
    right = real_data.answers(victim, x, 32) == y
    kept = np.flatnonzero(right & (truths.mean(axis=(1, 2)) < 0.5))[:count]
    return Setting(victim, network, x[kept], y[kept], truths[kept])


def _fast(net: Any, shape: tuple[int, ...], classes: int, chunk: int) -> tuple[brinkmap.Victim, brinkmap.Victim]:
    """A network as a victim that only answers, and as one that has gradients too."""
    network = brinkmap.wrap(net, shape=shape, classes=classes)
    return brinkmap.wrap(real_data.compiled(net, chunk), shape=shape, classes=classes, outputs="logits"), network


def _davis_clips(count: int) -> Setting:
    """The sequences whose motion has a class of Kinetics-600, read by MoViNet; that class is explained."""
    held = np.load(real_data.SHARED / "video" / "davis_masks.npz")
    kept = np.flatnonzero(held["y_k600"] >= 0)[:count]
    victims = _fast(real_data.movinet(), (3, 16, 172, 172), 600, 2)
    return Setting(*victims, *_davis(held, kept, held["y_k600"]))


def _davis_frames(count: int) -> Setting:
    """Single frames of the sequences whose object has a class of ImageNet, read by MobileNet v1 at its own size."""
    held = np.load(real_data.SHARED / "video" / "davis_masks.npz")
    sequences = np.flatnonzero(held["y_imagenet"] >= 0)
    clips, classes, masks = _davis(held, sequences, held["y_imagenet"])
    frames = clips.transpose(0, 2, 1, 3, 4).reshape(-1, 3, 172, 172)
    truths = masks.reshape(-1, 172, 172)
    place = np.rint(np.linspace(0, 171, 192)).astype(int)
    frames, truths = frames[..., place[:, None], place], truths[..., place[:, None], place]
    labels = np.repeat(classes, 16)
    every = slice(None, None, max(1, len(frames) // count))
    victims = _fast(real_data.mobilenet(), (3, 192, 192), 1000, 16)
    return Setting(*victims, np.ascontiguousarray(frames[every]), labels[every], truths[every])


def _davis(held: Any, kept: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips, labels and masks of these sequences."""
    masks = np.unpackbits(held["mask_bits"][kept], axis=-1, count=172).astype(bool)
    samples = np.ascontiguousarray(np.moveaxis(held["x"][kept], -1, 1), np.float32) / 255
    return samples, labels[kept].astype(np.int64), masks


def _mitbih(count: int) -> Setting:
    """Real 10-s strips with ventricular or supraventricular beats, of patients that the victim has not seen."""
    held, victim = np.load(real_data.SHARED / "ecg" / "mitbih_strips10s.npz"), resolve("victim", "mitbih-strips")()
    kinds, samples = held["kind"], held["x"][:, None]
    labels, truths = np.array([AAMI.index(kind) for kind in kinds]), np.zeros(held["x"].shape, bool)
    for truth, places, symbols, kind in zip(truths, held["beat_pos"], held["beat_sym"], kinds, strict=True):
        _mark_beats(truth, places, symbols, kind, victim.rate_hz)
    right = victim.predict(samples).argmax(axis=1) == labels
    unseen = np.isin(held["rec"].astype(str), DS2) & (kinds != "N")
    kept = np.flatnonzero(right & unseen & truths.any(axis=1))[:count]
    return Setting(victim, victim, samples[kept], labels[kept], truths[kept])


def _mitdb(count: int) -> Setting:
    """More such strips, cut from the records themselves, kinds in turn: all that there are of the rarer ones."""
    victim, data = resolve("victim", "mitbih-strips")(), train_ecg.PLANS["mitbih-strips"].data()[1]
    samples, labels = data.stacked(victim.bounds), np.asarray(data.labels)
    rows = np.flatnonzero((real_data.answers(victim, samples) == labels) & (labels != AAMI.index("N")))
    rows = np.sort(rows[in_turn(labels[rows])][:count])
    truths = np.zeros((len(rows), samples.shape[-1]), bool)
    for truth, row in zip(truths, rows, strict=True):
        record, _, start_s = data.names[row].partition(":")
        marks = _annotations(record)
        places = (marks.times_s - float(start_s)) * victim.rate_hz
        inside = (places >= 0) & (places < samples.shape[-1])
        _mark_beats(truth, places[inside], marks.symbols[inside], AAMI[labels[row]], victim.rate_hz)
    assert truths.any(axis=1).all()
    return Setting(victim, victim, samples[rows], labels[rows], truths)


@cache
def _annotations(record: str) -> Any:
    path = real_data.SHARED / "ecg" / "mitdb" / f"{record}.hea"
    return read_record(path, Signals(leads=train_ecg.MLII, cut=Strips(10.0))).annotations


def _mark_beats(truth: np.ndarray, places: Any, symbols: Any, kind: str, rate_hz: float) -> None:
    """Set (time,) where the beats of this kind are, from before P to after T; places are of their R peaks."""
    before, after = (round(seconds * rate_hz) for seconds in AROUND_S)
    for place, symbol in zip(places, symbols, strict=True):
        if AAMI_OF.get(str(symbol)) == kind:
            truth[max(int(place) - before, 0) : int(place) + after] = True


@cache
def _boxes(extent: tuple[int, int]) -> np.ndarray:
    """(n, height, width) bool: inside any of a picture's boxes, in the order of the table."""
    with open(real_data.SHARED / "imagenet" / "val200.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    masks = np.zeros((len(rows), *extent), bool)
    for mask, row in zip(masks, rows, strict=True):
        numbers = np.array(row["boxes_xyxy_in_227px"].replace(";", " ").split(), float).reshape(-1, 4)
        for x0, y0, x1, y1 in numbers * (np.tile(extent[::-1], 2) / DRAWN):
            mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return masks


LESS = EVERY | {"rise": (300, 2000)}
DAVIS = {name: queries for name, queries in LESS.items() if name != "trace"}
"""A trace explains the class that was attacked, the victim's own answer, which is not the label of every sequence."""
MOVINET = DAVIS | {"posterior": (300,), "rise": (300, 500), "lime": (300,)}
CASES = {
    one.name: one
    for one in (
        Case("abnormal-beats", "Signals: the one abnormal beat of a strip", _known(abnormal_beats, "abnormal-beats"),
             200, 50, EVERY),
        Case("digits-on-textures", "Pictures: a digit on a texture", _known(digits_on_textures, "digits-on-textures"),
             200, 50, EVERY),
        Case("moving-digits", "Clips: a moving digit", _known(moving_digits, "moving-digits"), 200, 50, EVERY),
        Case("mitbih-strips", "MIT-BIH strips: the beats that made the label", _mitbih, 70, 50, EVERY),
        Case("mitdb-strips", "MIT-BIH records: strips of patients unseen, the beats that made the label", _mitdb,
             200, 50, EVERY | {"rise": (100, 300, 500, 2000)}),
        Case("imagenet", "ImageNet: inside the boxes of the class, MobileNet v1", _imagenet, 50, 50,
             LESS, seeds=1),
        Case("davis-frames", "DAVIS frames: camel and cow, pixel masks, MobileNet v1", _davis_frames, 32, 32,
             DAVIS, seeds=1),
        Case("davis-clips", "DAVIS clips: who moves, pixel masks, MoViNet-A0", _davis_clips, 6, 6,
             MOVINET, seeds=1),
    )
}  # fmt: skip
