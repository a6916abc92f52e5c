"""Other people's attacks, written from their papers, that a learned agent is compared with."""

from brinkmap.compare.prgf import PriorGuidedAttack
from brinkmap.compare.transfer import SurrogateAttack

__all__ = ["PriorGuidedAttack", "SurrogateAttack"]
