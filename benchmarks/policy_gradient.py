"""The study of a classifier trained by rewards, beside cross-entropy: Gupta 2020 redone, and its doubt tested.

python benchmarks/policy_gradient.py digits              every cell on the embedded digits: half an hour
python benchmarks/policy_gradient.py cifar [CELL ...]    CIFAR-10's JPEG images of ../shared/data: hours; can be resumed
python benchmarks/policy_gradient.py cifar --evaluate    measures what is trained and writes the page; --page only that

One network and one compute for all cells of a schedule: a pass over FGSM samples costs two plain ones, one over PGD-5
samples six, and the passes are shared out accordingly. Weights are in build/policy-gradient/, figures in docs/results/.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import policy_gradient_page
import real_data
from brinkmap.data import digits_heldout, digits_train
from brinkmap.harden import (
    FGSM,
    PGD,
    CrossEntropy,
    ExpectedReward,
    Fitted,
    Labelled,
    Modern,
    PolicyGradient,
    Published,
    Recipe,
    Repeated,
    Unchanged,
    accuracy,
    auto_attack,
    fit,
    masking_signs,
    split,
)
from brinkmap.victims.networks import SmallVGG

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results" / "policy-gradient"
OBJECTIVES = {
    "RL": PolicyGradient(),
    "RL-expected": PolicyGradient(baseline=ExpectedReward()),
    "RL-repeated": PolicyGradient(rewards=Repeated()),
    "CE": CrossEntropy(),
}
MODERN = Modern(most=2e-4)
"""Rewards alone get stuck answering one class at 1e-3 on digits, and at 6e-4 on CIFAR-10."""
CURVE = (0, 1, 2, 3, 4, 6, 8, 12, 16)
"""FGSM distances, in 1/255 of the case's unit."""


@dataclass(frozen=True)
class Case:
    """A data set with the network and the schedules that it allows."""

    name: str
    train: Labelled
    test: Labelled
    widths: tuple[int, ...]
    hidden: int
    unit: float
    """What 1/255 of the paper is here: digits have 17 grey levels, and need three times the distance."""
    grid: str
    """The schedule of the cells that are compared in every way."""
    epochs: dict[str, int]
    """Over FGSM samples, by schedule; after the early ones CE is about as accurate as RL in the end: a control."""
    attacked: int
    """Test samples for AutoAttack and for the signs of masking."""

    @property
    def epsilon(self) -> float:
        """The paper's 8/255."""
        return 8 / 255 * self.unit


@dataclass(frozen=True)
class Cell:
    """One training."""

    objective: str
    adversary: str
    schedule: str
    layer_norm: bool = True
    repeat: int = 0

    @property
    def name(self) -> str:
        """Also its folder's."""
        parts = [self.objective, self.adversary, self.schedule, "" if self.layer_norm else "plain", str(self.repeat)]
        return "-".join(part for part in parts if part)


def cells_of(case: Case) -> tuple[Cell, ...]:
    """All that are trained, the dearest last."""
    grid, both = case.grid, ("RL", "CE")
    return (
        *(Cell(objective, "none", grid) for objective in both),
        *(Cell(objective, "fgsm", grid, layer_norm=False) for objective in both),
        *(Cell(objective, "pgd", grid) for objective in both),
        *(Cell(objective, "fgsm", grid) for objective in both),
        *(Cell(objective, "fgsm", grid, repeat=1) for objective in both),
        Cell("RL-expected", "fgsm", grid),
        Cell("RL-repeated", "fgsm", grid),
        Cell("CE", "fgsm", "early"),
        *(Cell(objective, "fgsm", "published") for objective in both),
    )


@cache
def case_of(name: str) -> Case:
    """`digits` or `cifar`."""
    if name == "digits":
        return Case(
            name, Labelled(*digits_train()), Labelled(*digits_heldout()), (16, 32), 64, 3.0,
            grid="modern", epochs={"modern": 100, "published": 220, "early": 20}, attacked=100,
        )  # fmt: skip
    sets = [np.load(real_data.SHARED / "cifar10" / f"{part}.npz") for part in ("train_jpeg_10000", "test_jpeg_1000")]
    train, test = (Labelled(np.float32(one["x"].transpose(0, 3, 1, 2) / 255), np.int64(one["y"])) for one in sets)
    return Case(
        name, train, test, (16, 32, 64), 256, 1.0,
        grid="short", epochs={"short": 33, "published": 110, "early": 6}, attacked=100,
    )  # fmt: skip


