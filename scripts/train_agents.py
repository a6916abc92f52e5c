"""Trains the agents that Brinkmap ships and those that benchmarks measure.

    python scripts/train_agents.py digits              the shipped agent of the digits demo; seven minutes
    python scripts/train_agents.py ecg                 electrode noises on simulated rhythms; half an hour on one core
    python scripts/train_agents.py cifar10             CIFAR-10 ResNet-20, from ../shared/data; half an hour on one core
    python scripts/train_agents.py cifar10 --queries 20000 --seed 3 --out build/agents/q20000-s3

Trained on training samples only: the digits split and the rhythms that no audit uses, and the 10,000 JPEG training
images. A training that was interrupted goes on where it was; `make agents` trains those that are shipped and installs
the results in the package. What a training took is in its folder's cost.json, from the first part to the last.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brinkmap.agents.response import ResponseAgent
from brinkmap.arrays import Array, Ints
from brinkmap.data import ecg_rhythms
from brinkmap.data.digits import digits_train
from brinkmap.training.loop import train
from brinkmap.training.trainer import Progress, Training
from brinkmap.victims import load_victim
from brinkmap.victims.protocol import Victim

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "src" / "brinkmap" / "agents" / "weights"
sys.path.insert(0, str(ROOT / "benchmarks"))

QUERIES = {"digits": 40_000, "ecg": 15_000, "cifar10": 60_000}
NATURAL = ("gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate")
ELECTRODES = ("motion-artifact", "electrode-detachment", "emg")
BARE = ("bare-motion", "bare-detached")
RHYTHMS = 3000
COST = "cost.json"
ECG_PASSES = 6.0
"""Over the answers: windows of 3,000 values take six times as long to fit as others."""


def training_of(what: str, queries: int, seed: int) -> Training:
    """What each is trained with."""
    if what == "digits":
        return Training(queries=queries, patch=(1, 2), widths=(16, 32, 64), seed=seed, distortions=(*NATURAL, "tint"))
    if what == "ecg":
        return Training(
            queries=queries, patch=("100ms", "250ms", "500ms"), widths=(16, 32, 48, 64), seed=seed, passes=ECG_PASSES,
            distortions=(*ELECTRODES, *BARE),
        )  # fmt: skip
    return Training(queries=queries, patch=(4, 1, 2, 1), flip=True, seed=seed, distortions=(*NATURAL, "tint"))


def make(
    what: str, queries: int, seed: int, folder: Path, *, labels: bool = False, against: str = "resnet20",
    robust_l2: float = 0.0,
) -> ResponseAgent:  # fmt: skip
    """Train one, or go on with it."""
    victim, x, y = _seen(what, against)
    begun, cost = time.perf_counter(), _Cost(folder)

    def watch(made: Progress) -> None:
        cost.write(made.queries)
        kind = "planned" if made.planned else "random"
        print(
            f"{time.perf_counter() - begun:6.0f} s  {made.queries:7,d} queries  loss {made.loss:.2f}  {kind}, patch "
            f"{made.patch}, L2 {made.max_l2:.2f}: {made.left:.0%} change the answer",
            flush=True,
        )

    plan = replace(training_of(what, queries, seed), robust_l2=robust_l2)
    agent = train(victim, x, plan, labels=y if labels else None, folder=folder, name=what, watch=watch)
    assert agent.made_for is not None
    cost.write(agent.made_for.training_queries)
    return agent


class _Cost:
    """What a training has taken so far, in parts that were interrupted too, but for what they did not write down.

    Args:
        folder: where it is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / COST
        self._before = {"cpu_seconds": 0.0, "wall_seconds": 0.0, "peak_mib": 0}
        self._unknown = not self._path.is_file() and (folder / "checkpoint.safetensors").is_file()
        if self._path.is_file():
            self._before |= json.loads(self._path.read_text())
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def write(self, queries: int) -> None:
        """After so many queries; nothing where nobody knows what earlier parts took."""
        if self._unknown:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        told = {
            "queries": queries,
            "cpu_seconds": round(self._before["cpu_seconds"] + time.process_time() - self._cpu, 1),
            "wall_seconds": round(self._before["wall_seconds"] + time.perf_counter() - self._wall, 1),
            "peak_mib": max(self._before["peak_mib"], peak),
            "threads": torch.get_num_threads(),
        }
        self._path.write_text(json.dumps(told) + "\n")


def make_ppo(
    queries: int, seed: int, folder: Path, patch: int, max_l2: float, against: str, *, removes: bool = True
) -> None:
    """Train the reference agent of `tint` under one patch size and bound, for benchmarks; it cannot be interrupted."""
    from brinkmap.run import Run
    from brinkmap.training.ppo import PpoSettings, train_ppo

    victim, x, y = _seen("cifar10", against)
    run = Run(distortions=("tint",), patch=patch, max_l2=max_l2, budget=200, seed=seed)

    def watch(made: Any) -> None:
        print(f"{made.queries:7,d} queries, {made.success:.0%} of the last episodes flipped", flush=True)

    folder.mkdir(parents=True, exist_ok=True)
    cost, settings = _Cost(folder), PpoSettings(removes=removes)
    agent = train_ppo(victim, x, y, run, queries, seed, settings=settings, progress=watch)
    cost.write(agent.card["training_queries"])
    agent.save(folder / "cifar10.safetensors")


def _seen(what: str, against: str) -> tuple[Victim, Array, Ints]:
    """The victim, training samples and their labels."""
    if what == "digits":
        return (load_victim("digits"), *digits_train())
    if what == "ecg":
        victim, data = load_victim("ecg-rhythms"), ecg_rhythms("train", RHYTHMS)
        assert data.labels is not None
        return victim, data.stacked(victim.bounds), data.labels
    from real_data import SHARED, cifar_victim

    held = np.load(SHARED / "cifar10" / "train_jpeg_10000.npz", allow_pickle=False)
    return cifar_victim(against), held["x"], held["y"]


def main() -> None:
    """Train one agent; without --out, install it in the package."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("what", choices=sorted(QUERIES))
    asked.add_argument("--queries", type=int)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--labels", action="store_true", help="fit the true labels first")
    asked.add_argument("--robust-l2", type=float, default=0.0, help="for robust victims: see Training")
    asked.add_argument("--ppo", nargs=2, type=float, metavar=("PATCH", "L2"), help="the reference agent instead")
    asked.add_argument("--add-only", action="store_true", help="with --ppo: it never takes away what it added")
    asked.add_argument("--victim", default="resnet20", help="for cifar10: a network of the data folder")
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    queries = QUERIES[given.what] if given.queries is None else given.queries
    folder = given.out or ROOT / "build" / "agents" / given.what
    if given.ppo:
        patch, max_l2 = given.ppo
        make_ppo(
            queries, given.seed, folder, int(patch), max_l2, given.victim, removes=not given.add_only
        )  # fmt: skip
        return
    make(given.what, queries, given.seed, folder, labels=given.labels, against=given.victim, robust_l2=given.robust_l2)
    if given.out is None:
        WEIGHTS.mkdir(exist_ok=True)
        shutil.copy(folder / f"{given.what}.safetensors", WEIGHTS)
        print(f"installed: {WEIGHTS / given.what}.safetensors")


if __name__ == "__main__":
    main()
