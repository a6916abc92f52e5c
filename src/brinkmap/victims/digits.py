"""The victim that comes with Brinkmap: a small CNN that reads scikit-learn's digits.

Trained by `scripts/train_digits.py`, which writes the weights beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brinkmap.errors import MissingExtra
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.torch_adapter import torch_function

__all__ = ["WEIGHTS", "digits_cnn", "digits_net"]

WEIGHTS = Path(__file__).with_name("digits_cnn.safetensors")


def digits_cnn() -> FunctionVictim:
    """The shipped digit classifier: samples (1, 8, 8) in 0..1, ten classes.

    Raises:
        MissingExtra: torch is not installed.
    """
    net = digits_net()
    from safetensors.torch import load_file

    net.load_state_dict(load_file(WEIGHTS))
    return FunctionVictim(torch_function(net), shape=(1, 8, 8), classes=10, outputs="logits", name="digits")


def digits_net() -> Any:
    """The network without its weights: an nn.Module from (n, 1, 8, 8) to (n, 10) logits.

    Raises:
        MissingExtra: torch is not installed.
    """
    try:
        from torch import nn
    except ImportError as error:
        raise MissingExtra("the digits victim", "torch") from error
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(64, 10),
    )
