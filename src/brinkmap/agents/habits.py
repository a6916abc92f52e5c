"""How the model-based agent goes about it."""

from __future__ import annotations

from dataclasses import dataclass

from brinkmap.errors import InputError

__all__ = ["Habits"]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the agent goes about it; benchmarks turn each of these to see what it is worth."""

    steps: int = 8
    """Gradients taken for each plan; four times as many for one that has no bound and no flip to begin from."""
    looks: int | None = None
    """How often the model looks at a sample, as it is and moved a little, where its card says that training moved
    samples so; None for once at a signal, else four times."""
    explore_after: int = 8
    """Queries that are planned in the model as it is best put right, before the agent begins to explore. Where each
    answer puts the model right and no bound is set it never does: going further helps more."""
    plan_every: int = 3
    """From then on each so-many-th query is planned so, and the others move against slopes drawn from the answers, or
    without corrections are what uniform random search would ask from the incumbent; 1 for no exploration, 0 for nothing
    else."""
    aims: bool = True
    """Whether plans are made towards single classes, the near ones most, once two plans towards any have failed."""
    corrected: bool = True
    """Whether each answer puts the model right for its sample."""
    blind: bool = False
    """Whether the model is shown a grey sample instead of the real one: the image-blind control."""
    removes: bool = True
    """Whether proposals may take distortion away before the flip, or only add to clean cells."""
    changes: int | None = None
    """Cells that one proposal changes at most; None leaves that to the plan."""
    safety: float = 1.0
    """Nats by which a frugal plan is to be forecast beyond the criterion at first."""

    def __post_init__(self) -> None:
        """Raises InputError for looks below 1."""
        if self.looks is not None and self.looks < 1:
            raise InputError(f"looks: expected 1 or more, got {self.looks}. 1 is the sample as it is.")
