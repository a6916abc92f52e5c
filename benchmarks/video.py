"""Attacks on clips: the slides' table redone on our victims, MAP, QN and SR of every attack.

    python benchmarks/video.py moving-digits        100 held-out clips, two victims, three seeds; goes on; hours
    python benchmarks/video.py train                trains agents for the next line; 20 minutes on one core
    python benchmarks/video.py trained              these against untrained agents, on 50 clips apart
    python benchmarks/video.py kinetics             MoViNet-A0 and all real clips, up to 200 queries, one seed; goes on
    python benchmarks/video.py davis                the DAVIS sequences, MobileNet averaged over frames; goes on
    python benchmarks/video.py memory               peak memory with 32 clips of 64 frames of 112 x 112 at once
    python benchmarks/video.py page                 writes docs/results/video.md
    python benchmarks/video.py figure               writes docs/figures/video.png: original | ours | best baseline

A victim, an attack and a seed are a row of docs/results/video/, written as it is measured; --samples and --budget give
a first look, whose rows lie apart (`first-...`).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap
import video_agents
import video_figure
import video_page
from brinkmap.metrics import spread
from brinkmap.session import Session
from video_cases import CASES, Case, Setting, contender

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "video"


@cache
def setting(case: str, victim: str) -> Setting:
    """Victim and clips."""
    return CASES[case].make[victim]()


def attacked(case: Case, of: Setting, name: str, seed: int) -> list[brinkmap.AttackResult]:
    """Every clip under one attack, in order."""
    who = contender(name)
    bound = {"max_linf": case.max_linf} if who.track == "norm" else {}
    run = brinkmap.Run(
        **who.settings, **bound, patch=case.patch, budget=case.budget, seed=seed, slots=case.slots
    )  # fmt: skip
    results = brinkmap.attack(of.victim, of.samples[: case.samples], of.labels[: case.samples], run)
    return sorted(results, key=lambda one: one.index)


def measured(case: Case, of: Setting, victim: str, name: str, seed: int) -> dict[str, Any]:
    """One row: every clip's outcome under one attack and seed."""
    who, started = contender(name), time.process_time()
    results = attacked(case, of, name, seed)
    seconds = time.process_time() - started
    assert all(one.attacked and one.error is None for one in results)
    spreads = [spread(one.clean, one.adversarial, of.victim.bounds) for one in results]
    return {
        "victim": victim, "attack": name, "title": who.title, "track": who.track, "seed": seed,
        "budget": case.budget, "cpu_seconds": round(seconds, 1),
        "success": [bool(one.success) for one in results],
        "to_flip": [one.queries_to_flip for one in results],
        "queries": [one.queries for one in results],
        "l2": [round(one.l2, 4) for one in results],
        "linf": [round(one.linf, 4) for one in results],
        **{key: [round(one[key], 4) for one in spreads] for key in spreads[0]},
    }  # fmt: skip


def memory() -> dict[str, Any]:
    """What a process holds at most that attacks long clips, many at once; its victim is a mean and holds nothing."""
    import resource

    shape, slots = (3, 64, 112, 112), 32

    def answer(batch: np.ndarray) -> np.ndarray:
        bright = 1 / (1 + np.exp(20 * (0.5 - batch.mean(axis=(1, 2, 3, 4)))))
        return np.stack([bright, 1 - bright], axis=1).astype(np.float32)

    victim = brinkmap.wrap(answer, shape=shape, classes=2, outputs="probabilities")
    run = brinkmap.Run(
        agent="factorised", distortions=("dead-pixel", "gaussian-blur"), patch="8x14x14", budget=5, slots=slots
    )  # fmt: skip
    clips = (np.random.default_rng(index).random(shape, dtype=np.float32) for index in range(slots))
    queries = sum(one.queries for one in brinkmap.attack(victim, clips, None, run))
    return {
        "shape": shape, "slots_asked": slots, "slots_opened": Session(victim, shape, run).slots, "queries": queries,
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }  # fmt: skip


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("train", *CASES, "memory", "page", "figure"))
    parser.add_argument("--victims", nargs="*", help="only these")
    parser.add_argument("--attacks", nargs="*", help="only these; with train: only these policies")
    parser.add_argument("--seeds", nargs="*", type=int, help="only these")
    parser.add_argument("--samples", type=int, help="a first look at so many clips")
    parser.add_argument("--budget", type=int, help="a first look within so many queries")
    given = parser.parse_args()
    if given.case == "train":
        video_agents.train_all(given.attacks or tuple(video_agents.HEADS))
    elif given.case == "figure":
        print(video_figure.write(RESULTS.parents[1] / "figures" / "video.png"))
    elif given.case == "memory":
        (RESULTS / "memory.json").write_text(json.dumps(memory()) + "\n")
    elif given.case != "page":
        _measure(given)
    print(video_page.write(RESULTS, CASES))


def _measure(given: argparse.Namespace) -> None:
    case = CASES[given.case]
    first = "first-" if given.samples or given.budget else ""
    case = replace(case, samples=given.samples or case.samples, budget=given.budget or case.budget)
    for seed in given.seeds or range(1 if first else case.seeds):
        for victim in given.victims or case.make:
            for name in given.attacks or case.contenders:
                path = RESULTS / f"{first}{given.case}" / f"{victim}-{name}-{seed}.json"
                if path.exists():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                row = measured(case, setting(given.case, victim), victim, name, seed)
                path.write_text(json.dumps(row) + "\n")
                figures = f"SR {100 * np.mean(row['success']):.0f}, QN {np.mean(row['queries']):.0f}"
                print(f"{path.name}: {figures}, MAP {np.mean(row['map']):.2f}, {row['cpu_seconds']} s", flush=True)


if __name__ == "__main__":
    main()
