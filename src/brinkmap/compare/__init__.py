"""Attacks side by side: other people's, adapted or written from their papers, and comparisons of any with any."""

from brinkmap.compare.adapt import adapt
from brinkmap.compare.ast_focus import AstFocusAttack
from brinkmap.compare.comparison import Comparison, compare
from brinkmap.compare.foreign import Foreign
from brinkmap.compare.geo_trap import GeoTrapAttack
from brinkmap.compare.gradient_free import BanditsAttack, NESAttack
from brinkmap.compare.heuristic_frames import HeuristicFramesAttack
from brinkmap.compare.motion_sampler import MotionSamplerAttack
from brinkmap.compare.prgf import PriorGuidedAttack
from brinkmap.compare.simba import SimbaAttack, simba_dct
from brinkmap.compare.suite import Contender, Suite, Target
from brinkmap.compare.suite_file import read_suite
from brinkmap.compare.sweep import PublishedSweep
from brinkmap.compare.transfer import SurrogateAttack

__all__ = [
    "AstFocusAttack",
    "BanditsAttack",
    "Comparison",
    "Contender",
    "Foreign",
    "GeoTrapAttack",
    "HeuristicFramesAttack",
    "MotionSamplerAttack",
    "NESAttack",
    "PriorGuidedAttack",
    "PublishedSweep",
    "SimbaAttack",
    "Suite",
    "SurrogateAttack",
    "Target",
    "adapt",
    "compare",
    "read_suite",
    "simba_dct",
]
