"""Hardened by each attack, evaluated by every attack: the slides' cross matrix, at equal training time.

python benchmarks/harden.py digits [METHOD ...] [--seeds 0 1 2]     embedded, about two CPU minutes a row
python benchmarks/harden.py cifar [METHOD ...]                      ResNet-20 of ../shared/data, 15, most for AutoAttack
python benchmarks/harden.py page                                    writes docs/results/harden.md

A method and a seed are a row of docs/results/harden/, written as it is measured; weights are in build/harden/. All
methods begin with the same trained network and have the same CPU seconds, attacks included. Checkpoints are picked on
a validation split, by accuracy under FGSM among those that lose at most a point of natural accuracy of it. On CIFAR
260 lossless test images are that split, and the last weights may be mixed with the first to keep that point, whatever
the method. `ours` makes plans of patches by the gradients of the network under training, `ours-queries` asks it as an
outsider would.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import harden_page
import real_data
from brinkmap import Run, attack
from brinkmap.data import digits_heldout, digits_train
from brinkmap.distortions import NATURAL
from brinkmap.harden import (
    FGSM,
    PGD,
    Attacked,
    Distorted,
    Labelled,
    Modern,
    Planned,
    Published,
    Recipe,
    accuracy,
    auto_attack,
    fit,
    split,
)
from brinkmap.response.precision import bfloat16_pays
from brinkmap.session import Session
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.networks import SmallVGG
from brinkmap.victims.torch_adapter import torch_function

ROOT = Path(__file__).resolve().parents[1]
RESULTS, WEIGHTS = ROOT / "docs" / "results" / "harden", ROOT / "build" / "harden"
FINE = 10_000
"""JPEG training images that ResNet-20 is fine-tuned on."""
LEVEL = 3
"""Of the common corruptions, which cover the whole picture."""


@dataclass(frozen=True)
class Case:
    """A network that is hardened, and at what distances."""

    name: str
    base: Callable[[int], nn.Module]
    """The network that all methods begin with, by seed."""
    train: Labelled
    test: Labelled
    max_l2: float
    epsilon: float
    """Linf, for the PGD and AutoAttack that evaluate, and for FGSM, which picks checkpoints."""
    planned: float
    """L2 that ours plans within in training."""
    shifted: float
    """Linf of FGSM and PGD in training."""
    patch: int
    seconds: float
    """CPU seconds of each training."""
    asked: int
    """Queries that an attack of the training may ask of a sample."""
    share: float
    """Of the training samples, how many are attacked each epoch."""
    levels: tuple[float, float]
    """Between which ours shifts patches."""
    patches: tuple[int, ...]
    """Their sides."""
    rate: float
    """Of the optimiser."""
    budget: int = 200
    """Queries of the attacks that evaluate."""
    few: int = 100
    """Samples for AutoAttack."""
    hurry: Callable[[nn.Module], AbstractContextManager[Any]] = nullcontext
    """Within it the network is trained and attacked in training, all methods alike."""
    validation: Labelled | None = None
    """What checkpoints are picked by; a tenth of the training samples if None."""
    tolerance: float = 0.01
    """Of natural accuracy on it, that a checkpoint may lose."""
    blend: bool = False
    """Whether the last weights may be mixed with the first to keep it."""

    def run(self, agent: str, distortions: tuple[str, ...], patch: int, budget: int, seed: int) -> Run:
        """One attack within the case's distance."""
        return Run(
            agent=agent, distortions=distortions, patch=patch, max_l2=self.max_l2, budget=budget, seed=seed
        )  # fmt: skip

    def norm(self, agent: str, budget: int, seed: int) -> Run:
        """Other people's attacks, which change values as they like."""
        return Run(agent=agent, max_l2=self.max_l2, budget=budget, seed=seed)


