"""Harder classifiers: trainings by labels or by rewards, on samples as they are or as attacks make them.

Needs torch (extra `torch`).
"""

from brinkmap.errors import MissingExtra

try:
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtra("hardening", "torch") from error

from brinkmap.harden.adversaries import FGSM, PGD, Adversary, Unchanged
from brinkmap.harden.baselines import BASELINES, baseline_of, check_baselines, look_every
from brinkmap.harden.classify import ClassifyEnv
from brinkmap.harden.fit import Fitted, accuracy, fit, policy_gradient
from brinkmap.harden.judging import UnderAttack
from brinkmap.harden.labelled import Labelled, check_enough, split
from brinkmap.harden.masking import MaskingSigns, masking_signs
from brinkmap.harden.objectives import CrossEntropy, Objective, Outcome, PolicyGradient
from brinkmap.harden.optimisers import Modern, Optimiser, Published, Steady
from brinkmap.harden.planned import Planned
from brinkmap.harden.pool import Attacked, Distorted, Made, Pool
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.harden.rewards import Balanced, Constant, ExpectedReward, MeanReward, NoBaseline, Repeated
from brinkmap.harden.strength import auto_attack

__all__ = [
    "BASELINES",
    "FGSM",
    "PGD",
    "Adversary",
    "Attacked",
    "Balanced",
    "Checked",
    "ClassifyEnv",
    "Constant",
    "CrossEntropy",
    "Distorted",
    "ExpectedReward",
    "Fitted",
    "Labelled",
    "Made",
    "MaskingSigns",
    "MeanReward",
    "Modern",
    "NoBaseline",
    "Objective",
    "Optimiser",
    "Outcome",
    "Planned",
    "PolicyGradient",
    "Pool",
    "Published",
    "Recipe",
    "Repeated",
    "Steady",
    "Unchanged",
    "UnderAttack",
    "accuracy",
    "auto_attack",
    "baseline_of",
    "check_baselines",
    "check_enough",
    "fit",
    "look_every",
    "masking_signs",
    "policy_gradient",
    "split",
]
