"""Weights between those a network began with and those it was hardened to: how far, the tolerance says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["SHARES", "Blend", "blended", "mixed"]

SHARES = tuple(n / 20 for n in range(20, 0, -1))
"""Of the hardened weights, the most hardened first."""


class Blend(NamedTuple):
    """The weights that are picked, and how they stand up."""

    weights: dict[str, Tensor]
    judged: float
    share: float
    """Of the hardened weights in them."""


def blended(
    net: nn.Module, first: dict[str, Tensor], last: dict[str, Tensor],
    keeps: Callable[[], bool], judged: Callable[[], float],
) -> Blend | None:  # fmt: skip
    """The mixture of first and last weights that is judged best among those that keep natural accuracy.

    On the straight line between a network and what it was fine-tuned to, natural accuracy is given up later than
    robustness is gained, where fine-tuning did not go far.

    Args:
        net: takes the weights; left with some of them.
        first: before hardening.
        last: after it.
        keeps: whether the network as it is keeps natural accuracy.
        judged: its judged accuracy; asked only where it does.

    Returns:
        None where no mixture keeps it.

    Source: Wortsman et al. 2022, arXiv:2109.01903 (there for accuracy under other distributions).
    """
    best = None
    for share in SHARES:
        weights = mixed(first, last, share)
        net.load_state_dict(weights)
        if not keeps():
            continue
        stands = judged()
        if best is None or stands > best.judged:
            best = Blend(weights, stands, share)
    return best


def mixed(first: dict[str, Tensor], last: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """So much of the last weights, the rest of the first; counters are the last's."""
    return {
        name: first[name].lerp(value, share) if value.is_floating_point() else value.clone()
        for name, value in last.items()
    }
