"""How little natural distortion makes a black-box classifier change its mind, and where it has to be put."""

from brinkmap import benchmark
from brinkmap.attack import attack
from brinkmap.audit import Audit, Demands, Presentation, audit
from brinkmap.distortions import distortion
from brinkmap.errors import BrinkmapError, BudgetSpent, InputError, MissingExtra, VictimError
from brinkmap.explain import Explanation, explain
from brinkmap.objective import ConfidenceBelow, Targeted, TopK, Untargeted
from brinkmap.results import AttackResult, Collected, collect
from brinkmap.run import Run
from brinkmap.victims.protocol import Victim
from brinkmap.victims.wrap import wrap

__all__ = [
    "AttackResult",
    "Audit",
    "BrinkmapError",
    "BudgetSpent",
    "Collected",
    "ConfidenceBelow",
    "Demands",
    "Explanation",
    "InputError",
    "MissingExtra",
    "Presentation",
    "Run",
    "Targeted",
    "TopK",
    "Untargeted",
    "Victim",
    "VictimError",
    "attack",
    "audit",
    "benchmark",
    "collect",
    "distortion",
    "explain",
    "wrap",
]