def recipe_of(case: Case, method: str, seed: int) -> Recipe:
    """How a method trains; a rate that does not depend on the end, which comes by the clock."""
    settings: dict[str, Any] = {}
    if method in ("fgsm", "pgd"):
        size = case.shifted
        settings["adversary"] = FGSM(size) if method == "fgsm" else PGD(size, size / 4)
    elif method == "random":
        settings["pool"] = Distorted(run=_ours(case, seed), every=1, share=case.share)
    elif method == "ours":
        settings["adversary"] = Planned(case.planned, case.patches, case.levels)
    elif method == "ours-queries":
        settings["pool"] = Attacked(run=_ours(case, seed), every=1, share=case.share)
    elif method in ("simba", "square"):
        settings["pool"] = Attacked(run=case.norm(method, case.asked, seed), every=1, share=case.share)
    return Recipe(
        judge=FGSM(case.epsilon),
        optimiser=Published(case.rate),
        epochs=10_000,
        max_seconds=case.seconds,
        tolerance=case.tolerance,
        blend=case.blend,
        seed=seed,
        **settings,
    )


def _ours(case: Case, seed: int) -> Run:
    """All filters at once, the norm-matched one included: what is to be stood up to is not known beforehand."""
    return case.run("credit", (*NATURAL, "tint"), case.patch, case.asked, seed)


