"""The layer that class activation maps are made of: found, read and made to answer otherwise.

Where none is named it is the last of those that answer in the shape of the last convolution: behind its norm, its
activation and the sum with what went past it, as the papers read them. (On the digits victim Score-CAM is flat for 131
of 200 samples before the activation, for none behind it.) An answer is taken before anything can write over it, so that
an in-place activation makes no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brinkmap.errors import InputError
from brinkmap.explain.network import Network

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Opened", "opened"]

NAMED = 8
"""Layers that an error message offers."""


@dataclass(frozen=True)
class Opened:
    """A layer, and what came of one sample."""

    layer: nn.Module
    answer: Tensor
    """(1, channels, *coarse) the layer's, a copy of its own."""
    score: Tensor
    """(1,) the logit of the class."""
    by_slices: bool
    """Whether the layer is given the sample's slices along its first axis as rows, such as frames one by one."""

    @property
    def channels(self) -> int:
        """How many maps there are to weigh."""
        return self.answer.shape[1]

    def answering(self, values: Tensor) -> AbstractContextManager[None]:
        """While this lasts the layer answers these values, (k, channels, *coarse) for k samples."""
        rows = values.transpose(1, 2).flatten(0, 1) if self.by_slices else values
        return _hooked({"": self.layer}, lambda _, __: rows.clone())


def opened(network: Network, sample: Tensor, target: int, name: str | None) -> Opened:
    """What the layer of that name answers to a sample (1, c, *extent), or the one that is best read.

    Raises:
        InputError: no layer of that name, or none that a map can be made of; or there is no such class.
    """
    import torch

    layer, answers = _layer(network, sample, name), []
    with torch.no_grad(), _hooked({"": layer}, lambda _, answer: answers.append(answer.detach().clone())):
        score = network.scores(sample, target)
    by_slices = answers[0].dim() < sample.dim()
    return Opened(layer, answers[0].transpose(0, 1)[None] if by_slices else answers[0], score, by_slices)


def _layer(network: Network, sample: Tensor, name: str | None) -> nn.Module:
    """Found by one pass, which tells what every layer answers."""
    import torch
    from torch import nn

    layers = dict(network.module.named_modules())
    convolutions = [key for key, one in layers.items() if isinstance(one, (nn.Conv1d, nn.Conv2d, nn.Conv3d))]
    if name is not None and name not in layers:
        known = ", ".join(convolutions[-NAMED:]) or "none"
        raise InputError(f"layer: the network has no {name!r}. Its last convolutions are: {known}.")
    ended: list[tuple[str, tuple[int, ...]]] = []
    with torch.no_grad(), _hooked(layers, lambda key, answer: ended.append((key, tuple(getattr(answer, "shape", ()))))):
        network.logits(sample)
    runs = Counter(key for key, _ in ended)
    shapes = {key: shape for key, shape in ended if runs[key] == 1 and _is_map(shape, sample)}
    if name in shapes:
        return layers[name]
    usable = [key for key in convolutions if key in shapes]
    if name is not None or not usable:
        raise _no_layer(sample, name)
    return layers[[key for key, shape in shapes.items() if shape == shapes[usable[-1]]][-1]]


def _is_map(shape: tuple[int, ...], sample: Tensor) -> bool:
    """Whether such an answer to one sample has channels and more than one place."""
    whole = len(shape) == sample.dim() and shape[0] == 1
    by_slices = 2 < len(shape) == sample.dim() - 1 and shape[0] == sample.shape[2]
    return (whole or by_slices) and max(shape[2:]) > 1


@contextmanager
def _hooked(layers: dict[str, nn.Module], hook: Callable[[str, Any], Any]) -> Iterator[None]:
    """While this lasts `hook(name, answer)` is called as each layer has answered, and may answer in its place."""
    hooks = [one.register_forward_hook(lambda _, __, answer, key=key: hook(key, answer)) for key, one in layers.items()]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


def _no_layer(sample: Tensor, name: str | None) -> InputError:
    wanted = f"runs once and answers (1, channels, *coarse) with {sample.dim() - 2} axes in coarse, not all of them 1"
    if name is not None:
        return InputError(f"layer: expected one that {wanted}, got {name!r}, which does not. Name another, or none.")
    return InputError(
        f"network: expected a convolution that {wanted}, found none. Name another layer that does with layer=, or use "
        "IntegratedGradients or SmoothGrad, which need none."
    )
