"""Contract checks for plug-ins, public: a user's own victim, filter or agent is held to the same rules as ours.

Each check tries everything and reports all that is wrong at once.
"""

from brinkmap.testing.agents import check_agent
from brinkmap.testing.distortions import check_distortion
from brinkmap.testing.findings import ContractError
from brinkmap.testing.victims import check_victim

__all__ = ["ContractError", "check_agent", "check_distortion", "check_victim"]
