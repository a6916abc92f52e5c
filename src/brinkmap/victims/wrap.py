"""Any model as a victim: what it is gets recognised here, what it does is in its adapter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from brinkmap.arrays import Bounds
from brinkmap.errors import InputError
from brinkmap.victims.answers import Outputs, check_outputs
from brinkmap.victims.function import FunctionVictim, check_shape
from brinkmap.victims.normalisation import Channelwise
from brinkmap.victims.onnx_adapter import onnx_source
from brinkmap.victims.protocol import Victim
from brinkmap.victims.sklearn_adapter import sklearn_source
from brinkmap.victims.source import Source
from brinkmap.victims.torch_adapter import torch_function

__all__ = ["is_estimator", "is_module", "is_victim", "wrap"]


def wrap(
    model: Any,
    *,
    bounds: Bounds = (0.0, 1.0),
    mean: Channelwise | None = None,
    std: Channelwise | None = None,
    outputs: Outputs | None = None,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    device: str | None = None,
    unit: str = "",
    rate_hz: float | None = None,
) -> Victim:
    """A victim from a PyTorch module, the path of an ONNX file, a fitted scikit-learn classifier or any callable.

    Args:
        model: the model. A victim comes back as it is.
        bounds: the valid range of a sample's values, before normalisation.
        mean: subtracted inside the victim, one number or one a channel; goes with std.
        std: divided by after that.
        outputs: what the model answers. Where not stated: logits of PyTorch and ONNX, probabilities of a callable,
            what a scikit-learn classifier offers.
        shape: `(c, *extent)` of one sample; learned from the model or the first query where not given.
        classes: how many; learned likewise, and needed for labels.
        device: where a PyTorch module is moved to.
        unit: the unit of the samples' values, such as "mV".
        rate_hz: the sampling rate of signals, in values a second.

    Raises:
        InputError: the model is none of these, or what is stated contradicts it or itself.
        MissingExtra: the library that runs the model is not installed.
    """
    if is_victim(model):
        stated = {"mean": mean, "std": std, "outputs": outputs, "shape": shape, "classes": classes, "device": device}
        stated |= {"unit": unit or None, "rate_hz": rate_hz}
        _check_unstated(stated | {"bounds": None if tuple(bounds) == (0.0, 1.0) else bounds})
        return cast(Victim, model)
    shape = None if shape is None else check_shape(shape)
    source = _source(model, outputs, shape, device)
    return FunctionVictim(
        source.function,
        shape=_agreed("shape", shape, source.shape),
        classes=_agreed("classes", classes, source.classes),
        bounds=bounds,
        outputs=source.outputs,
        mean=mean,
        std=std,
        unit=unit,
        rate_hz=rate_hz,
        name=source.name,
    )


def is_victim(model: Any) -> bool:
    """Whether it keeps the Victim contract already; a class is not its instance."""
    return isinstance(model, Victim) and not isinstance(model, type)


def is_module(model: Any) -> bool:
    """Whether it is a PyTorch module, asked without importing torch: nobody has one where torch is not imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def is_estimator(model: Any) -> bool:
    """Whether it has the manners of a scikit-learn estimator."""
    return not isinstance(model, type) and hasattr(model, "fit") and hasattr(model, "predict")


def _source(model: Any, outputs: Outputs | None, shape: tuple[int, ...] | None, device: str | None) -> Source:
    if outputs is not None:
        check_outputs(outputs)
    if is_module(model):
        return Source(function=torch_function(model, device), outputs=outputs or "logits", name=type(model).__name__)
    if device is not None:
        raise InputError(f"device: only a PyTorch module can be moved, got a {type(model).__name__}. Leave it out.")
    if isinstance(model, str | Path):
        if Path(model).suffix.lower() != ".onnx":
            raise InputError(f"model: expected the path of an .onnx file, got {str(model)!r}. Load the model first.")
        return onnx_source(Path(model), outputs)
    if is_estimator(model):
        return sklearn_source(model, outputs, shape)
    if isinstance(model, type) or not callable(model):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise InputError(
            f"model: expected a PyTorch module, the path of an .onnx file, a scikit-learn classifier or a callable, "
            f"got {what}. Give an instance, or a function from a batch to probabilities."
        )
    name = getattr(model, "__name__", type(model).__name__)
    return Source(function=model, outputs=outputs or "probabilities", name=name)


def _agreed(name: str, stated: Any, told: Any) -> Any:
    if stated is not None and told is not None and stated != told:
        raise InputError(f"{name}: the model itself says {told}, got {stated}. Leave {name} out.")
    return told if stated is None else stated


def _check_unstated(stated: dict[str, Any]) -> None:
    given = ", ".join(name for name, value in stated.items() if value is not None)
    if given:
        raise InputError(f"the model is a victim already and keeps its own settings, got {given}. Leave these out.")
