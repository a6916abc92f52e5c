"""Clips, their victims and who attacks them, for `video.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import brinkmap
import real_data
import video_agents
from brinkmap.data import moving_digits
from brinkmap.registry import resolve

DRAWN = 400
"""Held-out clips of which those that the victim gets right are attacked, the first ones."""
LOOKED_AT = 100
"""As many of these first ones are for agents that were developed or first compared on some of them."""


@dataclass(frozen=True)
class Setting:
    """What is attacked."""

    victim: brinkmap.Victim
    samples: np.ndarray
    """(n, c, t, h, w) float32 or (n, t, h, w, c) uint8, all of which the victim gets right."""
    labels: np.ndarray


@dataclass(frozen=True)
class Contender:
    """An attack and what it is given."""

    title: str
    track: str
    """natural, or norm: within an Linf bound."""
    settings: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Victims that are attacked in the same way."""

    title: str
    make: dict[str, Callable[[], Setting]]
    """By victim."""
    samples: int
    budget: int
    seeds: int
    patch: str
    max_linf: float
    contenders: tuple[str, ...]
    slots: int = 256
    against: str | None = None
    """A contender that the others are compared with, beside chance."""


FILTERS = {"gb": ("gaussian-blur",), "dp": ("dead-pixel",), "vf": video_agents.FILTERS}
SAID = {"gb": "Gaussian blur", "dp": "dead pixels", "vf": "video filters"}
AGENTS = {
    "factorised": "ours, frames and patches jointly", "factorised-temporal": "ours, frames only",
    "factorised-spatial": "ours, patches only", "credit": "ours, flat t x n x n", "random": "random t x n x n",
}  # fmt: skip
BASELINES = {
    "heuristic-frames": "heuristic frames", "motion-sampler": "motion sampler", "geo-trap": "GEO-TRAP",
    "ast-focus": "AstFocus", "nes": "NES", "square": "Square",
}  # fmt: skip


def contender(name: str) -> Contender:
    """Behind a name such as `factorised-dp` or `geo-trap`; `+100` has 100 queries more to take distortion away."""
    name, _, refining = name.partition("+")
    more = {"refine_budget": int(refining)} if refining else {}
    said = f", refined by {refining}" if refining else ""
    if name in BASELINES:
        return Contender(BASELINES[name], "norm", {"agent": name})
    if name == "factorised-tint":
        title = f"{AGENTS['factorised']}, tint"
        return Contender(title, "norm", {"agent": "factorised", "distortions": ("tint",)})
    agent, _, filters = name.rpartition("-")
    if agent in video_agents.WAYS:
        planner = {"agent": video_agents.trained(agent)}
        return Contender(f"{video_agents.WAYS[agent]}{said}", "natural", planner | more)
    settings: dict[str, Any] = {"agent": agent, "distortions": FILTERS[filters]}
    return Contender(f"{AGENTS[agent]}, {SAID[filters]}{said}", "natural", settings | more)


def _embedded(name: str) -> Setting:
    victim, held = resolve("victim", name)(), moving_digits("heldout", DRAWN)
    return Setting(victim, *real_data.correct(victim, held.samples, held.labels, DRAWN))


def _later(name: str) -> Setting:
    """Clips that nothing was chosen by: those after the first hundred that the victim gets right."""
    all_right = _embedded(name)
    return Setting(all_right.victim, all_right.samples[LOOKED_AT:], all_right.labels[LOOKED_AT:])


@cache
def _movinet(t: int, size: int) -> brinkmap.Victim:
    answer = real_data.compiled(real_data.movinet(), 2)
    return brinkmap.wrap(answer, shape=(3, t, size, size), classes=600, outputs="logits")


def _kinetics() -> Setting:
    """The 16 windows, as MoViNet-A0 reads them."""
    held = np.load(real_data.SHARED / "video" / "clips_k600.npz", allow_pickle=False)
    victim = _movinet(16, 172)
    x = np.moveaxis(held["x"], -1, 1).astype(np.float32) / 255
    right = real_data.answers(victim, x, 4) == held["y"]
    return Setting(victim, held["x"][right], held["y"][right].astype(np.int64))


def frame_averaging(side: int, frames: int) -> brinkmap.Victim:
    """MobileNet v1 over single frames of a clip, brought to its size, the answers averaged as TSN does."""
    import torch

    fast = real_data.compiled(real_data.mobilenet(), frames)

    def answer(batch: np.ndarray) -> np.ndarray:
        rows = []
        for clip in torch.tensor(batch).transpose(1, 2):
            pictures = torch.nn.functional.interpolate(clip, (192, 192), mode="bilinear", align_corners=False)
            rows.append(torch.from_numpy(fast(pictures.numpy())).softmax(dim=1).mean(dim=0))
        return torch.stack(rows).numpy()

    return brinkmap.wrap(answer, shape=(3, frames, side, side), classes=1000, outputs="probabilities")


def _davis() -> Setting:
    """The DAVIS sequences, whatever the frame-averaging MobileNet sees in them: few have a class of ImageNet."""
    held = np.load(real_data.SHARED / "video" / "davis_masks.npz", allow_pickle=False)["x"]
    victim = frame_averaging(held.shape[2], held.shape[1])
    x = np.moveaxis(held, -1, 1).astype(np.float32) / 255
    return Setting(victim, held, real_data.answers(victim, x, 1))


EVERY = (
    "heuristic-frames", "motion-sampler", "geo-trap", "ast-focus", "nes", "square", "factorised-tint",
    "planning-vf", "planning-vf+10", "blind-vf",
    "factorised-vf", "factorised-vf+100", "factorised-temporal-vf", "factorised-spatial-vf", "credit-vf", "random-vf",
    "random-vf+10", "random-vf+100", "factorised-gb", "random-gb", "factorised-dp", "random-dp",
)  # fmt: skip
REAL = (
    "ast-focus", "factorised-gb", "factorised-gb+25", "factorised-dp", "factorised-dp+25",
    "random-gb", "random-gb+25", "random-dp", "random-dp+25",
)  # fmt: skip
CASES = {
    "moving-digits": Case(
        "Moving digits, two networks of ours",
        {name: lambda name=name: _later(name) for name in ("moving-digits", "moving-digits-tsm")},  # type: ignore[misc]
        samples=100, budget=1000, seeds=3, patch="2x4x4", max_linf=0.1, contenders=EVERY,
    ),
    "trained": Case(
        "Moving digits, agents trained over clips", {video_agents.VICTIM: lambda: _later(video_agents.VICTIM)},
        samples=50, budget=200, seeds=1, patch=video_agents.PATCH, max_linf=0.1,
        contenders=tuple(f"{name}-vf" for name in (*video_agents.WAYS, *AGENTS)), against="planning-vf",
    ),
    "kinetics": Case(
        "Kinetics-600, MoViNet-A0", {"movinet-a0": _kinetics},
        samples=16, budget=200, seeds=1, patch="2x22x22", max_linf=0.05,
        contenders=REAL, slots=4,
    ),
    "davis": Case(
        "DAVIS, MobileNet v1 averaged over frames", {"frame-averaging": _davis},
        samples=8, budget=200, seeds=1, patch="2x22x22", max_linf=0.05,
        contenders=REAL, slots=4,
    ),
}  # fmt: skip
