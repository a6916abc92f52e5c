"""Is a classifier strong, or only its gradient of no use? Attacks that need none, beside those that follow it.

Athalye, Carlini & Wagner 2018 (arXiv:1802.00420) name the signs: attacks without gradients, or made on another network,
find what those with gradients miss; one step does better than many; gradients vanish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brinkmap.agents.distance import ROUNDING
from brinkmap.attack import attack
from brinkmap.distortions import Medium
from brinkmap.distortions.tone import tint
from brinkmap.harden.adversaries import FGSM, PGD, Adversary, slope
from brinkmap.harden.labelled import Labelled
from brinkmap.run import Run
from brinkmap.victims.wrap import wrap

__all__ = ["MaskingSigns", "masking_signs"]

VANISHED = 1e-8
"""Root mean square of a gradient below which its signs are noise."""


@dataclass(frozen=True)
class MaskingSigns:
    """Shares of the same samples that a classifier still gets right, and what its gradients are like."""

    samples: int
    natural: float
    white_box: dict[str, float]
    """One step, and many, along its own gradient."""
    transferred: dict[str, float]
    """Many steps along another network's gradient."""
    black_box: dict[str, float]
    """Attacks that ask for nothing but answers."""
    missed: float
    """The share that an attack without its gradient gets wrong and none with it does."""
    gradient_rms: float
    """Median over the samples it gets right, of cross-entropy's gradient."""
    vanished: float
    """The share of these whose gradient is nothing."""
    queries: int
    """Paid for the black-box attacks."""

    @property
    def masked(self) -> bool:
        """Whether attacks without its gradient find noticeably more, or one step more than many.

        Noticeably is two standard errors of a share, and never less than two hundredths.
        """
        fgsm, pgd = self.white_box["FGSM"], self.white_box["PGD"]
        noise = max(0.02, 2 * (0.25 / self.samples) ** 0.5)
        return self.missed > noise or pgd > fgsm + noise or self.vanished > noise


def masking_signs(
    net: nn.Module, data: Labelled, epsilon: float, surrogates: Mapping[str, nn.Module], *,
    budget: int = 1000, agents: Mapping[str, Run] | None = None, seed: int = 0,
) -> MaskingSigns:  # fmt: skip
    """Put attacks with and without gradients to the same samples at the same distance.

    Args:
        net: to logits.
        data: samples on 0..1 and their classes.
        epsilon: the Linf distance.
        surrogates: other networks by name, that candidates are made on.
        budget: queries a sample for each black-box attack.
        agents: runs of black-box attacks by name; Square, and our credit agent with `tint`, where none is given.
        seed: of every random choice.
    """
    net.eval()
    many = PGD(epsilon, epsilon / 4, 40)
    samples, labels = data.tensors()
    natural = _right(net, samples, labels)

    def survives(made_on: nn.Module, adversary: Adversary) -> np.ndarray:
        changed = adversary(made_on, samples, labels, torch.Generator().manual_seed(seed))
        return natural & _right(net, changed, labels)

    white = {name: survives(net, one) for name, one in (("FGSM", FGSM(epsilon)), ("PGD", many))}
    moved = {name: survives(one, many) for name, one in surrogates.items()}
    victim, asked, queries = wrap(net, shape=data.samples.shape[1:]), {}, 0
    for name, run in (agents or black_boxes(data.samples.shape[1:], epsilon, budget, seed)).items():
        results = sorted(attack(victim, data.samples, data.labels, run), key=lambda one: one.index)
        asked[name] = np.array([one.attacked and not one.success for one in results])
        queries += sum(one.queries for one in results)
    with_it = np.logical_and.reduce(list(white.values()))
    without = np.logical_and.reduce([*moved.values(), *asked.values()]) if moved or asked else with_it
    sizes = slope(net, samples, labels).flatten(1).square().mean(dim=1).sqrt().numpy()[natural]
    return MaskingSigns(
        samples=len(data), natural=float(natural.mean()),
        white_box=_shares(white), transferred=_shares(moved), black_box=_shares(asked),
        missed=float((with_it & ~without).mean()), gradient_rms=float(np.median(sizes)) if len(sizes) else 0.0,
        vanished=float((sizes < VANISHED).mean()) if len(sizes) else 0.0, queries=queries,
    )  # fmt: skip


def black_boxes(shape: tuple[int, ...], epsilon: float, budget: int, seed: int) -> dict[str, Run]:
    """Square, and the credit agent with signs of up to the distance on patches of 4, both within it."""
    family: Any = tint.members(Medium(shape, None))
    signs = [replace(one, epsilon=epsilon * (1 - ROUNDING) / 2**4) for one in family]
    return {
        "Square": Run(agent="square", max_linf=epsilon, budget=budget, seed=seed),
        "credit": Run(agent="credit", distortions=signs, patch=4, max_linf=epsilon, budget=budget, seed=seed),
    }


def _right(net: nn.Module, samples: Tensor, labels: Tensor) -> np.ndarray:
    """(n,) bool, which samples the network gets right."""
    with torch.inference_mode():
        right: np.ndarray = (net(samples).argmax(dim=1) == labels).numpy()
    return right


def _shares(survivors: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(one.mean()) for name, one in survivors.items()}
