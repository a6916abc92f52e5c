"""The network that `brinkmap harden` begins with, and what is known of it: from a file, a name, code, or made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.arrays import Bounds
from brinkmap.errors import InputError
from brinkmap.registry import is_registered, resolve
from brinkmap.victims import load_victim
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.torch_adapter import TorchFunction

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NEW", "Start", "new_network", "start_of"]

NEW = "small-vgg"
"""The network that is made for the data."""


@dataclass(frozen=True)
class Start:
    """A network before it is trained; what it does not say of itself is None."""

    net: nn.Module | None = None
    """To logits from samples on 0..1; None for one that is still to be made."""
    shape: tuple[int, ...] | None = None
    classes: int | None = None
    bounds: Bounds | None = None
    """Of samples as the user has them."""
    rate_hz: float | None = None
    unit: str = ""
    class_names: tuple[str, ...] | None = None


def start_of(reference: str, seed: int) -> Start:
    """The network behind --network.

    Raises:
        InputError: there is none, or it has no weights that could be trained here.
    """
    import torch

    torch.manual_seed(seed)
    if reference == NEW:
        return Start()
    if reference.endswith(".safetensors"):
        return _of_victim(reference, load_victim(reference))
    if is_registered("victim", reference):
        return _of_victim(reference, resolve("victim", reference)())
    _check_reference(reference)
    return _of_code(reference, resolve("victim", reference)())


def new_network(shape: tuple[int, ...], classes: int, layer_norm: bool) -> nn.Module:
    """A small network for samples of this shape.

    Raises:
        InputError: they are too small, or too few classes for a layer norm.
    """
    from brinkmap.victims.networks import SmallVGG

    pairs = min(3, max(1, min(shape[1:]).bit_length() - 2))
    return SmallVGG(shape, classes, (16, 32, 64)[:pairs], layer_norm=layer_norm)


def _check_reference(reference: str) -> None:
    low = reference.lower()
    if low.endswith((".onnx", ".toml")) or low.startswith(("http://", "https://")) or Path(reference).is_dir():
        raise InputError(
            f"network: {reference} answers and gives no gradients, so it cannot be trained here. Write modified "
            f"samples as files with `brinkmap audit --victim {reference} --export npy` and train it where its weights "
            "are, or give path/to/file.py:factory of the torch module."
        )
    if ":" not in reference:
        raise InputError(
            f"network: expected {NEW}, a .safetensors file, a name of `brinkmap list` or path/to/file.py:factory, got "
            f"{reference!r}."
        )


def _of_code(reference: str, made: Any) -> Start:
    """A module, a pair (module, shape), or a victim that holds one."""
    import torch

    module, shape = made if isinstance(made, tuple) and len(made) == 2 else (made, getattr(made, "shape", None))
    if not isinstance(module, torch.nn.Module):
        return _of_victim(reference, made)
    classes = getattr(module, "classes", None)
    return Start(
        module, None if shape is None else tuple(shape), classes if isinstance(classes, int) else None,
        getattr(module, "bounds", None), getattr(module, "rate_hz", None), getattr(module, "unit", None) or "",
    )  # fmt: skip


def _of_victim(reference: str, victim: Any) -> Start:
    function = getattr(victim, "function", None)
    if not isinstance(victim, FunctionVictim) or not isinstance(function, TorchFunction):
        raise InputError(
            f"network: {reference} made a {type(victim).__name__}; only a torch module can be trained here. For an "
            "ONNX file or a service, export modified samples with `brinkmap audit --export npy` and train it yourself."
        )
    low, high = victim.bounds
    scaling = (0.0 if victim.mean is None else victim.mean, 1.0 if victim.std is None else victim.std)
    if victim.outputs != "logits" or scaling != (low, high - low):
        raise InputError(
            f"network: {reference} answers {victim.outputs} to samples that it scales its own way; training needs "
            "logits of samples on 0..1. Put the scaling into the module."
        )
    return Start(
        function.module, victim.shape, victim.classes, victim.bounds, victim.rate_hz, victim.unit, victim.class_names
    )
