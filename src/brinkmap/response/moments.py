"""An optimiser's moments as named tensors: what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["kept_moments", "put_back"]

MARK = "adam."


def kept_moments(optimiser: torch.optim.Optimizer, mark: str = MARK) -> dict[str, Tensor]:
    """Its state by name, the mark and then `NUMBER.NAME`."""
    return {
        f"{mark}{number}.{name}": torch.as_tensor(value)
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def put_back(optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor], mark: str = MARK) -> None:
    """The moments that are among these tensors, by their mark; its settings stay as they are."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in state.items():
        if key.startswith(mark):
            number, _, name = key.removeprefix(mark).partition(".")
            moments.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
