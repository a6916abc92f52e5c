"""The agents that come with Brinkmap, trained by `scripts/train_agents.py`."""

from __future__ import annotations

from pathlib import Path

from brinkmap.agents.protocol import Agent
from brinkmap.agents.saved import SUFFIX, load_agent

__all__ = ["WEIGHTS", "cifar10", "digits", "ecg"]

WEIGHTS = Path(__file__).with_name("weights")


def digits() -> Agent:
    """Trained against the shipped digit classifier; for the demo."""
    return load_agent(WEIGHTS / f"digits{SUFFIX}")


def ecg() -> Agent:
    """Trained against the classifier of simulated rhythms; electrode noises in segments of 100, 250 and 500 ms."""
    return load_agent(WEIGHTS / f"ecg{SUFFIX}")


def cifar10() -> Agent:
    """Trained against a CIFAR-10 ResNet-20, and of use against others: natural filters and tint, patches 1, 2 and 4."""
    return load_agent(WEIGHTS / f"cifar10{SUFFIX}")
