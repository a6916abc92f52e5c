"""Are transformers harder to flip with natural distortions than CNNs? The papers leave it open; here at equal accuracy.

python benchmarks/transformers_study.py digits    a ViT and a CNN for each of three training seeds; goes on
python benchmarks/transformers_study.py cifar     vit_pgd_2_3_16 beside two robust CNNs (../shared/data); goes on
python benchmarks/transformers_study.py page      writes docs/results/transformers.md

A victim, a training seed and an attack are a row of docs/results/transformers/, written as it is measured. All victims
of a case are attacked on the same samples, which all of them get right clean, with the same Run and the same seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import brinkmap
import real_data
import transformers_page
import transformers_victims
from brinkmap.data import digits_heldout
from brinkmap.distortions.tone import Tint

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "transformers"
ATTACKS = (("natural", "random"), ("natural", "credit"), ("tint", "random"), ("tint", "credit"), ("tint", "square"))
CIFAR = ("vit_pgd_2_3_16", "cnn_a_mix", "resnet4b_adv")


STRONGER = tuple(Tint(sign, epsilon=4 / 255) for sign in "+-")
"""Four times the usual offsets: on 64 values those of `tint` reach no farther than an L2 of 0.5."""


@dataclass(frozen=True)
class Case:
    """Victims that are attacked in the same way."""

    victims: tuple[str, ...]
    """The transformer first."""
    samples: int
    seeds: tuple[int, ...]
    patch: int
    max_l2: float
    """Of the tint track; natural filters have no bound."""
    tint: tuple[Any, ...] = ("tint",)
    budget: int = 100
    refine: int = 40


CASES = {
    "digits": Case(("ViT", "CNN"), samples=250, seeds=(0, 1, 2), patch=2, max_l2=1.0, tint=STRONGER),
    "cifar": Case(CIFAR, samples=100, seeds=(0,), patch=4, max_l2=2.0),
}


@cache
def prepared(case: str) -> tuple[dict[tuple[str, int], brinkmap.Victim], np.ndarray, np.ndarray]:
    """All victims of a case by name and seed, and the first samples that every one of them gets right."""
    settings = CASES[case]
    if case == "digits":
        found = {seed: transformers_victims.pair(seed) for seed in settings.seeds}
        victims = {(name, seed): found[seed][name] for seed in settings.seeds for name in settings.victims}
        x, y = digits_heldout()
    else:
        path = real_data.SHARED / "cifar10_robust" / "vit_pgd_2_3_16.onnx"
        vit = brinkmap.wrap(path, mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))
        victims = {("vit_pgd_2_3_16", 0): vit} | {(name, 0): real_data.cifar_victim(name) for name in CIFAR[1:]}
        x, y = real_data.cifar_images()
    right = np.all([real_data.answers(victim, x) == y for victim in victims.values()], axis=0)
    return victims, x[right][: settings.samples], y[right][: settings.samples]


def accuracies(case: str) -> dict[str, Any]:
    """How often each victim is right on all samples at hand, and what its training came to."""
    victims, _, _ = prepared(case)
    x, y = digits_heldout() if case == "digits" else real_data.cifar_images()
    clean = [
        {"victim": name, "seed": seed, "accuracy": round(float(np.mean(real_data.answers(victim, x) == y)), 4)}
        for (name, seed), victim in victims.items()
    ]
    training = [transformers_victims.told(seed) for seed in CASES[case].seeds] if case == "digits" else []
    return {"samples": len(x), "clean": clean, "training": training}


def measured(case: str, name: str, seed: int, track: str, agent: str) -> dict[str, Any]:
    """One row: every sample's outcome."""
    victims, x, y = prepared(case)
    settings = CASES[case]
    run = brinkmap.Run(
        agent=agent, budget=settings.budget, refine_budget=settings.refine, seed=seed, patch=settings.patch,
        distortions=settings.tint if track == "tint" else (), max_l2=settings.max_l2 if track == "tint" else None,
    )  # fmt: skip
    started = time.process_time()
    results = sorted(brinkmap.attack(victims[name, seed], x, y, run), key=lambda one: one.index)
    assert all(one.attacked for one in results)
    return {
        "victim": name, "seed": seed, "track": track, "agent": agent, "budget": settings.budget,
        "refine_budget": settings.refine, "patch": settings.patch, "max_l2": run.max_l2,
        "cpu_seconds": round(time.process_time() - started, 1),
        "success": [bool(one.success) for one in results],
        "to_flip": [one.queries_to_flip for one in results],
        "queries": [one.queries for one in results],
        "l2_at_flip": [None if one.l2_at_flip is None else round(one.l2_at_flip, 4) for one in results],
        "l2": [round(one.l2, 4) if one.success else None for one in results],
    }  # fmt: skip


def main() -> None:
    """Measure what is not measured yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=(*CASES, "page"))
    given = parser.parse_args().case
    torch.set_num_threads(1)
    if given in CASES:
        folder = RESULTS / given
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "clean.json").write_text(json.dumps(accuracies(given)) + "\n")
        for name, seed in prepared(given)[0]:
            for track, agent in ATTACKS:
                path = folder / f"{name}-{seed}-{track}-{agent}.json"
                if not path.exists():
                    row = measured(given, name, seed, track, agent)
                    path.write_text(json.dumps(row) + "\n")
                    print(f"{path.name}: ASR {np.mean(row['success']):.2f}, {row['cpu_seconds']} s", flush=True)
    print(transformers_page.write(RESULTS, CASES))


if __name__ == "__main__":
    main()
