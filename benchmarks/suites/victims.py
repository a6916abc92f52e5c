"""Victims, samples and surrogates that the suites name; from the data folder, which is not part of the package."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from real_data import FORMER_AGENT, SHARED, cifar_images, cifar_victim, shared_module

ROOT = Path(__file__).resolve().parents[2]
VIT = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}


def _cifar(name: str) -> Callable[[], brinkmap.Victim]:
    return lambda: cifar_victim(name)


resnet20, resnet32, resnet56 = _cifar("resnet20"), _cifar("resnet32"), _cifar("resnet56")
resnet4b_adv, cnn_a_mix = _cifar("resnet4b_adv"), _cifar("cnn_a_mix")


def vit() -> brinkmap.Victim:
    """The small robust vision transformer, an ONNX file."""
    return brinkmap.wrap(str(SHARED / "cifar10_robust" / "vit_pgd_2_3_16.onnx"), **VIT)


def cifar_lossless() -> tuple[Any, Any]:
    """The 460 lossless CIFAR-10 test images and their labels."""
    return cifar_images()


@functools.cache
def _train() -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 JPEG training images, as rows of values on 0..1, and their labels."""
    held = np.load(SHARED / "cifar10" / "train_jpeg_10000.npz", allow_pickle=False)
    return np.moveaxis(held["x"], -1, 1).reshape(len(held["x"]), -1).astype(np.float32) / 255, held["y"]


def _fitted(estimator: Any) -> brinkmap.Victim:
    x, y = _train()
    return brinkmap.wrap(estimator.fit(x, y), shape=(3, 32, 32))


def mlp() -> brinkmap.Victim:
    """A perceptron of two hidden layers, fitted here in about a minute."""
    from sklearn.neural_network import MLPClassifier

    return _fitted(MLPClassifier((256, 128), early_stopping=True, max_iter=30, random_state=0))


def forest() -> brinkmap.Victim:
    """A random forest of 100 trees."""
    from sklearn.ensemble import RandomForestClassifier

    return _fitted(RandomForestClassifier(100, random_state=0, n_jobs=2))


def neighbours() -> brinkmap.Victim:
    """The 25 nearest neighbours, weighted by distance."""
    from sklearn.neighbors import KNeighborsClassifier

    return _fitted(KNeighborsClassifier(25, weights="distance", n_jobs=2))


def _mobilenet(name: str, size: int) -> Callable[[], brinkmap.Victim]:
    """A MobileNet through ONNX Runtime, which is 2.5 times as fast as PyTorch with these layers on this processor."""

    def load() -> brinkmap.Victim:
        path = ROOT / "build" / "onnx" / f"{name}.onnx"
        if not path.is_file():
            _export(shared_module("models_imagenet").load(name), size, path)
        return brinkmap.wrap(str(path), shape=(3, size, size), classes=1000)

    return load


def _export(net: Any, size: int, path: Path) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    given, axes = torch.rand(2, 3, size, size), {"x": {0: "n"}, "y": {0: "n"}}
    part = path.with_suffix(".tmp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the legacy exporter, which needs no further package
        torch.onnx.export(
            net, (given,), str(part), input_names=["x"], output_names=["y"], dynamic_axes=axes, dynamo=False
        )
    part.replace(path)


mobilenet_v2, mobilenet_v1 = _mobilenet("mobilenet_v2_1.0_224", 224), _mobilenet("mobilenet_v1_0.75_192", 192)


def _imagenet(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The 200 validation images, scaled to size x size, uint8, and their labels."""
    import csv

    from PIL import Image

    folder = SHARED / "imagenet"
    with (folder / "val200.csv").open() as file:
        rows = list(csv.DictReader(file))
    pictures = []
    for row in rows:
        with Image.open(folder / "val200" / row["file"]) as picture:
            pictures.append(np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)))
    return np.stack(pictures), np.array([int(row["label"]) for row in rows])


def imagenet_224() -> tuple[Any, Any]:
    """The ImageNet images for MobileNet v2."""
    return _imagenet(224)


def imagenet_192() -> tuple[Any, Any]:
    """The ImageNet images for MobileNet v1."""
    return _imagenet(192)


def prgf() -> Any:
    """P-RGF with a surrogate trained on 10,000 labels (scripts/train_agents.py cifar10 --queries 0 --labels)."""
    from brinkmap.compare import PriorGuidedAttack

    return PriorGuidedAttack(_surrogate())


def transfer() -> Any:
    """Transfer with feedback, with a surrogate trained on 10,000 labels."""
    from brinkmap.compare import SurrogateAttack

    return SurrogateAttack([_surrogate()])


def _surrogate() -> Any:
    import torch

    from brinkmap.agents.response import ResponseAgent

    folder = ROOT / "build" / "agents" / "labels-s0"
    sys.path.insert(0, str(ROOT / "scripts"))
    from train_agents import make

    agent = make("cifar10", 0, 0, folder, labels=True)
    assert isinstance(agent, ResponseAgent)
    torch.set_grad_enabled(True)
    return agent.net


def trained() -> Any:
    """An agent that asked ResNet-20 120,000 times on training images."""
    from brinkmap.agents.saved import load_agent

    return load_agent(FORMER_AGENT)


def _changing(cells: int) -> Callable[[], Any]:
    """The trained agent, changing at most so many cells at once."""

    def make() -> Any:
        from brinkmap.agents.response import Habits, ResponseAgent

        agent = trained()
        assert isinstance(agent, ResponseAgent)
        return ResponseAgent(agent.net, Habits(changes=cells), agent.made_for)

    return make


change_4, change_16 = _changing(4), _changing(16)
