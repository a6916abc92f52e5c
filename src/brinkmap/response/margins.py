"""The criteria's margins once more, on torch tensors, so that they have gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from brinkmap.arrays import Ints
from brinkmap.errors import InputError
from brinkmap.objective import ConfidenceBelow, Criterion, Targeted, TopK, Untargeted

__all__ = ["Margins", "margins_for", "towards"]

Margins = Callable[[Tensor, Tensor], Tensor]
"""(n, classes) logits and (n,) the classes in question, to (n,) nats."""


def margins_for(criterion: Criterion, references: Ints, indices: Ints) -> tuple[Margins, Ints]:
    """A criterion's margin as a function of logits, and the class each sample's is about.

    Args:
        criterion: of the run.
        references: (n,) the classes under attack.
        indices: (n,) of the samples.

    Raises:
        InputError: a criterion of the user's own, whose margin has no gradient here.
    """
    kinds: dict[type, Callable[[Any], tuple[Margins, Ints]]] = {
        Untargeted: lambda _: (_lead_over(1), references),
        TopK: lambda one: (_lead_over(one.k), references),
        Targeted: lambda one: (lambda logits, own: -_lead_over(1)(logits, own), one.wanted(indices)),
        ConfidenceBelow: lambda one: (_over(one.value), references),
    }
    if type(criterion) not in kinds:
        known = ", ".join(kind.__name__ for kind in kinds)
        raise InputError(f"criterion: this agent plans for {known}, got {criterion!r}. Use agent credit or random.")
    return kinds[type(criterion)](criterion)


def towards(margins: Margins, aim: Tensor) -> Margins:
    """The lead over the class that is aimed at, (n,), and where that is -1 what `margins` says."""
    aimed = aim >= 0
    if not aimed.any():
        return margins

    def lead(logits: Tensor, own: Tensor) -> Tensor:
        over = logits.gather(1, own[:, None])[:, 0] - logits.gather(1, aim.clamp(min=0)[:, None])[:, 0]
        return torch.where(aimed, over, margins(logits, own))

    return lead


def _lead_over(place: int) -> Margins:
    def lead(logits: Tensor, own: Tensor) -> Tensor:
        others = logits.scatter(1, own[:, None], -torch.inf)
        best = others.amax(dim=1) if place == 1 else others.topk(place, dim=1).values[:, -1]
        return logits.gather(1, own[:, None])[:, 0] - best

    return lead


def _over(probability: float) -> Margins:
    floor = torch.tensor(probability).log()
    return lambda logits, own: logits.log_softmax(dim=1).gather(1, own[:, None])[:, 0] - floor
