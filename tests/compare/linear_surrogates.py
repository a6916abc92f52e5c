"""A victim of which every gradient is known, surrogates that know it, or do not, and what attacks make of them."""

import numpy as np
import pytest

from attacks_known import outcome
from brinkmap import Run
from victims_known import STEPS, Linear

torch = pytest.importorskip("torch")

BOUND = 0.1
VICTIMS = {1: Linear((2, 24), bounds=(-3, 5)), 2: Linear((1, 8, 8)), 3: Linear((1, 4, 6, 6))}


def surrogate_of(victim, turned=0.0, seed=5):
    """The victim's own scores, their weights turned towards random ones by that share."""
    own = victim.weights * victim.gain * STEPS
    other = np.random.default_rng(seed).standard_normal(own.shape)
    other *= np.linalg.norm(own) / np.linalg.norm(other)
    layer = torch.nn.Linear(own.shape[1], len(own))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy((1 - turned) * own + turned * other))
        layer.bias.copy_(-layer.weight.sum(dim=1) / 2)
    return torch.nn.Sequential(torch.nn.Flatten(), layer)


class Broken(torch.nn.Module):
    """Answers NaN."""

    def forward(self, samples):
        return samples.flatten(1)[:, :3] * float("nan")


def samples_near_the_middle(victim, count=12):
    """Far enough from the bounds that no clipping bends a gradient."""
    low, high = victim.bounds
    drawn = np.random.default_rng(1).uniform(0.4, 0.6, (count, *victim.shape))
    return (low + (high - low) * drawn).astype(np.float32)


def distances(victim, samples):
    """The least L2 to another class, on samples scaled to 0..1: planes, so a quotient."""
    low, high = victim.bounds
    flat = (samples.reshape(len(samples), -1).astype(np.float64) - low) / (high - low) - 0.5
    scores, least = flat @ victim.weights.T, []
    for row in scores:
        own = row.argmax()
        others = [k for k in range(len(row)) if k != own]
        least.append(min((row[own] - row[k]) / np.linalg.norm(victim.weights[own] - victim.weights[k]) for k in others))
    return np.array(least)


def attacked(attack, rank=2, **changes):
    victim = VICTIMS[rank]
    run = Run(**({"agent": attack, "budget": 60, "max_l2": BOUND} | changes))
    return outcome(victim, samples_near_the_middle(victim), None, run)
