"""Who proposes: agents that the engine drives, and attacks that own their loop."""

from brinkmap.agents.protocol import Agent, Attack, Oracle

__all__ = ["Agent", "Attack", "Oracle"]
