"""Trains the victims of the known-cause sets that Brinkmap ships and writes their weights.

Usage: python scripts/train_known_cause.py [--only NAME ...] [--folder FOLDER]

Plain cross-entropy, where there is no cause towards no answer; the epoch is picked on a tenth of the training samples
that is set apart. Prints the accuracy on held-out samples, which share no digit and no background with these. About
fifteen minutes on one core, for all three.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from brinkmap.data.known_beats import abnormal_beats
from brinkmap.data.known_cause import KnownCause, Part
from brinkmap.data.known_digits import digits_on_textures
from brinkmap.data.known_motion import moving_digits
from brinkmap.harden.fit import accuracy, fit
from brinkmap.harden.labelled import Labelled, split
from brinkmap.harden.objectives import CrossEntropy
from brinkmap.harden.optimisers import Modern
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.victims.known_cause import weights
from brinkmap.victims.networks import SmallVGG, save_classifier

SEED = 0
MEASURED = 2_000


@dataclass(frozen=True)
class Plan:
    """How one of the victims is trained."""

    draw: Callable[[Part, int, int], KnownCause]
    count: int
    blanks: int
    widths: tuple[int, ...]
    hidden: int
    recipe: Recipe


PLANS = {
    "abnormal-beats": Plan(
        abnormal_beats, 4_000, 200, (8, 12, 16, 24, 32), 32,
        Recipe(objective=CrossEntropy(), optimiser=Modern(most=3e-3), epochs=8, batch=32, seed=SEED),
    ),
    "digits-on-textures": Plan(
        digits_on_textures, 10_000, 250, (8, 16, 32, 64), 32,
        Recipe(objective=CrossEntropy(), optimiser=Modern(most=3e-3), epochs=10, batch=32, seed=SEED),
    ),
    "moving-digits": Plan(
        moving_digits, 6_400, 100, (8, 16, 32), 64,
        Recipe(objective=CrossEntropy(), optimiser=Modern(most=3e-3), epochs=12, batch=32, seed=SEED),
    ),
}  # fmt: skip


def train(name: str, path: Path) -> None:
    """Train one, measure, write."""
    plan = PLANS[name]
    torch.manual_seed(SEED)
    drawn = plan.draw("train", plan.count, SEED)
    data, validation = split(Labelled(drawn.samples, drawn.labels))
    net = SmallVGG(drawn.samples.shape[1:], len(drawn.classes), plan.widths, plan.hidden, layer_norm=False)
    begin(net, data)
    data = with_blanks(data, plan)
    fitted = fit(net, data, validation, plan.recipe, watch=say)
    measured = {}
    parts: tuple[Part, ...] = ("train", "heldout")
    for part in parts:
        drawn = plan.draw(part, MEASURED, SEED)
        measured[f"{part}_accuracy"] = round(accuracy(fitted.net, Labelled(drawn.samples, drawn.labels)), 4)
    told = {
        "script": "scripts/train_known_cause.py", "seed": SEED, "epoch": fitted.best.epoch,
        "class_names": list(drawn.classes),
    }  # fmt: skip
    save_classifier(fitted.net, path, **told, **measured)
    print(f"{name}: {measured}, epoch {fitted.best.epoch}, wrote {path} ({path.stat().st_size:,} bytes)", flush=True)


def with_blanks(data: Labelled, plan: Plan) -> Labelled:
    """These, and other samples without their cause, each once with every label: no answer is to be had from those.

    Otherwise what a victim answers where it sees no cause is a class of its choice, whose cause is then no cause.
    """
    blanks = plan.draw("train", plan.blanks, SEED + 1)
    classes = len(blanks.classes)
    return Labelled(
        np.concatenate([data.samples, np.repeat(blanks.without, classes, axis=0)]),
        np.concatenate([data.labels, np.tile(np.arange(classes), plan.blanks)]),
    )


def begin(net: SmallVGG, data: Labelled) -> None:
    """First weights that keep the signal's size through all layers, the first of them standardising the samples."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    first = net.trunk[0]
    with torch.no_grad():
        first.weight /= float(data.samples.std())
        first.bias -= float(data.samples.mean()) * first.weight.flatten(1).sum(dim=1)


def say(look: Checked) -> None:
    """One line an epoch."""
    shares = ", ".join(f"{name} {value:.4f}" for name, value in look.natural.items())
    print(f"  epoch {look.epoch}: {shares}, loss {look.loss:.4f}, {look.seconds:.0f} s", flush=True)


def main() -> None:
    """Train those that are asked for."""
    parser = argparse.ArgumentParser(description="Trains the victims of the known-cause sets.")
    parser.add_argument("--only", nargs="+", choices=PLANS, default=list(PLANS), help="which; all where not given")
    parser.add_argument("--folder", type=Path, help="where the weights go; beside the victims where not given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.only:
        train(name, weights(name) if given.folder is None else given.folder / weights(name).name)


if __name__ == "__main__":
    main()
