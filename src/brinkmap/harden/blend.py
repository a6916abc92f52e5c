"""Weights between those a network began with and those it was hardened to: how far, the tolerance says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from brinkmap.harden.recipe import Checked

__all__ = ["SHARES", "Blend", "blended", "mixed"]

SHARES = tuple(n / 20 for n in range(20, 0, -1))
"""Of the hardened weights, the most hardened first."""


class Blend(NamedTuple):
    """The weights that are picked, and how they looked."""

    weights: dict[str, Tensor]
    look: Checked
    share: float
    """Of the hardened weights in them."""


def blended(
    net: nn.Module, first: dict[str, Tensor], last: dict[str, Tensor], look: Callable[[], Checked], least: float
) -> Blend | None:
    """The mixture of first and last weights that is judged best among those that keep natural accuracy.

    On the straight line between a network and what it was fine-tuned to, natural accuracy is given up later than
    robustness is gained, where fine-tuning did not go far.

    Args:
        net: takes the weights; left with some of them.
        first: before hardening.
        last: after it.
        look: tells both accuracies of the network as it is.
        least: natural accuracy on the validation split that is to be kept.

    Returns:
        None where no mixture keeps it.

    Source: Wortsman et al. 2022, arXiv:2109.01903 (there for accuracy under other distributions).
    """
    best = None
    for share in SHARES:
        weights = mixed(first, last, share)
        net.load_state_dict(weights)
        seen = look()
        if seen.natural["validation"] < least:
            continue
        if best is None or seen.judged["validation"] > best.look.judged["validation"]:
            best = Blend(weights, seen, share)
    return best


def mixed(first: dict[str, Tensor], last: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """So much of the last weights, the rest of the first; counters are the last's."""
    return {
        name: first[name].lerp(value, share) if value.is_floating_point() else value.clone()
        for name, value in last.items()
    }
