"""One-pixel attacks, free and begun where a prior says: Kumar et al. 2019 redone, on the samples that both flip.

python benchmarks/one_pixel.py cifar              100 lossless images of each of three victims, seeds 0 to 4; goes on
python benchmarks/one_pixel.py imagenet           100 images, two MobileNets, one seed; goes on
python benchmarks/one_pixel.py page               writes docs/results/one-pixel.md

A victim, a prior and a seed are a row of docs/results/one-pixel/, written as it is measured. Priors that ask the victim
have the same budget as everybody else, and what they ask comes out of it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import brinkmap
import one_pixel_page
import real_data
from brinkmap import registry
from brinkmap.agents.one_pixel import OnePixelAttack
from brinkmap.agents.saved import load_agent
from brinkmap.agents.susceptibility import Everywhere, Prior, Rehearsed, Rise, SmoothGrad, Traced

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "one-pixel"
ASKED = 40
"""Queries of the priors that ask the victim."""


@dataclass(frozen=True)
class Case:
    """Victims that are attacked in the same way."""

    victims: tuple[str, ...]
    samples: int
    population: int
    budget: int
    seeds: int
    priors: tuple[str, ...]
    slots: int = 256
    """Samples at once: a prior's copies of large pictures fill the memory."""


CASES = {
    "cifar": Case(
        ("resnet20", "cnn_a_mix", "resnet4b_adv"), samples=100, population=20, budget=601, seeds=5,
        priors=("free", "smoothgrad", "smoothgrad-directed", "response", "traced", "rise", "response-tried", "ceiling"),
    ),
    "imagenet": Case(
        ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224"), samples=100, population=20, budget=201, seeds=1,
        priors=("free", "smoothgrad"), slots=6,
    ),
}  # fmt: skip
PRIORS: dict[str, Callable[[Any], Prior]] = {
    "free": lambda net: Everywhere(),
    "smoothgrad": SmoothGrad,
    "smoothgrad-directed": lambda net: SmoothGrad(net, directed=True),
    "response": lambda net: SmoothGrad(_response(), directed=True),
    "response-tried": lambda net: Rehearsed(_response()),
    "ceiling": Rehearsed,
    "traced": lambda net: Traced(ASKED),
    "rise": lambda net: Rise(ASKED),
}
SHORT = {"mobilenet_v1_0.75_192": "mobilenet_v1", "mobilenet_v2_1.0_224": "mobilenet_v2"}


@cache
def _response() -> torch.nn.Module:
    """The network of an agent, fitted to ResNet-20's answers; the one that was shipped until 2026-11-28."""
    net: torch.nn.Module = load_agent(real_data.FORMER_AGENT).net
    return net


@cache
def prepared(case: str, name: str) -> tuple[Any, torch.nn.Module, np.ndarray, np.ndarray]:
    """Victim, its network, and the first samples that it gets right."""
    if case == "cifar":
        net = real_data.shared_module("models_cifar").load(name)
        victim, (x, y) = brinkmap.wrap(net, shape=(3, 32, 32), classes=10), real_data.cifar_images()
    else:
        net, suite = real_data.shared_module("models_imagenet").load(name), registry.resolve
        place = f"{Path(__file__).parent / 'suites' / 'victims.py'}:"
        victim = suite("victim", f"{place}{SHORT[name]}")()  # through ONNX Runtime, which is faster
        x, y = suite("victim", f"{place}imagenet_{net.size}")()
    return victim, net, *real_data.correct(victim, x, y, CASES[case].samples)


def measured(case: str, name: str, prior: str, seed: int) -> dict[str, Any]:
    """One row: every sample's outcome under one prior and seed."""
    victim, net, x, y = prepared(case, name)
    settings = CASES[case]
    attack = OnePixelAttack(PRIORS[prior](net), population=settings.population)
    run = brinkmap.Run(
        agent=attack, budget=settings.budget, seed=seed, patch=max(4, x.shape[1] // 8), distortions=("dead-pixel",),
        slots=settings.slots,
    )  # fmt: skip
    started = time.process_time()
    results = sorted(brinkmap.attack(victim, x, y, run), key=lambda one: one.index)
    seconds = time.process_time() - started
    assert all(one.attacked and one.error is None for one in results)
    asked = ASKED if prior in ("traced", "rise") else 0
    return {
        "victim": name, "prior": prior, "seed": seed, "cpu_seconds": round(seconds, 1), "asked": asked,
        "population": settings.population, "budget": settings.budget,
        "success": [bool(one.success) for one in results],
        "generations": [one.published_steps for one in results],
        "to_flip": [one.queries_to_flip for one in results],
        "queries": [one.queries for one in results],
        "l2": [round(one.l2, 4) for one in results],
    }  # fmt: skip


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=(*CASES, "page"))
    parser.add_argument("--victims", nargs="*", help="only these")
    parser.add_argument("--priors", nargs="*", help="only these")
    parser.add_argument("--seeds", nargs="*", type=int, help="only these")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for seed in given.seeds or range(CASES[given.case].seeds if given.case in CASES else 0):
        for name in given.victims or CASES[given.case].victims:
            for prior in given.priors or CASES[given.case].priors:
                path = RESULTS / given.case / f"{name}-{prior}-{seed}.json"
                if path.exists():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                row = measured(given.case, name, prior, seed)
                path.write_text(json.dumps(row) + "\n")
                print(f"{path.name}: ASR {np.mean(row['success']):.2f}, {row['cpu_seconds']} s", flush=True)
    print(one_pixel_page.write(RESULTS, CASES))


if __name__ == "__main__":
    main()
