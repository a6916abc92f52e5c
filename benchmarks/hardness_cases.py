"""Victims that test sets are made on and put to, for `hardness.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap
from brinkmap.arrays import Array, Ints
from brinkmap.data import digits_heldout, digits_train
from brinkmap.distortions import NATURAL
from brinkmap.victims import load_victim

sys.path.insert(0, str(Path(__file__).resolve().parent / "suites"))

import victims as suite_victims
from real_data import FORMER_AGENT, cifar_images


@dataclass(frozen=True)
class Set:
    """How one test set is made: a filter, and who puts it where."""

    distortion: str
    patch: int
    agent: str = "credit"
    beside: str | None = None
    """Another filter that the whole picture is shown under too, where this one's own has little to do with it."""


@dataclass(frozen=True)
class Case:
    """A set of samples and who reads it."""

    name: str
    title: str
    samples: Callable[[], tuple[Array, Ints]]
    victims: dict[str, Callable[[], brinkmap.Victim]]
    attacked: tuple[str, ...]
    """Those that a set is made on."""
    robust: tuple[str, ...]
    """Those that were trained against attacks."""
    sets: tuple[Set, ...]
    budget: int = 200
    attacked_only: tuple[str, ...] = ()
    """Not asked to read."""


def _digits() -> tuple[Array, Ints]:
    samples, labels = digits_heldout()
    return samples[:200], labels[:200]


def _fitted(make: Callable[[], Any]) -> Callable[[], brinkmap.Victim]:
    @cache
    def load() -> brinkmap.Victim:
        x, y = digits_train()
        return brinkmap.wrap(make().fit(x.reshape(len(x), -1), y), shape=(1, 8, 8))

    return load


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(200, random_state=0)


def _perceptron() -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((64,), max_iter=400, random_state=0)


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2000)


def _neighbours() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(15, weights="distance")


def _cifar() -> tuple[Array, Ints]:
    x, y = cifar_images()
    return np.ascontiguousarray(np.float32(x[:200].transpose(0, 3, 1, 2) / 255)), np.int64(y[:200])


def _together(*names: str) -> Callable[[], brinkmap.Victim]:
    """Several networks as one: the mean of their probabilities."""

    def load() -> brinkmap.Victim:
        members = [getattr(suite_victims, name)() for name in names]

        def answer(batch: Array) -> Array:
            return np.asarray(np.mean([one.predict(batch) for one in members], axis=0))

        return brinkmap.wrap(answer, shape=(3, 32, 32), classes=10, outputs="probabilities")

    return load


CASES = {
    one.name: one
    for one in (
        Case(
            "digits", "Digits: the first 200 held-out images", _digits,
            {
                "digits": lambda: load_victim("digits"), "perceptron": _fitted(_perceptron),
                "regression": _fitted(_regression), "forest": _fitted(_forest), "neighbours": _fitted(_neighbours),
            },
            attacked=("digits", "perceptron", "regression"), robust=(), sets=tuple(Set(name, 2) for name in NATURAL),
        ),
        Case(
            "cifar", "CIFAR-10: the first 200 lossless test images", _cifar,
            {
                **{name: getattr(suite_victims, name) for name in
                   ("resnet20", "resnet32", "resnet56", "vit", "cnn_a_mix", "resnet4b_adv")},
                "resnet20+cnn_a_mix": _together("resnet20", "cnn_a_mix"),
            },
            attacked=("resnet20", "cnn_a_mix", "resnet20+cnn_a_mix"),
            robust=("vit", "cnn_a_mix", "resnet4b_adv"),
            sets=(*[Set(name, 4) for name in NATURAL], Set("tint", 1, str(FORMER_AGENT), "gaussian-noise")),
            attacked_only=("resnet20+cnn_a_mix",),
        ),
    )
}  # fmt: skip
