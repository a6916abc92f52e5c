"""The engine and its two faces: slots for the runner, `gymnasium` environments for learners."""

from brinkmap.env.observation import Context, Observation
from brinkmap.env.rules import Rules, Tick
from brinkmap.env.slots import Slots
from brinkmap.env.task import Finished, Task, TraceStep

__all__ = ["Context", "Finished", "Observation", "Rules", "Slots", "Task", "Tick", "TraceStep"]
