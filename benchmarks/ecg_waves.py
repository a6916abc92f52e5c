"""Where on an ECG attacks and explanations lie: P, QRS, T or between, for `ecg.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import brinkmap
from brinkmap.data.ecg.delineation import WAVES, Delineation, delineate
from brinkmap.errors import InputError
from brinkmap.explain.waves import energy_in_waves, overlap_with_waves
from ecg_cases import Case, chosen

__all__ = ["measured"]

STRIPS, BUDGET = 100, 100
ASKED = 300
"""Queries of an explanation."""
LINES = {
    "slides": ("bare-motion", "10ms", ("random", "credit", "trained")),
    "natural": ("motion-artifact", "100ms", ("random", "credit")),
}
"""By track, a noise, its segment, and the agents that are asked where they put it."""


def measured(case: Case, agents: Callable[[str, str], Any]) -> dict[str, Any]:
    """Shares of the time, of each agent's distortion at the flip, and of the explanation's mask, by wave.

    Args:
        case: of windows long enough to tell waves apart.
        agents: from a track and an agent's name to what a run takes.
    """
    victim = case.victim()
    x, y = chosen(victim, *case.held_out(), STRIPS)
    kept, waves = [], []
    for row, one in enumerate(x):
        try:
            waves.append(delineate(one[0], victim.rate_hz))
            kept.append(row)
        except InputError:
            continue
    x, y = x[kept], y[kept]
    time = [{name: float(found.waves[name].mean()) for name in WAVES} | {"between": _between(found)} for found in waves]
    told: dict[str, Any] = {"strips": len(x), "left_out": STRIPS - len(x), "time": _means(time), "attacks": []}
    for track, (noise, segment, names) in LINES.items():
        for name in names:
            run = brinkmap.Run(
                agent=agents(track, name), distortions=(noise,), patch=segment, budget=BUDGET,
                max_l2=case.max_l2[noise], seed=0,
            )  # fmt: skip
            flipped = [one for one in brinkmap.attack(victim, x, y, run) if one.success]
            shares = [energy_in_waves(one.clean, one.adversarial, waves[one.index]) for one in flipped]
            told["attacks"].append({"noise": noise, "segment": segment, "agent": name, "flips": len(flipped),
                                    "shares": _means(shares)})  # fmt: skip
    explained = list(brinkmap.explain(victim, x, queries=ASKED))
    told["explanation"] = {"queries": ASKED, **_overlaps(explained, waves)}
    return told


def _between(found: Delineation) -> float:
    return float((~np.logical_or.reduce(list(found.waves.values()))).mean())


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in (*WAVES, "between")} if rows else {}


def _overlaps(explained: list[Any], waves: list[Delineation]) -> dict[str, Any]:
    """Of masks with each wave; a mask drawn at random has the wave's share of the time inside."""
    found: dict[str, Any] = {}
    for name in WAVES:
        of = [overlap_with_waves(one.mask, there)[name] for one, there in zip(explained, waves, strict=True)]
        told = [one for one in of if one is not None]
        found[name] = {
            kind: round(float(np.mean([getattr(one, kind) for one in told])), 4) for kind in ("dice", "iou", "inside")
        }
    return found
