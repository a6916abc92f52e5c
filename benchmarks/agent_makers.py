"""The agents that rows of docs/results/agent.md are about, made from trained files or a victim's own network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

import real_data
from brinkmap.agents.response import Habits, ResponseAgent
from brinkmap.agents.saved import load_agent

ROOT = Path(__file__).resolve().parents[1]
AGENTS, KEPT = ROOT / "build" / "agents", ROOT / "benchmarks" / "agents"


def agent_file(name: str, seed: int) -> Path:
    """Where a trained agent is, or is to be: those that many rows need come with the repository."""
    folder = name.format(seed=seed)
    kept = KEPT / f"{folder}.safetensors"
    return kept if kept.is_file() else AGENTS / folder / "cifar10.safetensors"


def trained(name: str, **habits: Any) -> Callable[[int], ResponseAgent]:
    """The agent of a folder such as q60000-s{seed}, with other habits."""

    def make(seed: int) -> ResponseAgent:
        agent = load_agent(agent_file(name, seed))
        assert isinstance(agent, ResponseAgent)
        return ResponseAgent(agent.net, Habits(**habits), agent.made_for)

    return make


def also(name: str, **more: str) -> Callable[[int], ResponseAgent]:
    """The agent of a folder, one more `distortions` or `patches` on its card: its model is of images."""

    def make(seed: int) -> ResponseAgent:
        agent = trained(name)(seed)
        card = agent.made_for
        assert card is not None
        wider: dict[str, Any] = {
            field: tuple(dict.fromkeys((*getattr(card, field), one))) for field, one in more.items()
        }
        return ResponseAgent(agent.net, Habits(), replace(card, **wider))

    return make


def reference(name: str) -> Callable[[int], Any]:
    """The PPO agent of a folder such as ppo4at2.0-q180000-s{seed}: patch 4, trained under L2 2.0."""
    return lambda seed: load_agent(agent_file(name, seed))


class WhiteBox(torch.nn.Module):
    """A victim's own network as the response model: what planning comes to where the model is right."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = real_data.shared_module("models_cifar").load(name).eval()
        self.head = torch.nn.Linear(10, 10)
        torch.nn.init.eye_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def features(self, samples: torch.Tensor) -> torch.Tensor:
        """(n, 10) its logits."""
        found: torch.Tensor = self.net(samples)
        return found


def ceiling(victim: str) -> Callable[[int], ResponseAgent]:
    """The agent that is given the victim's network."""
    return lambda _: ResponseAgent(cast("Any", WhiteBox(victim)))


def surrogate(name: str, looks: int = 1) -> Callable[[int], Any]:
    """The transfer attack with one of our networks as its surrogate, looked through as the agent does."""

    def make(seed: int) -> Any:
        from brinkmap.compare import SurrogateAttack
        from brinkmap.response.looks import Looks, looks_of

        agent = trained(name)(seed)
        moves = {"shift": agent.made_for.shift, "flip": agent.made_for.flip}
        return SurrogateAttack([Looks(agent.net, looks_of(looks, (32, 32), **moves))])

    return make


def prior_guided(name: str) -> Callable[[int], Any]:
    """P-RGF with one of our networks as its surrogate."""

    def make(seed: int) -> Any:
        from brinkmap.compare import PriorGuidedAttack

        return PriorGuidedAttack(trained(name)(seed).net)

    return make
