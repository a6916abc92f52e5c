"""The part of `brinkmap harden` that is about attacks: what they make of samples, and of networks before and after."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from brinkmap.attack import attack
from brinkmap.cli.flags import PoolRunFlags, run_of
from brinkmap.errors import InputError
from brinkmap.victims.function import FunctionVictim

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.harden import Labelled, Pool

__all__ = ["PoolFlags", "compared", "pool_of", "print_compared"]

FIGURES = (
    ("clean accuracy", "clean_accuracy", "{:.1%}"),
    ("flipped within the budget", "success_rate", "{:.1%}"),
    ("queries, failures at the full budget (mean)", "queries_capped_mean", "{:.1f}"),
    ("L2 of the flipped (mean)", "l2_mean", "{:.3f}"),
)


@dataclass(frozen=True, kw_only=True)
class PoolFlags:
    """Samples that an attack of ours, or anybody's, makes of the training samples."""

    pool: str = "none"
    """none; attack: samples as --agent leaves them on the network as it is then; distorted: the same filters anywhere,
    the control."""
    every: int = 5
    """Epochs between two makings; --check-every has to be a multiple of it."""
    share: float = 0.5
    """Of the samples that are attacked at each making; the others stay clean."""
    easiest: float = 1.0
    """The first making's L2 bound as a share of --max-l2; it grows to the whole."""
    tolerance: float | None = None
    """Natural accuracy that may be given up, as a share (0.01 is one point); looks that lose more are not picked."""
    audit: int = 0
    """Attack so many test samples before and after, and print both."""
    run: tyro.conf.OmitArgPrefixes[PoolRunFlags] = dataclasses.field(default_factory=PoolRunFlags)
    """The attack."""


def pool_of(flags: PoolFlags, seed: int) -> Pool | None:
    """The pool that the flags ask for.

    Raises:
        InputError: there is none of that name, or its settings cannot work.
    """
    from brinkmap.harden import Attacked, Distorted

    if flags.pool == "none":
        return None
    run = run_of(flags.run, seed=seed)
    if flags.pool == "attack":
        return Attacked(run=run, every=flags.every, share=flags.share, easiest=flags.easiest)
    if flags.pool == "distorted":
        return Distorted(run=run, every=flags.every, share=flags.share)
    raise InputError(f"pool: expected none, attack or distorted, got {flags.pool!r}.")


def compared(flags: PoolFlags, seed: int, networks: dict[str, nn.Module], data: Labelled) -> dict[str, dict[str, Any]]:
    """What the attack comes to on each network: the same samples, seed and budget."""
    from brinkmap.victims.torch_adapter import torch_function

    samples, labels, run = data.samples[: flags.audit], data.labels[: flags.audit], run_of(flags.run, seed=seed)
    found = {}
    for name, net in networks.items():
        victim = FunctionVictim(torch_function(net), shape=samples.shape[1:], outputs="logits")
        results = [one for one in attack(victim, samples, labels, run) if one.error is None]
        attacked = [one for one in results if one.attacked]
        flips = [one for one in attacked if one.success]
        found[name] = {
            "samples": len(results),
            "clean_accuracy": len(attacked) / max(len(results), 1),
            "success_rate": len(flips) / max(len(attacked), 1),
            "queries_capped_mean": _mean([one.queries_to_flip or run.budget for one in attacked]),
            "l2_mean": _mean([one.l2 for one in flips]),
            "queries": sum(one.queries for one in results),
        }
    return found


def print_compared(flags: PoolFlags, found: dict[str, dict[str, Any]]) -> None:
    """Both columns side by side."""
    table = Table("figure", *found, title=f"{flags.run.agent}, budget {flags.run.budget}", title_justify="left")
    for title, key, form in FIGURES:
        table.add_row(title, *("-" if one[key] is None else form.format(one[key]) for one in found.values()))
    Console().print(table)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
