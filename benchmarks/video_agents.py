"""Agents trained on moving digits, for `video.py`: one response model, and in it a policy of each kind.

They lie under build/agents/video and are made by `python benchmarks/video.py train`, which goes on where it was left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brinkmap
from brinkmap.agents.policy import PolicyAgent
from brinkmap.agents.response import Habits, ResponseAgent
from brinkmap.agents.saved import load_agent
from brinkmap.data import moving_digits
from brinkmap.registry import resolve
from brinkmap.response.dream import Dreaming
from brinkmap.response.policy import HEADS, Policy
from brinkmap.training.loop import train
from brinkmap.training.practice import Practice, practise
from brinkmap.training.trainer import Training

FOLDER = Path(__file__).resolve().parents[1] / "build" / "agents" / "video"
VICTIM, PATCH, CLIPS, QUERIES, UPDATES = "moving-digits", "2x4x4", 8000, 8000, 60
FILTERS = ("frame-drop", "frame-freeze", "temporal-blur", "flicker")
DREAMING = Dreaming(samples=8, rollouts=6, steps=3)
WAYS = {
    "planning": "trained, planning alone", "blind": "trained, planning alone, image-blind",
    **{f"alone-{heads}": f"trained, {heads} policy alone" for heads in HEADS},
    "alone-blind": "trained, flat policy alone, image-blind",
    **{f"untrained-{heads}": f"trained model, untrained {heads} policy alone" for heads in ("flat", "joint")},
    **{f"policy-{heads}": f"trained, {heads} policy, then planning" for heads in HEADS},
}  # fmt: skip
"""What is asked of them, by name."""


def train_all(kinds: Sequence[str]) -> None:
    """The model, then policies of these kinds; says what each took."""
    import torch

    torch.set_num_threads(1)
    victim, clips = resolve("victim", VICTIM)(), moving_digits("train", CLIPS, seed=1).samples
    plan = Training(
        queries=QUERIES, distortions=FILTERS, patch=(PATCH,), widths=(8, 16, 32, 64), passes=10, shift=False
    )
    if not _path("planning").is_file():
        _timed("model", lambda: train(victim, clips, plan, folder=FOLDER, name="planning", watch=print))
    agent = _loaded("planning")
    for heads in kinds:
        practice = Practice(heads=heads, updates=UPDATES, dreaming=DREAMING, shift=False)
        _timed(heads, lambda: practise(agent, victim, clips, practice, folder=FOLDER, watch=_told))  # noqa: B023


def _told(done: int, made: Any) -> None:
    if done % 10 == 0:
        print(done, made, flush=True)


def _timed(title: str, make: Any) -> Any:
    started = time.process_time()
    made = make()
    print(f"{title}: {time.process_time() - started:.0f} CPU s", flush=True)
    return made


def trained(way: str) -> brinkmap.Agent:
    """The agent that is meant by a name in WAYS."""
    kind, _, heads = way.partition("-")
    if kind in ("planning", "blind"):
        agent = _loaded("planning")
        return ResponseAgent(agent.net, Habits(blind=kind == "blind"), card=agent.made_for)
    agent = _loaded(f"planning-{'flat' if heads == 'blind' else heads}")
    assert isinstance(agent, PolicyAgent)
    habits = Habits() if kind == "policy" else Habits(steps=0, blind=heads == "blind")
    policy = _untrained(agent) if kind == "untrained" else agent.policy
    return PolicyAgent(agent.net, policy, habits, card=agent.made_for)


def _untrained(agent: PolicyAgent) -> Policy:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Policy(1, 3, agent.policy.codes.num_embeddings - 1, heads=agent.policy.heads)


def _path(name: str) -> Path:
    return FOLDER / f"{name}.safetensors"


def _loaded(name: str) -> ResponseAgent:
    path = _path(name)
    if not path.is_file():
        raise SystemExit(f"no trained agent at {path}: run python benchmarks/video.py train first, 20 minutes.")
    agent = load_agent(path)
    assert isinstance(agent, ResponseAgent)
    return agent
