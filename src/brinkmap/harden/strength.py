"""AutoAttack, stage by stage: what is left of the accuracy after each of its four attacks."""

from __future__ import annotations

import contextlib
import io

import torch
from torch import nn

from brinkmap.errors import MissingExtra
from brinkmap.harden.labelled import Labelled

__all__ = ["STAGES", "auto_attack"]

STAGES = ("apgd-ce", "apgd-t", "fab-t", "square")
"""AutoAttack's standard version, in its order; only the last one needs no gradient."""


def auto_attack(net: nn.Module, data: Labelled, epsilon: float, seed: int = 0) -> dict[str, float]:
    """The accuracy before AutoAttack and after each of its stages, within a Linf distance.

    Each stage is put to the samples that all earlier ones have left right, as the package itself does.

    Args:
        net: to logits; asked in evaluation mode.
        data: pictures (n, c, height, width) on 0..1 and their classes; at least ten classes, which two stages need.
        epsilon: the distance, on 0..1.
        seed: of the package's own draws.

    Returns:
        `natural` and the stages by name, each at most the one before.

    Raises:
        MissingExtra: pyautoattack is not installed.

    Source: Croce & Hein 2020, arXiv:2003.01690.
    """
    try:
        from pyautoattack import AutoAttack
    except ImportError as error:
        raise MissingExtra("AutoAttack", "compare") from error
    net.eval()
    samples, labels = data.tensors()
    with torch.inference_mode():
        right = net(samples).argmax(dim=1) == labels
    left = {"natural": int(right.sum()) / len(data)}
    for stage in STAGES:
        rows = torch.nonzero(right).flatten()
        if len(rows):
            with contextlib.redirect_stdout(io.StringIO()):  # the package reports by printing
                attack = AutoAttack(net, attacks=[stage], eps=epsilon, norm="Linf", seed=seed, version="custom")
                changed, _ = attack.run_standard_evaluation(samples[rows], labels[rows])
            with torch.inference_mode():
                right[rows] = net(changed).argmax(dim=1) == labels[rows]
        left[stage] = int(right.sum()) / len(data)
    return left