def recipe_of(case: Case, cell: Cell) -> Recipe:
    """How a cell is trained."""
    epsilon = case.epsilon
    adversaries = {"none": Unchanged(), "fgsm": FGSM(epsilon), "pgd": PGD(epsilon, epsilon / 4)}
    passes = policy_gradient_page.COSTS["fgsm"] * case.epochs[cell.schedule]
    epochs = max(1, round(passes / policy_gradient_page.COSTS[cell.adversary]))
    return Recipe(
        objective=OBJECTIVES[cell.objective], adversary=adversaries[cell.adversary], judge=FGSM(epsilon),
        optimiser=MODERN if cell.schedule == "modern" else Published(), epochs=epochs,
        check_every=11 if cell.schedule in ("published", "short") else max(1, epochs // 20), seed=cell.repeat,
    )  # fmt: skip


def trained(case: Case, cell: Cell, watch: Any = None) -> Fitted:
    """The cell's network; goes on from its checkpoint, and is done at once where that is complete."""
    torch.manual_seed(cell.repeat)
    shape, classes = case.train.samples.shape[1:], int(case.train.labels.max()) + 1
    net = SmallVGG(shape, classes, case.widths, case.hidden, cell.layer_norm)
    train, validation = split(case.train)
    folder = ROOT / "build" / "policy-gradient" / case.name / cell.name
    return fit(net, train, validation, recipe_of(case, cell), watched={"test": case.test}, folder=folder, watch=watch)


def evaluated(case: Case, cell: Cell) -> dict[str, Any]:
    """Every figure of a trained cell: of the checkpoint that was picked, and of the last one."""
    fitted = trained(case, cell)
    net, few = fitted.net, _first(case.test, case.attacked)
    picked = {name: values.clone() for name, values in net.state_dict().items()}
    figures: dict[str, Any] = {"cell": asdict(cell), "epochs": recipe_of(case, cell).epochs}
    figures["history"] = [asdict(one) for one in fitted.history]
    figures["picked_epoch"] = fitted.best.epoch
    for which, weights in (("last", fitted.last), ("picked", picked)):
        net.load_state_dict(weights)
        curve = {str(step): accuracy(net, case.test, _fgsm(case, step)) for step in CURVE}
        figures[which] = {"fgsm": curve, "train": accuracy(net, split(case.train)[0])}
        same = which == "picked" and fitted.best.epoch == fitted.history[-1].epoch
        figures[which]["autoattack"] = figures["last"]["autoattack"] if same else auto_attack(net, few, case.epsilon)
    others = {"CE-none": Cell("CE", "none", case.grid), "CE-fgsm": Cell("CE", "fgsm", "published")}
    surrogates = {name: trained(case, other).net for name, other in others.items() if other != cell}
    signs = masking_signs(net, few, case.epsilon, surrogates)
    return figures | {"masking": asdict(signs) | {"masked": signs.masked}}


def _fgsm(case: Case, step: int) -> Any:
    return FGSM(step / 255 * case.unit) if step else Unchanged()


def _first(data: Labelled, count: int) -> Labelled:
    return Labelled(data.samples[:count], data.labels[:count])


def main() -> None:
    """Train, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("digits", "cifar"))
    parser.add_argument("cells", nargs="*", help="names of cells; none means all")
    parser.add_argument("--evaluate", action="store_true", help="measure cells whose training is complete")
    parser.add_argument("--page", action="store_true", help="only write the page")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if not given.page:
        case = case_of(given.case)
        chosen = [cell for cell in cells_of(case) if not given.cells or cell.name in given.cells]
        if not chosen:
            sys.exit(f"no such cell; known: {', '.join(cell.name for cell in cells_of(case))}")
        for cell in chosen if not given.evaluate else ():
            trained(case, cell, lambda one, cell=cell: print(_line(cell, one), flush=True))
        for cell in chosen if given.evaluate or case.name == "digits" else ():
            path = RESULTS / case.name / f"{cell.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(evaluated(case, cell), indent=1) + "\n")
            print(path, flush=True)
    print(policy_gradient_page.write(RESULTS))


def _line(cell: Cell, one: Any) -> str:
    shares = " ".join(f"{name} {one.natural[name]:.3f}/{one.judged[name]:.3f}" for name in one.natural)
    return f"{cell.name} epoch {one.epoch} {one.seconds:.0f} s reward {one.reward:+.3f} natural/FGSM: {shares}"


if __name__ == "__main__":
    main()
