"""Trains the digits victim that Brinkmap ships and writes its weights. Usage: python scripts/train_digits.py [PATH]

Plain cross-entropy on the training split, each digit shifted by up to one pixel; about 10 seconds on one core.
Prints the accuracy on the held-out split.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy, pad

from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.victims.digits import WEIGHTS, digits_net

SEED = 0
EPOCHS = 60
BATCH = 64


def train() -> nn.Module:
    """The network after its last epoch; no epoch is picked by looking at the held-out split."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    samples, labels = (torch.from_numpy(values) for values in digits_train())
    net = digits_net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(samples) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(samples)).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(net(shifted(samples[rows])), labels[rows]).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def shifted(batch: torch.Tensor) -> torch.Tensor:
    """The batch moved by -1, 0 or 1 pixel down and across, all alike."""
    down, across = torch.randint(0, 3, (2,)).tolist()
    return pad(batch, (1, 1, 1, 1))[:, :, down : down + 8, across : across + 8]


def accuracy(net: nn.Module) -> float:
    """The share of held-out digits that the network reads right."""
    samples, labels = digits_heldout()
    with torch.inference_mode():
        answers = net(torch.from_numpy(samples)).argmax(dim=1).numpy()
    return float(np.mean(answers == labels))


def main(path: Path) -> None:
    """Train, measure, write."""
    net = train()
    reached = accuracy(net)
    save_file(
        net.state_dict(),
        path,
        metadata={"script": "scripts/train_digits.py", "seed": str(SEED), "heldout_accuracy": f"{reached:.4f}"},
    )
    print(f"held-out accuracy {reached:.4f}, wrote {path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS)
