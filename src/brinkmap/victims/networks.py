"""Small classifiers of our own, the same for signals, pictures and clips, and their weights on disk with a card."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast, final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from brinkmap.arrays import Bounds
from brinkmap.errors import InputError
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.resnet import SmallResNet
from brinkmap.victims.shift import TemporalShiftNet
from brinkmap.victims.torch_adapter import torch_function
from brinkmap.victims.weights import LOADING_ERRORS, network_with

__all__ = [
    "NETWORKS", "Classifier", "SmallResNet", "SmallVGG", "TemporalShiftNet", "load_classifier", "save_classifier",
]  # fmt: skip

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
POOLS = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
FASTER = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Orders in memory, by a batch's axes, in which convolutions are up to twice as fast on processors."""
CARD = "brinkmap-classifier"


@final
class SmallVGG(nn.Module):
    """Pairs of 3-wide convolutions, each pair followed by halving every axis, then two dense layers.

    The network of Gupta 2020 (SVRHM workshop, NeurIPS), whose figure of the widths the paper's text does not repeat.

    Args:
        shape: (c, *extent) of a sample on the scale 0..1.
        classes: how many it tells apart.
        widths: channels of each pair; an axis has to be at least 2 to the power of their number.
        hidden: width of the dense layer.
        layer_norm: whether the logits are normalised before the softmax, the paper's cure for obfuscated gradients.

    Raises:
        InputError: the extent is too small to be halved so often, or two logits are to be normalised.
    """

    architecture: ClassVar[str] = "small-vgg"

    def __init__(
        self, shape: Sequence[int], classes: int, widths: Sequence[int] = (16, 32, 64), hidden: int = 256,
        layer_norm: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        channels, *extent = shape
        if min(extent) < 2 ** len(widths):
            raise InputError(
                f"network: {len(widths)} pairs halve an axis to nothing below {2 ** len(widths)} values, got {extent}. "
                "Give fewer widths."
            )
        if layer_norm and classes < 3:
            raise InputError(
                f"network: {classes} logits after a layer norm are always +1 and -1, so that nothing can be learned. "
                "Leave layer_norm off (--no-layer-norm)."
            )
        self.settings: dict[str, Any] = {
            "shape": [int(n) for n in shape], "classes": int(classes), "widths": [int(n) for n in widths],
            "hidden": int(hidden), "layer_norm": bool(layer_norm),
        }  # fmt: skip
        convolution, pool = CONVOLUTIONS[len(extent)], POOLS[len(extent)]
        layers: list[nn.Module] = []
        for before, after in zip([channels, *widths], widths, strict=False):
            layers += [convolution(before, after, 3, padding=1), nn.ReLU()]
            layers += [convolution(after, after, 3, padding=1), nn.ReLU(), pool(2)]
        self.trunk = nn.Sequential(*layers)
        if len(extent) == 3:
            # with the input's order alone it is not as fast; torch's types leave this call out
            self.trunk.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        flat = widths[-1] * math.prod(n // 2 ** len(widths) for n in extent)
        head: list[nn.Module] = [nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, classes)]
        self.head = nn.Sequential(*head, *([nn.LayerNorm(classes)] if layer_norm else []))

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits for samples (n, c, *extent) on 0..1."""
        if samples.dim() in FASTER:
            samples = samples.contiguous(memory_format=FASTER[samples.dim()])
        return cast("Tensor", self.head(self.trunk(samples).flatten(1)))


Classifier = SmallVGG | SmallResNet | TemporalShiftNet
NETWORKS: dict[str, type[Classifier]] = {
    network.architecture: network for network in (SmallVGG, SmallResNet, TemporalShiftNet)
}
"""By what a card calls them."""


def save_classifier(net: Classifier, path: Path, bounds: Bounds = (0.0, 1.0), **told: Any) -> None:
    """Write weights and a card, whole or not at all.

    Args:
        net: what is saved.
        path: a .safetensors file.
        bounds: of the samples as the user has them; they are scaled to 0..1 before the network sees them.
        told: whatever else the card should say, such as the training's settings and figures; `class_names`, and of
            signals `rate_hz` and `unit`, are what the victim will say then.
    """
    card = told | {
        "kind": CARD, "architecture": net.architecture, "network": net.settings, "bounds": list(bounds),
    }  # fmt: skip
    part = path.with_name(path.name + ".part")
    weights = {name: values.contiguous() for name, values in net.state_dict().items()}
    save_file(weights, part, metadata={"card": json.dumps(card)})
    part.replace(path)


def load_classifier(path: str | Path) -> FunctionVictim:
    """The victim in a file that `save_classifier` (or `brinkmap harden`) has written.

    Raises:
        InputError: no such file, or another kind of file.
    """
    try:
        with safe_open(str(path), "pt") as held:
            card = json.loads((held.metadata() or {}).get("card", "{}"))
            weights = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise InputError(f"victim {str(path)!r}: cannot be read: {error}.") from error
    if not isinstance(card, dict) or card.get("kind") != CARD:
        raise InputError(f"victim {str(path)!r}: no classifier of ours. Give model.onnx or path/to/file.py:factory.")
    architecture = str(card.get("architecture", "small-vgg"))
    if architecture not in NETWORKS:
        raise InputError(f"victim {str(path)!r}: a {architecture}, which only a newer Brinkmap knows.")
    try:
        return _victim(NETWORKS[architecture], card, weights, Path(path).stem)
    except LOADING_ERRORS as error:
        raise InputError(f"victim {str(path)!r}: card and weights do not belong together: {error}.") from error


def _victim(network: type[Any], card: dict[str, Any], weights: dict[str, Tensor], name: str) -> FunctionVictim:
    settings = card["network"]
    net = network_with(lambda: network(**settings), weights, settings)
    low, high = card["bounds"]
    return FunctionVictim(
        torch_function(net), shape=tuple(net.settings["shape"]), classes=net.settings["classes"], bounds=(low, high),
        outputs="logits", mean=low, std=high - low, unit=str(card.get("unit", "")), rate_hz=card.get("rate_hz"),
        class_names=tuple(map(str, card["class_names"])) if card.get("class_names") else None, name=name,
    )  # fmt: skip
