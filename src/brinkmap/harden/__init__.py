"""Harder classifiers: trainings by labels or by rewards, on samples as they are or as attacks make them.

Needs torch (extra `torch`).
"""

from brinkmap.errors import MissingExtra

try:
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtra("hardening", "torch") from error

from brinkmap.harden.adversaries import FGSM, PGD, Adversary, Unchanged
from brinkmap.harden.classify import ClassifyEnv
from brinkmap.harden.fit import Fitted, accuracy, fit, policy_gradient
from brinkmap.harden.labelled import Labelled, split
from brinkmap.harden.masking import MaskingSigns, masking_signs
from brinkmap.harden.objectives import CrossEntropy, Objective, Outcome, PolicyGradient
from brinkmap.harden.optimisers import Modern, Optimiser, Published
from brinkmap.harden.pool import Attacked, Distorted, Made, Pool
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.harden.rewards import Balanced, Constant, ExpectedReward, MeanReward, NoBaseline, Repeated
from brinkmap.harden.strength import auto_attack

__all__ = [
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
    "PolicyGradient",
    "Pool",
    "Published",
    "Recipe",
    "Repeated",
    "Unchanged",
    "accuracy",
    "auto_attack",
    "fit",
    "masking_signs",
    "policy_gradient",
    "split",
]
