"""Where benchmarks and examples find the real samples and victims, which are not part of the package."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap
from brinkmap.victims.function import FunctionVictim

SHARED = Path(os.environ.get("BRINKMAP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

FORMER_AGENT = Path(__file__).resolve().parent / "agents" / "q120000.safetensors"
"""What was shipped as `cifar10` until 2026-11-28: comparisons, one-pixel and benchmark pages are of it."""


def cifar_victim(name: str) -> brinkmap.Victim:
    """A CIFAR-10 network of the data folder, by the name its loader has: resnet20, resnet56, cnn_a_mix ..."""
    victim = brinkmap.wrap(shared_module("models_cifar").load(name), shape=(3, 32, 32), classes=10)
    assert isinstance(victim, FunctionVictim)
    victim.name = name  # agents' cards say whom they were trained against
    return victim


def shared_module(name: str) -> Any:
    """A loader of the data folder: models_cifar, models_imagenet, models_ecg or models_video."""
    if str(_present()) not in sys.path:
        sys.path.insert(0, str(SHARED))
    return importlib.import_module(name)


def channels_last(net: Any) -> Any:
    """A network of pictures whose convolutions run half again as fast on processors."""
    import torch

    net.to(memory_format=torch.channels_last).register_forward_pre_hook(_reordered)
    return net


def mobilenet() -> Any:
    """MobileNet v1 at 192 x 192, in the order that is half again as fast on processors."""
    return channels_last(shared_module("models_imagenet").load("mobilenet_v1_0.75_192"))


def movinet() -> Any:
    """MoViNet-A0; its frames' convolutions in the order that is half again as fast on processors."""
    import torch

    net = shared_module("models_video").load()
    for part in net.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.to(memory_format=torch.channels_last)
    channels_last(net.stem)
    return net


def compiled(net: Any, chunk: int) -> Callable[[np.ndarray], np.ndarray]:
    """A network as a function of batches, compiled for `chunk` samples at once: twice as fast, the same but for 1e-5.

    Gradients do not come through it, and without a C++ compiler it is as slow as ever.
    """
    import torch
    import torch._inductor.config

    torch._inductor.config.freezing = True  # type: ignore[attr-defined]
    fast = torch.compile(net.eval()) if shutil.which("g++") else net.eval()

    def answer(batch: np.ndarray) -> np.ndarray:
        rows = []
        with torch.inference_mode():
            for part in torch.tensor(batch).split(chunk):
                full = torch.cat([part, part[:1].expand(chunk - len(part), *part.shape[1:])])
                rows.append(fast(full)[: len(part)].clone())
        return torch.cat(rows).numpy()

    return answer


def _reordered(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    import torch

    return tuple(one.contiguous(memory_format=torch.channels_last) for one in given)


def cifar_images() -> tuple[Any, Any]:
    """The 460 lossless test images: uint8 (n, 32, 32, 3) and labels."""
    held = np.load(_present() / "cifar10" / "test_lossless_460.npz", allow_pickle=False)
    return held["x"], held["y"]


def correct(victim: brinkmap.Victim, x: Any, y: Any, count: int) -> tuple[Any, Any]:
    """The first `count` samples that the victim gets right; choosing them is not part of any attack's queries."""
    right = answers(victim, x) == y
    return x[right][:count], y[right][:count]


def answers(victim: brinkmap.Victim, x: Any, batch: int = 64) -> Any:
    """(n,) classes of many samples, so many at once."""
    return np.concatenate([victim.predict(x[i : i + batch]).argmax(axis=1) for i in range(0, len(x), batch)])


def _present() -> Path:
    if not SHARED.is_dir():
        raise SystemExit(f"real data not found at {SHARED}; set BRINKMAP_DATA to the folder that holds cifar10/.")
    return SHARED
