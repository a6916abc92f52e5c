"""The training that the flags of `brinkmap harden` ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinkmap.cli.flags import run_of
from brinkmap.cli.harden_data import Held
from brinkmap.cli.harden_pool import pool_of
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.cli.harden_command import HardenFlags
    from brinkmap.harden import Adversary, Recipe

__all__ = ["gradient_name", "gradient_of", "judge_name", "recipe_of"]

STRONGEST = 5.0
"""Of the shifts that plans are made of, in --epsilon."""
JUDGED = 100
"""Samples of each set that an attack judges a look by."""


def _judge(flags: HardenFlags) -> str:
    """What looks are judged by: attack, fgsm or pgd."""
    if flags.judge is not None:
        return flags.judge
    bounded = flags.attack.run.max_l2 or flags.attack.run.max_linf
    attacked = flags.attack.pool != "none" or flags.adversary == "planned"
    return "attack" if attacked and bounded else _gradient(flags)


def _gradient(flags: HardenFlags) -> str:
    return flags.adversary if flags.adversary in ("fgsm", "pgd") else "fgsm"


def judge_name(flags: HardenFlags) -> str:
    """What looks are judged by, in words."""
    judge = _judge(flags)
    return "the attack" if judge == "attack" else judge.upper()


def gradient_of(flags: HardenFlags) -> Adversary:
    """FGSM or PGD, the former where neither is the adversary: what networks are measured by beside the attack."""
    made: Adversary = _chosen("adversary", _gradient(flags), _adversaries(flags))
    return made


def gradient_name(flags: HardenFlags) -> str:
    """It in words."""
    return _gradient(flags).upper()


def _adversaries(flags: HardenFlags) -> dict[str, Any]:
    from brinkmap import harden

    return {
        "none": harden.Unchanged, "fgsm": lambda: harden.FGSM(flags.epsilon),
        "pgd": lambda: harden.PGD(flags.epsilon, flags.epsilon / 4), "planned": lambda: _planned(flags),
    }  # fmt: skip


def _planned(flags: HardenFlags) -> Adversary:
    from brinkmap.harden import Planned

    bounds = flags.attack.run.max_l2
    if len(bounds) != 1:
        raise InputError(f"max_l2: --adversary planned needs one distance to plan within, got {len(bounds)}.")
    return Planned(bounds[0], levels=(flags.epsilon, min(1.0, STRONGEST * flags.epsilon)))


def recipe_of(flags: HardenFlags, held: Held) -> Recipe:
    """The training that the flags ask for.

    Raises:
        InputError: a name that is none, or a value that cannot work.
    """
    from brinkmap import harden

    baselines = {"none": harden.NoBaseline, "mean": harden.MeanReward, "expected": harden.ExpectedReward}
    schedules: dict[str, Any] = {
        "constant": harden.Constant, "repeated": harden.Repeated,
        "balanced": lambda: harden.Balanced.of(held.data.labels.tolist(), held.classes),
    }  # fmt: skip
    adversaries, run = _adversaries(flags), run_of(flags.attack.run, seed=flags.seed)
    judges = {
        "attack": lambda: harden.UnderAttack(run=run, rate_hz=held.rate_hz), "fgsm": adversaries["fgsm"],
        "pgd": adversaries["pgd"],
    }  # fmt: skip
    rewards, baseline = _chosen("rewards", flags.rewards, schedules), _chosen("baseline", flags.baseline, baselines)
    objectives = {
        "cross-entropy": harden.CrossEntropy, "policy-gradient": lambda: harden.PolicyGradient(rewards, baseline),
    }  # fmt: skip
    optimisers: dict[str, Any] = {
        "modern": lambda: harden.Modern(flags.rate or 5e-4), "steady": lambda: harden.Steady(flags.rate or 5e-4),
        "published": lambda: harden.Published(flags.rate or 1e-4),
    }  # fmt: skip
    optimiser = flags.optimiser or ("steady" if flags.attack.baselines else "modern")
    adversary = _chosen("adversary", flags.adversary, adversaries)
    return harden.Recipe(
        objective=_chosen("method", flags.method, objectives), adversary=adversary,
        judge=_chosen("judge", _judge(flags), judges), judged=JUDGED if _judge(flags) == "attack" else None,
        optimiser=_chosen("optimiser", optimiser, optimisers),
        epochs=flags.epochs, batch=flags.batch, check_every=flags.check_every, seed=flags.seed,
        pool=pool_of(flags.attack, flags.seed, held.rate_hz), tolerance=flags.attack.tolerance,
        blend=flags.attack.blend, patience=flags.patience,
    )  # fmt: skip


def _chosen(what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise InputError(f"{what}: expected one of {', '.join(known)}, got {name!r}.")
    return known[name]()
