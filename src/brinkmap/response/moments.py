"""An optimiser's moments as named tensors: what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["kept_moments", "put_back"]

MARK = "adam."


def kept_moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Its state by name, `adam.NUMBER.NAME`."""
    return {
        f"{MARK}{number}.{name}": torch.as_tensor(value)
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def put_back(optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """The moments that are among these tensors; its settings stay as they are."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in state.items():
        if key.startswith(MARK):
            _, number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
