"""Where a victim's decisions come from: maps and masks, by asking, by an attack's trace, or off a network."""

from brinkmap.explain.explaining import explain, explanations, from_results
from brinkmap.explain.explanation import Explanation, Region
from brinkmap.explain.named import explainer_of
from brinkmap.explain.protocol import BlackBox, WhiteBox

__all__ = [
    "BlackBox",
    "Explanation",
    "Region",
    "WhiteBox",
    "explain",
    "explainer_of",
    "explanations",
    "from_results",
]
