"""How little natural distortion makes a black-box classifier change its mind, and where it has to be put."""

from brinkmap.attack import attack
from brinkmap.errors import BrinkmapError, BudgetSpent, InputError, MissingExtra, VictimError
from brinkmap.objective import ConfidenceBelow, Targeted, TopK, Untargeted
from brinkmap.results import AttackResult, Collected, collect
from brinkmap.run import Run
from brinkmap.victims.protocol import Victim
from brinkmap.victims.wrap import wrap

__all__ = [
    "AttackResult",
    "BrinkmapError",
    "BudgetSpent",
    "Collected",
    "ConfidenceBelow",
    "InputError",
    "MissingExtra",
    "Run",
    "Targeted",
    "TopK",
    "Untargeted",
    "Victim",
    "VictimError",
    "attack",
    "collect",
    "wrap",
]
