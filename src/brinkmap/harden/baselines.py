"""What a hardening is held against: the same training with other samples to train on, or with none made at all."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

from torch import nn

from brinkmap.errors import InputError
from brinkmap.harden.adversaries import FGSM, PGD, Adversary, Unchanged
from brinkmap.harden.fit import fit
from brinkmap.harden.labelled import Labelled
from brinkmap.harden.pool import Attacked, Distorted, Pool
from brinkmap.harden.recipe import Recipe
from brinkmap.run import Run

__all__ = ["BASELINES", "baseline_of", "check_baselines", "look_every"]

BASELINES = ("none", "random", "fgsm", "pgd", "square", "simba")
"""Their names, in the order of reports."""
MOST_EPOCHS = 1_000_000
"""Never reached: the clock ends these trainings."""


def check_baselines(names: Sequence[str], recipe: Recipe, run: Run) -> None:
    """That baselines of these names can be trained beside a recipe; said before anything is.

    Args:
        names: some of `BASELINES`.
        recipe: of the hardening.
        run: its attack.

    Raises:
        InputError: an unknown name or one given twice, a recipe that depends on its end, or no distance to attack at.
    """
    if unknown := [name for name in names if name not in BASELINES]:
        raise InputError(f"baselines: expected some of {', '.join(BASELINES)}, got {unknown[0]!r}.")
    if len(set(names)) < len(names):
        raise InputError(f"baselines: expected different ones, got {', '.join(names)}.")
    if names and not recipe.optimiser.open_ended:
        raise InputError(
            f"baselines: they end by the clock, and the rate of {recipe.optimiser} falls towards an end known "
            "beforehand. Give --optimiser steady or published."
        )
    for name in names:
        if name in ("square", "simba") and (run.l2_bounds == (None,)) == (run.max_linf is None):
            raise InputError(f"baselines: {name} searches at a distance. Give either --max-l2 or --max-linf.")


def baseline_of(
    name: str, recipe: Recipe, run: Run, *, epsilon: float, every: int, share: float, seconds: float,
    easiest: float = 1.0, rate_hz: float | None = None,
) -> Recipe:  # fmt: skip
    """The recipe of a baseline: that of the hardening but for what is trained on, ended by the clock.

    Args:
        name: none, the samples as they are; random, the run's filters anywhere within its bound; fgsm and pgd; square
            and simba, samples as these attacks leave them.
        recipe: of the hardening.
        run: its attack, whose filters, bound, budget and seed are taken over.
        epsilon: Linf distance of FGSM and PGD, on 0..1.
        every: epochs between two makings of attacked samples.
        share: of the samples that are attacked at each.
        seconds: CPU seconds that the hardening took.
        easiest: as `Attacked` has it; the bound is whole after as many epochs as the hardening was to have.
        rate_hz: of signals.
    """
    adversaries: dict[str, Adversary] = {"fgsm": FGSM(epsilon), "pgd": PGD(epsilon, epsilon / 4)}
    pool: Pool | None = None
    if name == "random":
        pool = Distorted(run=run, every=every, share=share, rate_hz=rate_hz)
    elif name in ("square", "simba"):
        theirs = dataclasses.replace(run, agent=name, distortions=(), patch=None, refine_budget=0)
        pool = Attacked(
            run=theirs, every=every, share=share, easiest=easiest, rate_hz=rate_hz,
            grows_over=recipe.epochs if easiest < 1 else None,
        )  # fmt: skip
    return dataclasses.replace(
        recipe, adversary=adversaries.get(name, Unchanged()), pool=pool, epochs=MOST_EPOCHS, max_seconds=seconds
    )  # fmt: skip


def look_every(recipe: Recipe, net: nn.Module, data: Labelled, looks: int) -> int:
    """Epochs between two looks with which a training by the clock has about so many, that none has more to pick from.

    The first epochs are trained once on a copy to see how long they take.

    Args:
        recipe: with `max_seconds`.
        net: that it begins with; left as it is.
        data: what it is trained on.
        looks: how many there are to be.

    Returns:
        A multiple of the recipe's `check_every`.
    """
    assert recipe.max_seconds is not None
    few = Labelled(data.samples[:1], data.labels[:1])
    tried = dataclasses.replace(
        recipe, epochs=recipe.check_every, max_seconds=None, judge=Unchanged(), tolerance=None, patience=None
    )
    took = fit(copy.deepcopy(net), data, few, tried).history[-1].seconds
    return recipe.check_every * max(1, round(recipe.max_seconds / (max(looks, 1) * max(took, 1e-3))))
