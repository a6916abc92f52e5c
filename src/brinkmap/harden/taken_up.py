"""A training on disk: all that going on from a checkpoint needs, and what it was begun with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from brinkmap.errors import InputError
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.response.moments import kept_moments, put_back

__all__ = ["CHECKPOINT", "Kept", "keep", "take_up"]

CHECKPOINT = "checkpoint.safetensors"
MARK = "moments."


@dataclass(frozen=True)
class Kept:
    """What is not in the network and its optimiser."""

    mistakes: Tensor
    """(n,) how often in a row each sample was answered wrongly; empty where nothing has begun."""
    history: tuple[Checked, ...] = ()
    best: dict[str, Tensor] | None = None
    """The weights of the look that would be picked now."""


def keep(folder: Path | None, recipe: Recipe, net: nn.Module, optimiser: torch.optim.Optimizer, kept: Kept) -> None:
    """Write the checkpoint, whole or not at all."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"net.{name}": values for name, values in net.state_dict().items()}
    tensors |= {f"best.{name}": values for name, values in (kept.best or {}).items()}
    tensors |= kept_moments(optimiser, MARK)
    tensors["mistakes"] = kept.mistakes
    told = {"recipe": recipe.fingerprint, "history": json.dumps([asdict(one) for one in kept.history])}
    part = folder / "checkpoint.part"
    save_file({name: values.clone().contiguous() for name, values in tensors.items()}, part, metadata=told)
    part.replace(folder / CHECKPOINT)


def take_up(folder: Path | None, recipe: Recipe, net: nn.Module, optimiser: torch.optim.Optimizer) -> Kept:
    """Put network and optimiser back to where the folder's checkpoint left them.

    Raises:
        InputError: the checkpoint is of another recipe or network.
    """
    if folder is None or not (folder / CHECKPOINT).is_file():
        return Kept(torch.zeros(0, dtype=torch.int64))
    with safe_open(str(folder / CHECKPOINT), "pt") as held:
        told = held.metadata()
        if told["recipe"] != recipe.fingerprint:
            raise InputError(
                f"training: {folder} was begun with {told['recipe']}, got {recipe.fingerprint}. "
                "Give the same settings or another folder."
            )
        tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    try:
        net.load_state_dict(_under("net.", tensors))
    except RuntimeError as error:
        _, _, reason = str(error).partition("\n")
        first = reason.strip().partition("\n")[0]
        raise InputError(
            f"training: {folder} was begun with another network: {first} Give the same one or another folder."
        ) from error
    put_back(optimiser, tensors, MARK)
    history = tuple(Checked(**one) for one in json.loads(told["history"]))
    return Kept(tensors["mistakes"], history, _under("best.", tensors) or None)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
