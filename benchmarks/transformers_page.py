"""docs/results/transformers.md, written from the rows beside it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.compare.page import table
from brinkmap.metrics import bootstrap_interval

__all__ = ["write"]

Row = dict[str, Any]
INTRO = """# Transformers beside CNNs

Made by `python benchmarks/transformers_study.py digits`, `cifar` and `page`; rows are in `transformers/`. All victims
of a table are attacked on the same samples, which all of them get right, with the same settings and random numbers.
Capped queries count a failure at the full budget. L2 is a mean over the samples that flip, when they flip and after
refining. Intervals are 95 % bootstraps over samples, each sample's figures averaged over the training seeds first; they
say nothing of other training runs, for which the figures of each seed stand beside them. The two tracks are never
compared with each other.
"""
NOTES = "transformers-notes.md"
TITLES = {
    "digits": "Digits: a ViT and a CNN of equal size and accuracy",
    "cifar": "CIFAR-10: a robust ViT beside two robust CNNs",
}
TRACKS = {"natural": "Natural filters (the default four)", "tint": "Tint and Square (unnatural, norm-matched)"}


def write(results: Path, cases: Mapping[str, Any]) -> Path:
    """The page; returns its path."""
    parts = [INTRO.rstrip()]
    for case, settings in cases.items():
        folder = results / case
        rows = [json.loads(path.read_text()) for path in sorted(folder.glob("*-*.json"))]
        if rows:
            parts += [f"## {TITLES[case]}", _clean(json.loads((folder / "clean.json").read_text()))]
            parts += [_track(rows, track, settings) for track in TRACKS]
    notes = results.parent / NOTES
    path = results.parent / "transformers.md"
    path.write_text("\n\n".join([*parts, *([notes.read_text().rstrip()] if notes.is_file() else [])]) + "\n")
    return path


def _clean(told: dict[str, Any]) -> str:
    accuracies = [(one["victim"], one["seed"], f"{one['accuracy']:.3f}") for one in told["clean"]]
    trainings = [
        f"- seed {one['seed']}: ViT {one['vit']['parameters']:,} parameters, {one['vit']['epochs']} epochs; CNN "
        f"{one['cnn']['parameters']:,} parameters, {one['cnn']['epochs']} epochs; {one['cpu_seconds']:.0f} s of CPU"
        for one in told["training"]
    ]
    return (
        f"Clean accuracy on {told['samples']} samples:\n\n{table(('victim', 'seed', 'accuracy'), accuracies)}\n"
        + "\n".join(trainings)
    ).rstrip()


def _track(rows: list[Row], track: str, settings: Any) -> str:
    own = [row for row in rows if row["track"] == track]
    bound = "no bound" if track == "natural" else f"L2 at most {settings.max_l2:g}"
    head = (
        "agent",
        "victim",
        "ASR (95 %)",
        "capped queries (95 %)",
        "L2 at flip",
        "L2 refined",
        "capped queries by seed",
    )
    agents = list(dict.fromkeys(row["agent"] for row in own))
    first = table(head, [_line(own, agent, victim) for agent in agents for victim in settings.victims])
    transformer, *others = settings.victims
    head = (
        "agent",
        f"{transformer} minus",
        "ASR",
        "capped queries",
        "both flip",
        "L2 at flip, times",
        "L2 refined, times",
    )
    second = table(head, [_against(own, agent, transformer, other) for agent in agents for other in others])
    return (
        f"### {TRACKS[track]}\n\n{len(own[0]['success'])} samples, training seeds: {len(settings.seeds)}, patch "
        f"{settings.patch}, {bound}, budget {settings.budget}, then {settings.refine} to refine.\n\n{first}\n{second}"
    ).rstrip()


def _table(rows: list[Row], agent: str, victim: str, of: Callable[[Row], list[float]]) -> np.ndarray:
    """(seeds, samples), NaN where there is nothing."""
    found = sorted(
        (row for row in rows if (row["agent"], row["victim"]) == (agent, victim)), key=lambda row: row["seed"]
    )
    return np.array([[np.nan if one is None else one for one in of(row)] for row in found], dtype=float)


def _capped(row: Row) -> list[float]:
    return [flip or row["budget"] for flip in row["to_flip"]]


def _line(rows: list[Row], agent: str, victim: str) -> list[str]:
    asr, capped = _table(rows, agent, victim, lambda row: row["success"]), _table(rows, agent, victim, _capped)
    l2 = [_table(rows, agent, victim, lambda row, name=name: row[name]) for name in ("l2_at_flip", "l2")]
    return [
        agent, victim, _mean(asr.mean(axis=0), ".3f"), _mean(capped.mean(axis=0), ".1f"),
        *(f"{np.nanmean(values):.2f}" if np.isfinite(values).any() else "" for values in l2),
        ", ".join(f"{value:.1f}" for value in capped.mean(axis=1)),
    ]  # fmt: skip


def _against(rows: list[Row], agent: str, one: str, other: str) -> list[str]:
    differences = [
        (_table(rows, agent, one, of) - _table(rows, agent, other, of)).mean(axis=0)
        for of in (lambda row: row["success"], _capped)
    ]
    ratios, pairs = [], 0
    for name in ("l2_at_flip", "l2"):
        mine, its = (_table(rows, agent, who, lambda row, name=name: row[name]) for who in (one, other))
        both = np.isfinite(mine) & np.isfinite(its)
        pairs = int(both.sum())
        logs = np.log(np.where(both, mine, 1.0) / np.where(both, its, 1.0))
        kept = both.any(axis=0)
        means = logs.sum(axis=0)[kept] / both.sum(axis=0)[kept]
        ratios.append(_mean(means, ".2f", np.exp) if kept.any() else "")
    return [agent, other, _mean(differences[0], "+.3f"), _mean(differences[1], "+.1f"), str(pairs), *ratios]


def _mean(values: np.ndarray, form: str, shown: Callable[[float], float] = float) -> str:
    low, high = bootstrap_interval(values, seed=0)
    return f"{shown(float(values.mean())):{form}} ({shown(low):{form}} to {shown(high):{form}})"
