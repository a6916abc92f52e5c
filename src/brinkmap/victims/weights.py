"""A network from the settings and the weights in one file, neither of them trusted: both have to agree first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

    Network = TypeVar("Network", bound=nn.Module)

__all__ = ["LOADING_ERRORS", "network_with"]

LOADING_ERRORS = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ZeroDivisionError, RuntimeError,
    MemoryError, RecursionError,
)  # fmt: skip
"""What building a network out of a stranger's settings may raise."""

COUNTED = ("blocks", "members")
"""Settings that are a number of parts."""


def network_with(make: Callable[[], Network], weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Network:
    """The network that `make` builds, with these weights.

    It is built without memory first: settings that ask for more than the file holds are refused before they get it.

    Args:
        make: builds it from the settings.
        weights: by name.
        settings: what `make` goes by; a list in it, or one of COUNTED, has at least a tensor for each.

    Raises:
        ValueError: the weights are not those of this network.
        any of LOADING_ERRORS: the settings make no network.
    """
    import torch

    for name, value in settings.items():
        many = len(value) if isinstance(value, list | tuple) else value if name in COUNTED else 0
        if many > len(weights):
            raise ValueError(f"{name} asks for {many} layers, there are {len(weights)} tensors")
    with torch.device("meta"):
        wanted = {name: tuple(values.shape) for name, values in make().state_dict().items()}
    for name in (*wanted, *weights):
        given = tuple(weights[name].shape) if name in weights else None
        if wanted.get(name) != given:
            raise ValueError(f"{name}: expected shape {wanted.get(name)}, got {given}")
    network = make()
    network.load_state_dict(dict(weights))
    return network
