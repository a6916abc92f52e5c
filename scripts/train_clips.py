"""Trains the temporal-shift victim of moving digits that Brinkmap ships and writes its weights.

Usage: python scripts/train_clips.py [--out FILE]

The 3-D convolutions of the same clips are trained by `train_known_cause.py --only moving-digits`, whose way this is:
plain cross-entropy, no answer where there is no digit, the epoch picked on a tenth that is set apart. Prints the
accuracy on held-out clips, which share no digit with these. About five minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from train_known_cause import MEASURED, SEED, Plan, say, with_blanks

from brinkmap.data.known_cause import Part
from brinkmap.data.known_motion import moving_digits
from brinkmap.harden.fit import accuracy, fit
from brinkmap.harden.labelled import Labelled, split
from brinkmap.harden.objectives import CrossEntropy
from brinkmap.harden.optimisers import Modern
from brinkmap.harden.recipe import Recipe
from brinkmap.victims.known_cause import weights
from brinkmap.victims.networks import TemporalShiftNet, save_classifier

PLAN = Plan(
    moving_digits, 4_800, 40, (12, 24, 48), 0,
    Recipe(objective=CrossEntropy(), optimiser=Modern(most=5e-3), epochs=10, batch=32, seed=SEED),
)  # fmt: skip


def train(path: Path) -> None:
    """Train, measure, write."""
    torch.manual_seed(SEED)
    drawn = PLAN.draw("train", PLAN.count, SEED)
    data, validation = split(Labelled(drawn.samples, drawn.labels))
    net = TemporalShiftNet(drawn.samples.shape[1:], len(drawn.classes), PLAN.widths)
    net.to(memory_format=torch.channels_last)
    fitted = fit(net, with_blanks(data, PLAN), validation, PLAN.recipe, watch=say)
    measured = {}
    parts: tuple[Part, ...] = ("train", "heldout")
    for part in parts:
        drawn = PLAN.draw(part, MEASURED, SEED)
        measured[f"{part}_accuracy"] = round(accuracy(fitted.net, Labelled(drawn.samples, drawn.labels)), 4)
    told = {
        "script": "scripts/train_clips.py", "seed": SEED, "epoch": fitted.best.epoch,
        "class_names": list(drawn.classes),
    }  # fmt: skip
    save_classifier(fitted.net, path, **told, **measured)
    print(f"{measured}, epoch {fitted.best.epoch}, wrote {path} ({path.stat().st_size:,} bytes)", flush=True)


def main() -> None:
    """Train it."""
    parser = argparse.ArgumentParser(description="Trains the temporal-shift victim of moving digits.")
    parser.add_argument("--out", type=Path, default=weights("moving-digits-tsm"), help="where the weights go")
    torch.set_num_threads(1)
    train(parser.parse_args().out)


if __name__ == "__main__":
    main()
