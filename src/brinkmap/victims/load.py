"""A victim from what is typed on a command line: a file, a folder, a URL, a registered name, or a factory in code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brinkmap.arrays import Bounds
from brinkmap.errors import InputError, MissingExtra
from brinkmap.registry import is_registered, resolve
from brinkmap.victims.answers import Outputs
from brinkmap.victims.normalisation import Channelwise
from brinkmap.victims.protocol import Victim
from brinkmap.victims.wrap import is_estimator, is_module, is_victim, wrap

__all__ = ["load_victim"]

DECLARED = ("shape", "classes", "bounds", "mean", "std", "outputs", "unit", "rate_hz")
"""What a model may say of itself in attributes of these names: the arguments of `wrap`."""


def load_victim(
    reference: str,
    *,
    bounds: Bounds | None = None,
    mean: Channelwise | None = None,
    std: Channelwise | None = None,
    outputs: Outputs | None = None,
    unit: str | None = None,
    rate_hz: float | None = None,
) -> Victim:
    """The victim that a reference stands for; what is stated here goes before what the model says of itself.

    Args:
        reference: `model.onnx`, a `model.safetensors` of `brinkmap harden`, `http://host/v2/models/NAME`, a `.toml`
            file that describes a service, a folder of Hugging Face's `save_pretrained`, a registered name,
            `path/to/file.py:factory` or `package.module:factory`. A factory is a function or class called with no
            argument; it returns a victim, `(module, shape)`, a PyTorch module, a scikit-learn classifier or a callable.
            Module and callable may carry the arguments of `wrap` as attributes, and a function that carries `shape` is
            taken for the model itself.
        bounds: as `wrap` takes it.
        mean: as `wrap` takes it.
        std: as `wrap` takes it.
        outputs: as `wrap` takes it.
        unit: as `wrap` takes it.
        rate_hz: as `wrap` takes it.

    Raises:
        InputError: nothing goes by that name, the factory failed, or it made no victim.
        MissingExtra: the library that runs the model is not installed.
        VictimError: a service does not answer.
    """
    given: dict[str, Any] = {"bounds": bounds, "mean": mean, "std": std, "outputs": outputs}
    given |= {"unit": unit, "rate_hz": rate_hz}
    stated = {name: value for name, value in given.items() if value is not None}
    if reference.lower().endswith(".onnx"):
        return wrap(reference, **stated)
    if reference.lower().endswith(".safetensors"):
        return _hardened(reference, stated)
    if reference.lower().startswith(("http://", "https://")):
        from brinkmap.victims.http import victim_at

        return victim_at(reference, **stated)
    if reference.lower().endswith(".toml"):
        from brinkmap.victims.http import victim_from_file

        return victim_from_file(reference, **stated)
    if Path(reference).is_dir() and not is_registered("victim", reference):
        return _pretrained(reference, stated)
    found = resolve("victim", reference)
    try:
        return _wrapped(found if _is_model(found) else found(), stated)
    except MissingExtra:
        raise
    except Exception as error:
        raise InputError(f"victim {reference!r}: {type(error).__name__}: {error}") from error


def _hardened(path: str, stated: dict[str, Any]) -> Victim:
    try:
        from brinkmap.victims.networks import load_classifier
    except ImportError as error:
        raise MissingExtra(f"the victim {path}", "torch") from error
    return wrap(load_classifier(path), **stated)


def _pretrained(path: str, stated: dict[str, Any]) -> Victim:
    try:
        from brinkmap.victims.huggingface import huggingface_victim
    except ImportError as error:
        raise MissingExtra(f"the victim {path}", "huggingface") from error
    return huggingface_victim(path, **stated)


def _is_model(found: Any) -> bool:
    if isinstance(found, type):
        return False
    return is_victim(found) or is_module(found) or is_estimator(found) or hasattr(found, "shape") or not callable(found)


def _wrapped(made: Any, stated: dict[str, Any]) -> Victim:
    declared: dict[str, Any] = {}
    if isinstance(made, tuple):
        if len(made) != 2:
            raise InputError(f"expected a pair (module, shape), got {len(made)} values. Return the two.")
        made, declared["shape"] = made
    if not is_victim(made) and callable(made):
        declared = _declared(made) | declared
    return wrap(made, **(declared | stated))


def _declared(model: Any) -> dict[str, Any]:
    found = {name: getattr(model, name) for name in DECLARED if getattr(model, name, None) is not None}
    for name, value in found.items():
        if hasattr(value, "detach"):
            raise InputError(
                f"the module keeps {name} as a tensor, so forward() may apply it already. "
                "Return wrap(module, ...) from the factory: with mean and std if it does not, without if it does."
            )
    return found
