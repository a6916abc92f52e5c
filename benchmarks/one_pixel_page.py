"""docs/results/one-pixel.md, written from the rows beside it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table
from intervals import interval_text

__all__ = ["write"]

Row = dict[str, Any]
ACCESS = {
    "free": "none: evolution begins anywhere",
    "smoothgrad": "white box: SmoothGrad > .5, the paper's",
    "smoothgrad-directed": "white box: the same, and which way each colour should go",
    "ceiling": "no attack: 1,600 candidates tried in the victim's own network first, none of them counted",
    "response": "black box: SmoothGrad on a response model of ours (120,000 training queries of ResNet-20)",
    "response-tried": "black box: candidates tried in that response model first",
    "traced": "black box: 40 random plans of `dead-pixel` on 4 x 4 cells, regression",
    "rise": "black box: RISE with 40 masks",
}
INTRO = """# One-pixel attacks, free and constrained

Made by `python benchmarks/one_pixel.py cifar`, `imagenet` and `page`; rows are in `one-pixel/`. Differential evolution
with a population of {population}; failures count at the full budget of {budget} queries (CIFAR-10). A generation is a
population put to the victim, the initial one included. `both flip` compares the same samples and seeds: those that the
search flips with the prior and without it. Ratios are of means, with 95 % bootstraps over these pairs. Queries include
what a prior asks. SqueezeNet's weights and the NIPS-2017 images are not to be had here: ResNet-20, two adversarially
trained networks and two MobileNets stand in for them.
"""
NOTES = "one-pixel-notes.md"


def write(results: Path, cases: Mapping[str, Any]) -> Path:
    """The page; returns its path."""
    cifar = cases["cifar"]
    parts = [INTRO.format(population=cifar.population, budget=cifar.budget)]
    for case in cases:
        rows = [json.loads(path.read_text()) for path in sorted((results / case).glob("*.json"))]
        for victim in dict.fromkeys(row["victim"] for row in rows):
            of = [row for row in rows if row["victim"] == victim]
            parts.append(f"## {victim}\n\n{_table(of)}\n\n{_published(of)}")
    notes = results.parent / NOTES
    path = results.parent / "one-pixel.md"
    path.write_text("\n\n".join([*parts, *([notes.read_text().rstrip()] if notes.is_file() else [])]) + "\n")
    return path


def _of(rows: Iterable[Row], prior: str) -> list[Row]:
    return sorted((row for row in rows if row["prior"] == prior), key=lambda row: row["seed"])


def _table(rows: list[Row]) -> str:
    head = (
        "prior", "seeds", "samples", "ASR", "capped mean queries (95 %)", "both flip: pairs", "generations, free",
        "with the prior", "times fewer (95 %)", "queries, free", "with the prior", "times fewer (95 %)",
        "CPU s a sample",
    )  # fmt: skip
    lines = [_line(_of(rows, prior), _of(rows, "free")) for prior in ACCESS if _of(rows, prior)]
    return (
        table(head, lines) + "\n" + "\n".join(f"- {name}: {said}" for name, said in ACCESS.items() if _of(rows, name))
    )


def _line(own: list[Row], free: list[Row]) -> list[str]:
    capped = np.mean([[flip or row["budget"] for flip in row["to_flip"]] for row in own], axis=0)
    asr, timed = np.mean([row["success"] for row in own]), [row["cpu_seconds"] for row in own if "cpu_seconds" in row]
    seconds = f"{np.mean(timed) / capped.size:.2f}" if timed else ""
    cells = [
        own[0]["prior"],
        str(len(own)),
        str(capped.size),
        f"{asr:.3f}",
        interval_text(capped, 1),
    ]
    return [*cells, *_paired(own, free), seconds]


def _paired(own: list[Row], free: list[Row]) -> list[str]:
    """Generations and queries of the samples that both flip, seed by seed."""
    seeds = {row["seed"]: row for row in free}
    pairs = []
    for row in own:
        other = seeds.get(row["seed"])
        of = np.flatnonzero(np.logical_and(row["success"], other["success"])) if other else ()
        pairs += [(other["generations"][i], row["generations"][i], other["to_flip"][i], row["to_flip"][i]) for i in of]
    if not pairs or own[0]["prior"] == "free":
        return [str(len(pairs))] + [""] * 6
    both = np.array(pairs, float)
    means = both.mean(axis=0)
    return [
        str(len(pairs)), f"{means[0]:.2f}", f"{means[1]:.2f}", _ratio(both[:, 0], both[:, 1]),
        f"{means[2]:.0f}", f"{means[3]:.0f}", _ratio(both[:, 2], both[:, 3]),
    ]  # fmt: skip


def _ratio(free: np.ndarray, own: np.ndarray) -> str:
    drawn = np.random.default_rng(0).integers(len(free), size=(2000, len(free)))
    low, high = np.percentile(free[drawn].mean(axis=1) / own[drawn].mean(axis=1), [2.5, 97.5])
    return f"{free.mean() / own.mean():.2f} ({low:.2f} to {high:.2f})"


def _published(rows: list[Row]) -> str:
    """The paper's own way: free over all samples with failures at the last generation, constrained over successes."""
    free, own = _of(rows, "free"), _of(rows, "smoothgrad")
    if not free or not own:
        return ""
    everyone = np.mean([row["generations"] for row in free])
    won, free_won = (np.concatenate([np.array(row["generations"])[row["success"]] for row in of]) for of in (own, free))
    return (
        f"The paper's way of counting, unconstrained over all samples and constrained over its successes: "
        f"{everyone:.1f} against {np.mean(won):.1f} generations, {everyone / np.mean(won):.1f} times fewer. Both over "
        f"successes: {np.mean(free_won):.1f} against {np.mean(won):.1f}."
    )
