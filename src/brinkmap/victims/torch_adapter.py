"""PyTorch modules as functions of NumPy batches. torch is imported only when one is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from brinkmap.arrays import Array, Floats
from brinkmap.errors import InputError, MissingExtra, VictimError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["TorchFunction", "as_fed", "torch_function"]


@final
@dataclass(frozen=True, eq=False)
class TorchFunction:
    """A module as a function of NumPy batches, in evaluation mode and without gradients; made by `torch_function`."""

    module: nn.Module = field(repr=False)
    """Takes `(n, c, *extent)`. Each call leaves it in evaluation mode."""
    device: str | None = None
    """Where batches go that no parameter says a place for."""

    def __call__(self, batch: Array) -> Array:
        """What the module answers to samples (n, c, *extent), as float32 on the CPU.

        Raises:
            VictimError: the module answers no tensor.
        """
        import torch

        if self.module.training:  # walks all submodules, so only when somebody has put it back into training
            self.module.eval()
        with torch.inference_mode():
            answer = self.module(as_fed(self.module, batch, self.device))
        return _values(answer)


def torch_function(module: nn.Module, device: str | None = None) -> TorchFunction:
    """The module as a function of NumPy batches, in evaluation mode and without gradients.

    Args:
        module: an nn.Module taking `(n, c, *extent)`. Each call leaves it in evaluation mode.
        device: where it is moved to, such as "cuda"; None leaves it where its parameters are.

    Raises:
        MissingExtra: torch is not installed.
        InputError: there is no such device.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a torch victim", "torch") from error
    if device is not None:
        try:
            module.to(device)
        except (RuntimeError, AssertionError, TypeError) as error:  # torch built without CUDA asserts
            reason = str(error).partition("\n")[0]
            raise InputError(f"device: cannot use {device!r}: {reason}. Leave it out, or give 'cpu'.") from error
    module.eval()
    return TorchFunction(module, device)


def as_fed(module: nn.Module, values: Array | Floats, device: str | None = None) -> Tensor:
    """Values as a new tensor where and as a module's parameters are; float32 on `device` where it has none."""
    import torch

    weight = next((one for one in module.parameters() if one.is_floating_point()), None)
    where, kind = (device, torch.float32) if weight is None else (weight.device, weight.dtype)
    return torch.tensor(values, device=where, dtype=kind)


def _values(answer: Any) -> Array:
    if not hasattr(answer, "cpu"):
        raise VictimError(
            f"victim: expected the module to answer one tensor, got {type(answer).__name__}. "
            "Wrap a module or a function that picks the tensor of class scores."
        )
    values: Array = answer.float().cpu().numpy()
    return values
