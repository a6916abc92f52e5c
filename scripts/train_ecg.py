"""Trains the ECG victims, says how well each reads records of patients that it has not seen, and writes the weights.

Usage: python scripts/train_ecg.py ecg-rhythms | mitbih-beats | mitbih-strips | ecg200 [--folder FOLDER]

`ecg-rhythms` are simulated. `mitbih-beats` and `mitbih-strips` train on de Chazal's DS1 and measure on DS2, AAMI
classes, lead MLII; record 201, whose patient is also in DS2, is left out of training, and of DS2 the eleven records
are used that are in the data folder. `ecg200` is UCR's set with its own split. No checkpoint is picked: the weights
are those of the last epoch. Minutes each, on one core. ECG200's are not shipped (research use).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from brinkmap.arrays import Bounds, as_samples
from brinkmap.data import DataSet, ecg_rhythms
from brinkmap.data.dataset import ArraySamples
from brinkmap.data.ecg import DS1, DS2, MITBIH_BOUNDS_MV, Beats, Signals, Strips, load_mitbih
from brinkmap.data.ecg.rhythms import BOUNDS_MV
from brinkmap.harden.fit import fit
from brinkmap.harden.labelled import Labelled
from brinkmap.harden.optimisers import Modern
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.seeding import training_generator
from brinkmap.victims.ecg import SHIPPED
from brinkmap.victims.networks import SmallResNet, load_classifier, save_classifier

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("BRINKMAP_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "docs" / "results" / "ecg"
SEED = 0
MLII = ("MLII",)
BEATS = Beats(before_s=1.0, after_s=0.6)
"""With the beat before, or the lack of it: a supraventricular beat is told by being early."""


@dataclass(frozen=True)
class Plan:
    """How one of the victims is trained."""

    data: Callable[[], tuple[DataSet, DataSet]]
    """To train on and to measure on."""
    bounds: Bounds
    widths: tuple[int, ...]
    stride: int
    epochs: int
    most: int | None = None
    """Samples of one record and class that are trained on; the rest of them are much the same."""


def main() -> None:
    """Train one, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("victim", choices=PLANS)
    parser.add_argument(
        "--folder", type=Path, help="where the weights go; not given: where Brinkmap ships them, or build/ecg"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    plan, path = PLANS[given.victim], weights(given.victim, given.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    train, test = plan.data()
    data = chosen(train, plan)
    torch.manual_seed(SEED)
    assert train.class_names is not None
    net = SmallResNet(train.shape, len(train.class_names), plan.widths, stride=plan.stride)
    recipe = Recipe(
        adversary=Varied(0.0 if given.victim == "ecg-rhythms" else 0.3), optimiser=Modern(most=3e-3),
        epochs=plan.epochs, check_every=2, seed=SEED,
    )  # fmt: skip
    fitted = fit(net, data, Labelled(data.samples[:256], data.labels[:256]), recipe, watch=said)
    net.load_state_dict(fitted.last)
    told = {"unit": train.unit, "class_names": list(train.class_names)}
    save_classifier(
        net, path, plan.bounds, script=f"scripts/train_ecg.py {given.victim}", seed=SEED,
        **({"rate_hz": train.rate_hz} if train.rate_hz else {}), **told,
    )  # fmt: skip
    row = {
        "victim": given.victim, "trained_on": len(data), "parameters": sum(one.numel() for one in net.parameters()),
        "cpu_minutes": round((time.process_time() - started) / 60, 2), **figures(path, test),
        "notes": [*train.notes, *test.notes],
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"victim-{given.victim}.json").write_text(json.dumps(row, indent=1) + "\n")
    print(json.dumps(row, indent=1), f"\nwrote {path} ({path.stat().st_size:,} bytes)")


def weights(name: str, folder: Path | None) -> Path:
    """Where the weights of a victim are written."""
    if folder is not None:
        return folder / f"{name}.safetensors"
    return SHIPPED.get(name, ROOT / "build" / "ecg" / f"{name}.safetensors")


def chosen(data: DataSet, plan: Plan) -> Labelled:
    """What is trained on, on 0..1: no more of one record and class than the plan says."""
    rng, (low, high) = training_generator(SEED, "chosen", 0), plan.bounds
    labels = data.labels
    assert labels is not None
    order = rng.permutation(len(labels))
    seen: dict[tuple[str, int], int] = {}
    kept = []
    for row in order:
        kind = (data.names[row].partition(":")[0] if plan.most else "", int(labels[row]))
        seen[kind] = seen.get(kind, 0) + 1
        if plan.most is None or seen[kind] <= plan.most:
            kept.append(int(row))
    places = set(kept)
    rows = {row: sample for row, sample in enumerate(data) if row in places}
    samples = np.stack([as_samples(rows[row][None], plan.bounds)[0] for row in kept])
    return Labelled(((samples - low) / (high - low)).astype(np.float32), labels[kept])


class Varied:
    """Each strip louder or softer, and on another baseline: patients and electrodes differ in that and no more."""

    def __init__(self, spread: float) -> None:
        self.spread = spread

    def __call__(
        self, net: torch.nn.Module, samples: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """0.5 is no voltage."""
        if not self.spread:
            return samples
        size = (len(samples), 1, 1)
        gain = torch.exp(self.spread * torch.randn(size, generator=generator))
        return 0.5 + gain * (samples - 0.5) + 0.02 * torch.randn(size, generator=generator)


def figures(path: Path, test: DataSet) -> dict[str, Any]:
    """Accuracy, macro F1 over the classes that occur, and each class's own figures, of the victim in the file."""
    victim, labels = load_classifier(path), test.labels
    assert labels is not None
    assert test.class_names is not None
    samples = test.stacked(victim.bounds)
    answers = np.concatenate([victim.predict(samples[i : i + 128]) for i in range(0, len(samples), 128)]).argmax(axis=1)
    occurring = np.unique(labels)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, answers, labels=np.arange(len(test.class_names)), zero_division=0.0
    )
    return {
        "tested_on": len(labels), "accuracy": round(float(np.mean(labels == answers)), 4),
        "macro_f1": round(float(f1[occurring].mean()), 4),
        "classes": {
            name: {
                "precision": round(float(precision[i]), 4), "recall": round(float(recall[i]), 4),
                "f1": round(float(f1[i]), 4), "samples": int(support[i]),
            }
            for i, name in enumerate(test.class_names)
        },
        "confusion": confusion_matrix(labels, answers, labels=np.arange(len(test.class_names))).tolist(),
    }  # fmt: skip


def said(look: Checked) -> None:
    """One line a look."""
    print(
        f"  epoch {look.epoch}: loss {look.loss:.4f}, train {look.natural['train']:.4f}, {look.seconds:.0f} s",
        flush=True,
    )


def _rhythms() -> tuple[DataSet, DataSet]:
    return ecg_rhythms("train", 3_000, SEED), ecg_rhythms("heldout", 2_000, SEED)


def _mitbih(cut: Beats | Strips) -> Callable[[], tuple[DataSet, DataSet]]:
    def load() -> tuple[DataSet, DataSet]:
        folder, signals = SHARED / "ecg" / "mitdb", Signals(leads=MLII, cut=cut)
        train = load_mitbih(folder, [name for name in DS1 if name != "201"], signals)
        return train, load_mitbih(folder, DS2, signals)

    return load


def _ecg200() -> tuple[DataSet, DataSet]:
    return _table("ECG200_TRAIN.txt"), _table("ECG200_TEST.txt")


def _table(name: str) -> DataSet:
    rows = np.loadtxt(SHARED / "ecg_ucr" / name)
    samples = ArraySamples(rows[:, None, 1:].astype(np.float32))
    return DataSet(
        samples=samples, shape=samples.shape, labels=(rows[:, 0] > 0).astype(np.int64),
        names=tuple(f"{index}" for index in range(len(rows))), class_names=("ischemia", "normal"),
    )  # fmt: skip


PLANS = {
    "ecg-rhythms": Plan(_rhythms, BOUNDS_MV, (12, 16, 24, 32, 48), 4, 16),
    "mitbih-beats": Plan(_mitbih(BEATS), MITBIH_BOUNDS_MV, (16, 24, 32, 48), 2, 8, most=300),
    "mitbih-strips": Plan(_mitbih(Strips(10.0)), MITBIH_BOUNDS_MV, (12, 16, 24, 32, 48), 4, 14),
    "ecg200": Plan(_ecg200, (-6.0, 6.0), (16, 24, 32), 1, 60),
}  # fmt: skip


if __name__ == "__main__":
    main()
