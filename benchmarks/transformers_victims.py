"""A small ViT and a CNN of equal size, trained alike on the embedded digits, and the checkpoints that are equally good.

python benchmarks/transformers_victims.py [SEED ...]    trains and prints; weights go to build/transformers/

Both see the same batches: cross-entropy, AdamW, one cycle, digits shifted by up to a pixel as in
`scripts/train_digits.py`. Every EVERY epochs the held-out accuracy is noted; the pair of checkpoints that is kept is
the latest one of the ViT, and the CNN's that is nearest to it. That choice looks at the held-out digits: it makes the
two comparable, and their accuracy is no estimate for new digits.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy, pad

import brinkmap
from brinkmap.data import digits_heldout, digits_train

WEIGHTS = Path(__file__).resolve().parents[1] / "build" / "transformers"
EPOCHS = 100
BATCH = 64
EVERY = 4
"""Epochs between checkpoints."""


def vit() -> transformers.ViTForImageClassification:
    """Four blocks of width 64 over the 16 patches of 2 x 2 values."""
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            image_size=8,
            patch_size=2,
            num_channels=1,
            hidden_size=64,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=128,
            initializer_range=0.1,
            id2label={n: str(n) for n in range(10)},
            attn_implementation="eager",
        )
    )


def cnn() -> nn.Sequential:
    """The shipped digits CNN, twice as wide, so that it has as many parameters as the ViT."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1024, 112), nn.ReLU(), nn.Dropout(0.3), nn.Linear(112, 10),
    )  # fmt: skip


def pair(seed: int) -> dict[str, brinkmap.Victim]:
    """The ViT, loaded from its folder as any Hugging Face model, and the CNN; trained first if need be."""
    if not (WEIGHTS / f"{seed}" / "told.json").is_file():
        train(seed)
    net = cnn()
    net.load_state_dict(load_file(WEIGHTS / f"{seed}" / "cnn.safetensors"))
    return {
        "ViT": brinkmap.victims.load_victim(str(WEIGHTS / f"{seed}" / "vit")),
        "CNN": brinkmap.wrap(net, shape=(1, 8, 8), classes=10),
    }


def told(seed: int) -> dict[str, Any]:
    """What the training of a pair came to."""
    found: dict[str, Any] = json.loads((WEIGHTS / f"{seed}" / "told.json").read_text())
    return found


def train(seed: int) -> None:
    """Train both, keep the pair that is equally good, write it to `WEIGHTS`."""
    started = time.process_time()
    torch.manual_seed(seed)
    transformer, convolutional = vit(), cnn()
    kept = {"vit": _fit(transformer, lambda x: transformer((x - 0.5) / 0.5).logits, seed, 2e-3)}
    kept["cnn"] = _fit(convolutional, convolutional, seed, 4e-3)
    epoch, goal, state = kept["vit"][-1]
    transformer.load_state_dict(state)
    other, near, twin = min(kept["cnn"], key=lambda one: (abs(one[1] - goal), -one[0]))
    convolutional.load_state_dict(twin)
    folder = WEIGHTS / f"{seed}"
    transformer.eval().save_pretrained(folder / "vit")
    processor = getattr(transformers, "ViTImageProcessorPil", None) or transformers.ViTImageProcessor
    processor(size={"height": 8, "width": 8}, image_mean=[0.5], image_std=[0.5]).save_pretrained(folder / "vit")
    save_file(convolutional.state_dict(), folder / "cnn.safetensors")
    said = {
        "seed": seed, "cpu_seconds": round(time.process_time() - started, 1),
        "vit": {"parameters": _size(transformer), "epochs": epoch, "heldout": round(goal, 4)},
        "cnn": {"parameters": _size(convolutional), "epochs": other, "heldout": round(near, 4)},
    }  # fmt: skip
    (folder / "told.json").write_text(json.dumps(said) + "\n")
    print(said, flush=True)


def _fit(
    net: nn.Module, scores: Callable[[torch.Tensor], torch.Tensor], seed: int, rate: float
) -> list[tuple[int, float, Any]]:
    """(epochs, held-out accuracy, weights) every EVERY epochs."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = (torch.from_numpy(values) for values in digits_train())
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate / 2, weight_decay=1e-2)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps)
    kept = []
    for epoch in range(1, EPOCHS + 1):
        net.train()
        for rows in torch.randperm(len(x), generator=drawn).split(BATCH):
            down, across = torch.randint(0, 3, (2,), generator=drawn).tolist()
            moved = pad(x[rows], (1, 1, 1, 1))[:, :, down : down + 8, across : across + 8]
            optimiser.zero_grad()
            cross_entropy(scores(moved), y[rows]).backward()
            optimiser.step()
            schedule.step()
        if epoch % EVERY == 0:
            net.eval()
            kept.append((epoch, _accuracy(scores), deepcopy(net.state_dict())))
    return kept


def _accuracy(scores: Callable[[torch.Tensor], torch.Tensor]) -> float:
    x, y = digits_heldout()
    with torch.inference_mode():
        return float(np.mean(scores(torch.from_numpy(x)).argmax(dim=1).numpy() == y))


def _size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for given in sys.argv[1:] or ("0", "1", "2"):
        train(int(given))
