"""A first fit to true labels, which costs no query: what knowing the data alone is worth."""

from __future__ import annotations

import numpy as np
import torch

from brinkmap.arrays import Ints
from brinkmap.errors import InputError
from brinkmap.response.net import ResponseNet
from brinkmap.seeding import training_generator
from brinkmap.training.learner import BATCH, Learner
from brinkmap.training.samples import Variants

__all__ = ["fit_labels"]

CONFIDENCE = 0.97
"""Probability of the true class that is fitted; the others share the rest."""


def fit_labels(net: ResponseNet, variants: Variants, labels: Ints, passes: float, robust_l2: float = 0.0) -> float:
    """Fit a network to labelled variants, in place; returns the last loss.

    Args:
        net: the network.
        variants: of the labelled samples.
        labels: (n,) of the samples that the variants are made of.
        passes: over the samples.
        robust_l2: how far each variant is moved against the network before it is fitted.

    Raises:
        InputError: another number of labels than samples, or one that is no class.
    """
    if len(labels) != len(variants.samples):
        raise InputError(f"labels: expected {len(variants.samples)}, one a sample, got {len(labels)}.")
    if labels.min() < 0 or labels.max() >= net.classes:
        raise InputError(f"labels: expected classes from 0 to {net.classes - 1}, got {labels.min()} to {labels.max()}.")
    rest = (1 - CONFIDENCE) / (net.classes - 1)
    steps, loss = max(1, int(passes * len(labels) / BATCH)), float("nan")
    learner = Learner(net, steps, training_generator(variants.seed, "labels", 0), robust_l2=robust_l2)
    for step in range(steps):
        numbers = range(step * BATCH, (step + 1) * BATCH)
        chosen = np.stack([variants[number] for number in numbers])
        targets = torch.full((BATCH, net.classes), rest)
        targets[np.arange(BATCH), labels[[variants.source(number) for number in numbers]]] = CONFIDENCE
        loss = learner.step(torch.from_numpy(chosen), targets.log())
    net.load_state_dict(learner.mean.state_dict())
    return loss
