"""Agents on disk: one safetensors file each, with a JSON card that says what it was made for and what that cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.agents.protocol import Agent
from brinkmap.errors import InputError, MissingExtra
from brinkmap.registry import resolve
from brinkmap.victims.weights import LOADING_ERRORS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SUFFIX", "load_agent", "read_agent", "write_agent"]

SUFFIX = ".safetensors"
KINDS = {
    "policy": "brinkmap.agents.policy:PolicyAgent", "ppo": "brinkmap.agents.ppo:PpoAgent",
    "response": "brinkmap.agents.response:ResponseAgent",
}  # fmt: skip
"""The class behind each kind of card; it has `from_file(card, weights)`."""


def write_agent(path: str | Path, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write weights and card into one file, whole or not at all."""
    from safetensors.torch import save_file

    part = Path(f"{path}.part")
    held = {name: values.contiguous() for name, values in weights.items()}
    save_file(held, part, metadata={"card": json.dumps(dict(card))})
    part.chmod(0o644)  # safetensors writes files that only their owner may read
    part.replace(path)


def read_agent(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card and the weights in an agent file.

    Raises:
        MissingExtra: torch is not installed.
        InputError: there is no such file, or it is none of ours.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"the agent {path}", "torch") from error
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputError(f"agent: no such file: {path}. `brinkmap train` writes agents; `brinkmap list` names others.")
    try:
        with safe_open(str(path), framework="pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise InputError(f"agent: {path} is not a readable safetensors file: {error}.") from error
    if not isinstance(card, dict) or _kind_of(card) not in KINDS:
        raise InputError(
            f"agent: {path}: expected a card of kind {' or '.join(sorted(KINDS))}, got {_kind_of(card)!r}. "
            "Agents are the files that `brinkmap train` writes."
        )
    return card, weights


def load_agent(path: str | Path) -> Agent:
    """The agent in a file, of whatever kind.

    Raises:
        MissingExtra: torch is not installed.
        InputError: there is no such file, it is none of ours, or card and weights do not belong together.
    """
    card, weights = read_agent(path)
    try:
        agent: Agent = resolve("agent", KINDS[card["kind"]]).from_file(card, weights)
        _check_names(getattr(agent, "card", {}))
    except LOADING_ERRORS as error:
        raise InputError(f"agent: {path}: card and weights do not belong together: {error}. Train it again.") from error
    return agent


def _check_names(card: Mapping[str, Any]) -> None:
    """That the filters of a card are names: what they stand for is looked up when the agent is used."""
    names = card.get("distortions", ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"distortions: expected names, got {names!r}")


def _kind_of(card: Any) -> str | None:
    kind = card.get("kind") if isinstance(card, dict) else None
    return kind if isinstance(kind, str) else None
