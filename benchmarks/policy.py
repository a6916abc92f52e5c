"""What a policy trained in the response model adds to planning in it: docs/results/policy.md.

    python benchmarks/policy.py AGENT.safetensors                natural filters, then tint; half an hour on one core
    python benchmarks/policy.py AGENT.safetensors natural        one track

The policy learns in the model alone, on the JPEG training images: no query. Then, on the first 150 lossless test
images that ResNet-20 gets right, budget 60, one seed: planning; the policy's proposals as they are; planning that
begins at these; and the controls: the policy untrained, blind to the image, and planning that tries the policy's usual
distance first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch

import brinkmap
from agent_cases import NATURAL
from agent_makers import ROOT
from brinkmap.agents.policy import PolicyAgent
from brinkmap.agents.response import Habits, ResponseAgent
from brinkmap.agents.saved import load_agent
from brinkmap.distortions import Medium, arsenal
from brinkmap.env.vector import Reward
from brinkmap.plan import Canvas, Cards, make_grid
from brinkmap.response.dream import Dream, Dreaming
from brinkmap.response.policy import Policy, Sight
from brinkmap.response.reach import Reach
from brinkmap.training.samples import Variants
from intervals import interval_text
from real_data import SHARED, cifar_images, cifar_victim, correct

SHAPE, BUDGET, SAMPLES, PATCH = (3, 32, 32), 60, 150, 4
UPDATES = {"natural": 320, "tint": 240}
TRACKS: dict[str, dict[str, Any]] = {
    "natural": {"distortions": NATURAL, "max_l2": None},
    "tint": {"distortions": ("tint",), "max_l2": 2.0},
}
DREAMING = {
    "natural": Dreaming(steps=3, reward=Reward(distance_price=0.2)),
    "tint": Dreaming(samples=16, rollouts=4, steps=3, noise=0.1, rate=5e-4),
}


class BlindPolicy(torch.nn.Module):
    """A policy that is shown the mean of all samples' cells instead of each."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, sight: Sight) -> torch.Tensor:
        """Scores as if every cell of every sample promised the same."""
        gains = sight.gains.mean(dim=(0, 2), keepdim=True).expand_as(sight.gains)
        scores: torch.Tensor = self.policy(replace(sight, contents=torch.zeros_like(sight.contents), gains=gains))
        return scores


class Further(ResponseAgent):
    """Planning that tries another distance first: the control for where the policy's proposals begin."""

    def _open(self, context: Any) -> None:
        super()._open(context)
        self._reach = Reach(context.slots, 3.0)


def trained(net: torch.nn.Module, track: str) -> Policy:
    """A policy after so many updates in the model."""
    cards = Cards(arsenal(TRACKS[track]["distortions"], Medium(SHAPE, None)))
    canvas = Canvas(SHAPE, (0.0, 1.0), make_grid(PATCH, SHAPE[1:]), cards, seed=7)
    held = np.load(SHARED / "cifar10" / "train_jpeg_10000.npz", allow_pickle=False)["x"]
    variants = Variants(held.transpose(0, 3, 1, 2).astype(np.float32) / 255, seed=11, flip=True)
    torch.manual_seed(0)
    policy = Policy(3, 2, len(cards))
    dream = Dream(net, policy, canvas, TRACKS[track]["max_l2"], DREAMING[track])
    for number, made in enumerate(islice(dream.updated(variants, UPDATES[track]), None)):
        if number % 20 == 19:
            print(f"update {number + 1}: {made}", flush=True)
    return policy


def measure(agent: Any, track: str) -> dict[str, Any]:
    """The figures of one way."""
    victim = cifar_victim("resnet20")
    x, y = correct(victim, *cifar_images(), SAMPLES)
    run = brinkmap.Run(agent=agent, patch=PATCH, budget=BUDGET, **TRACKS[track])
    results = sorted(brinkmap.attack(victim, x, y, run), key=lambda result: result.index)
    return {
        "asr": round(float(np.mean([one.success for one in results])), 3),
        "queries": [one.queries_to_flip or BUDGET for one in results],
        "first": round(float(np.mean([one.queries_to_flip == 2 for one in results])), 3),
        "l2": [one.l2 if one.success else None for one in results],
    }


def ways(net: Any, policy: Policy) -> dict[str, Callable[[], Any]]:
    """What is compared."""
    torch.manual_seed(0)
    cards = policy.codes.num_embeddings - 1
    untrained = Policy(3, 2, cards)
    return {
        "planning": lambda: ResponseAgent(net),
        "planning, first distance 3": lambda: Further(net),
        "policy alone": lambda: PolicyAgent(net, policy, Habits(steps=0)),
        "policy, then planning": lambda: PolicyAgent(net, policy),
        "untrained policy alone": lambda: PolicyAgent(net, untrained, Habits(steps=0)),
        "image-blind policy alone": lambda: PolicyAgent(net, BlindPolicy(policy), Habits(steps=0)),  # type: ignore[arg-type]
    }


def line(title: str, row: dict[str, Any], base: dict[str, Any]) -> str:
    """One row, with its paired differences from planning."""
    fewer = np.array(row["queries"], float) - base["queries"]
    both = [
        (one, other) for one, other in zip(row["l2"], base["l2"], strict=True) if one is not None and other is not None
    ]
    closer = np.array([one - other for one, other in both])
    cells = [title, f"{row['asr']:.3f}", f"{np.mean(row['queries']):.2f}", f"{row['first']:.3f}"]
    cells.append(f"{np.mean([one for one in row['l2'] if one is not None]):.2f}")
    cells += ["", ""] if row is base else [interval_text(one, 2, signed=True) for one in (fewer, closer)]
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    """Train, measure, write."""
    path, *tracks = sys.argv[1:]
    torch.set_num_threads(1)
    agent = load_agent(path)
    assert isinstance(agent, ResponseAgent)
    results = ROOT / "docs" / "results"
    known = json.loads((results / "policy.json").read_text()) if (results / "policy.json").is_file() else {}
    for track in tracks or TRACKS:
        policy = trained(agent.net, track)
        known[track] = {title: measure(make(), track) for title, make in ways(agent.net, policy).items()}
        (results / "policy.json").write_text(json.dumps(known) + "\n")
    page = [f"# What the policy adds to planning\n\n{(__doc__ or '').split(chr(10) * 2)[-1].strip()}\n"]
    for track, rows in known.items():
        page.append(f"\n## {track}, patch {PATCH}, L2 bound {TRACKS[track]['max_l2'] or 'none'}\n\n")
        page.append(
            "| way | ASR | capped mean queries | flipped by the first plan | L2 at the flip | queries against planning "
        )
        page.append("(95 %) | L2 against planning (95 %) |\n" + "|---" * 7 + "|\n")
        page += [line(title, row, rows["planning"]) for title, row in rows.items()]
    (results / "policy.md").write_text("".join(page))


if __name__ == "__main__":
    main()
