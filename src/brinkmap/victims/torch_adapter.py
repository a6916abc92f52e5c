"""PyTorch modules as functions of NumPy batches. torch is imported only when one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brinkmap.arrays import Array
from brinkmap.errors import InputError, MissingExtra, VictimError

__all__ = ["torch_function"]


def torch_function(module: Any, device: str | None = None) -> Callable[[Array], Array]:
    """The module as a function of NumPy batches, in evaluation mode and without gradients.

    Args:
        module: an nn.Module taking `(n, c, *extent)`. Each call leaves it in evaluation mode.
        device: where it is moved to, such as "cuda"; None leaves it where its parameters are.

    Returns:
        a function from (n, c, *extent) float32 to what the module answers, as float32 on the CPU.

    Raises:
        MissingExtra: torch is not installed.
        InputError: there is no such device.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("a torch victim", "torch") from error
    if device is not None:
        try:
            module.to(device)
        except (RuntimeError, AssertionError, TypeError) as error:  # torch built without CUDA asserts
            reason = str(error).partition("\n")[0]
            raise InputError(f"device: cannot use {device!r}: {reason}. Leave it out, or give 'cpu'.") from error

    module.eval()

    def call(batch: Array) -> Array:
        if module.training:  # walks all submodules, so only when somebody has put it back into training
            module.eval()
        weight = next((p for p in module.parameters() if p.is_floating_point()), None)
        where, kind = (device, torch.float32) if weight is None else (weight.device, weight.dtype)
        with torch.inference_mode():
            answer = module(torch.tensor(batch, device=where, dtype=kind))
        return _values(answer)

    return call


def _values(answer: Any) -> Array:
    if not hasattr(answer, "cpu"):
        raise VictimError(
            f"victim: expected the module to answer one tensor, got {type(answer).__name__}. "
            "Wrap a module or a function that picks the tensor of class scores."
        )
    values: Array = answer.float().cpu().numpy()
    return values