def trained(case: Case, method: str, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """The hardened network, and what its training came to."""
    net = case.base(seed)
    if method == "none":
        return net.eval(), {"seconds": 0.0, "epochs": 0, "picked": 0, "queries": 0, "share": 0.0}
    train, validation = split(case.train, seed=seed)
    validation = case.validation or validation
    recipe, folder = recipe_of(case, method, seed), WEIGHTS / case.name / f"{method}-{seed}"
    with case.hurry(net):
        fitted = fit(net, train, validation, recipe, folder=folder)
    last = fitted.history[-1]
    return fitted.net, {
        "seconds": round(last.seconds, 1), "epochs": last.epoch, "picked": fitted.best.epoch, "queries": last.queries,
        "share": fitted.share,
    }  # fmt: skip


def errors_of(case: Case, net: nn.Module, seed: int) -> dict[str, float]:
    """The share of test samples that is wrong before or after each evaluation."""
    test, few = case.test, Labelled(case.test.samples[: case.few], case.test.labels[: case.few])
    victim = FunctionVictim(torch_function(net), shape=test.samples.shape[1:], outputs="logits")
    found = {"clean": 1 - accuracy(net, test)}
    found |= {agent: _error(victim, test, case.norm(agent, case.budget, seed)) for agent in ("simba", "square")}
    found["pgd"] = 1 - accuracy(net, test, PGD(case.epsilon, case.epsilon / 10, 40), seed)
    found["autoattack"] = 1 - auto_attack(net, few, case.epsilon, seed)["square"]
    for name in NATURAL:
        run = case.run("credit", (name,), case.patch, case.budget, seed)
        found[f"ours: {name}"] = _error(victim, test, run)
        found[f"corruption: {name}"] = _corrupted(victim, test, name)
    found["ours: tint"] = _error(victim, test, case.run("credit", ("tint",), case.patch, case.budget, seed))
    return found


def _error(victim: FunctionVictim, test: Labelled, run: Run) -> float:
    kept = sum(one.attacked and not one.success for one in attack(victim, test.samples, test.labels, run))
    return 1 - kept / len(test)


def _corrupted(victim: FunctionVictim, test: Labelled, name: str) -> float:
    """One filter over the whole of every picture, as in ImageNet-C."""
    canvas = Session(victim, test.samples.shape[1:], Run(distortions=(name,), patch=max(test.samples.shape[1:]))).canvas
    shown = np.stack([canvas.paint(one, index, LEVEL)[0] for index, one in enumerate(test.samples)])
    return float(np.mean(victim.predict(shown.reshape(test.samples.shape)).argmax(axis=1) != test.labels))


@cache
def case_of(name: str) -> Case:
    """`digits` or `cifar`."""
    if name == "digits":
        train, test = Labelled(*digits_train()), Labelled(*digits_heldout())
        few = Labelled(test.samples[:200], test.labels[:200])
        return Case(
            name, _digits_base, train, few, max_l2=1.0, epsilon=0.1, planned=1.0, shifted=0.1, patch=2, seconds=60,
            asked=30, share=0.25, levels=(0.1, 0.5), patches=(1, 2), rate=5e-4,
        )  # fmt: skip
    x, y = real_data.cifar_images()
    held = np.load(real_data.SHARED / "cifar10" / "train_jpeg_10000.npz")
    pictures = np.float32(held["x"][:FINE].transpose(0, 3, 1, 2) / 255)
    train = Labelled(pictures, _own_answers(_cifar_base(0), pictures))
    lossless = Labelled(np.float32(x.transpose(0, 3, 1, 2) / 255), np.int64(y))
    test, others = (Labelled(lossless.samples[rows], lossless.labels[rows]) for rows in (slice(200), slice(200, None)))
    return Case(
        name, _cifar_base, train, test, max_l2=1.0, epsilon=2 / 255, planned=0.25, shifted=0.5 / 255, patch=4,
        seconds=300, asked=20, share=0.1, levels=(1 / 255, 16 / 255), patches=(1, 2, 4), rate=1e-4, validation=others,
        blend=True, hurry=_Steady.in_half,
    )  # fmt: skip


def _digits_base(seed: int) -> nn.Module:
    """A small network, trained on the samples as they are until it knows them."""
    train, validation = split(Labelled(*digits_train()), seed=seed)
    torch.manual_seed(seed)
    net = SmallVGG((1, 8, 8), 10, (16, 32), 64)
    folder = WEIGHTS / "digits" / f"base-{seed}"
    return fit(
        net, train, validation, Recipe(epochs=40, check_every=5, optimiser=Modern(), seed=seed), folder=folder
    ).net


def _cifar_base(seed: int) -> nn.Module:
    """ResNet-20 as it is; the same for every seed."""
    net = real_data.shared_module("models_cifar").load("resnet20")
    for one in net.parameters():
        one.requires_grad_(True)
    return _Steady(net)


def _own_answers(net: nn.Module, samples: np.ndarray) -> np.ndarray:
    """What the network says of its training samples before it is hardened.

    It reads an eighth of the JPEG images wrongly. Fitting their true labels teaches it what compression does, and one
    pass of that costs two points on lossless images, more than the hardening itself.
    """
    with torch.inference_mode():
        return np.concatenate([net.eval()(part).argmax(1).numpy() for part in torch.from_numpy(samples).split(500)])


class _Steady(nn.Module):
    """A network whose batch statistics stay as they are: those of JPEG images would cost accuracy on lossless ones."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = real_data.channels_last(net)
        self.half = False

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Its logits."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            found: torch.Tensor = self.net(samples)
        return found.float()

    @contextmanager
    def in_half(self) -> Iterator[None]:
        """In bfloat16, more than twice as fast; what is measured afterwards is in single precision."""
        self.half = bfloat16_pays()
        try:
            yield
        finally:
            self.half = False

    def train(self, mode: bool = True) -> _Steady:
        """In training mode but for the statistics."""
        super().train(mode)
        for one in self.modules():
            if isinstance(one, nn.BatchNorm2d):
                one.eval()
        return self


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("digits", "cifar", "page"))
    parser.add_argument("methods", nargs="*", default=harden_page.METHODS, metavar="METHOD")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    torch.set_num_threads(1)
    for seed in given.seeds if given.case != "page" else ():
        for method in given.methods:
            _measure(case_of(given.case), method, seed)
    print(harden_page.write(RESULTS))


def _measure(case: Case, method: str, seed: int) -> None:
    path = RESULTS / case.name / f"{method}-{seed}.json"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    net, training = trained(case, method, seed)
    row = {
        "case": case.name, "method": method, "seed": seed, "samples": len(case.test), "max_l2": case.max_l2,
        "epsilon": case.epsilon, "budget": case.budget, "allowed_seconds": case.seconds, "training": training,
        "errors": {name: round(value, 4) for name, value in errors_of(case, net, seed).items()},
    }  # fmt: skip
    path.write_text(json.dumps(row, indent=1) + "\n")
    print(f"{case.name} {method} {seed}: {training} {row['errors']}", flush=True)


if __name__ == "__main__":
    main()
