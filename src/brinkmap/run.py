"""One attack, stated: the library call, the TOML file and the command line alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from brinkmap.errors import InputError
from brinkmap.objective import Criterion, criterion_of
from brinkmap.plan import Patch

if TYPE_CHECKING:
    from brinkmap.agents import Agent, Attack
    from brinkmap.distortions import Distortion

__all__ = ["Run"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a set of samples is attacked.

    Raises:
        InputError: a value that cannot work; the message names it, what is allowed and the mend.
    """

    agent: str | Agent | Attack = "auto"
    """Who proposes: a name from `brinkmap list`, package.module:name or path/to/file.py:name; from Python an object
    too. `auto` is the best that is installed."""
    distortions: Sequence[str | Distortion] = ()
    """The filters it may use, by name; none given means gaussian-noise, gaussian-blur, dead-pixel and illuminate."""
    patch: Patch | None = None
    """Patch size in values: 4 for every axis, 2x8x8 for one number an axis, 50ms for a signal whose rate is known;
    several for several grids at once; none given means 64 cells in time, 8 x 8 in a picture, 4 x 8 x 8 in a clip."""
    budget: int = 1000
    """Queries a sample may cost until it flips, the first clean look included."""
    refine_budget: int = 0
    """Queries on top of it for taking distortion away again once it has flipped."""
    max_l2: float | Sequence[float] | None = None
    """Largest L2 distance on samples scaled to 0..1; several bounds are attacked one by one."""
    max_linf: float | None = None
    """Largest change of a single value on samples scaled to 0..1."""
    criterion: str | Criterion = "untargeted"
    """What counts as success: untargeted, targeted:CLASS, topk:K or confidence:PROBABILITY."""
    slots: int = 256
    """Samples under attack at once; no result depends on it."""
    seed: int = 0
    """Every random choice follows from it and the sample's index."""
    quantise: int | None = None
    """Bits a value will be saved with (8 for picture files), so that flips survive the saving."""
    trace: bool = False
    """Keep every proposal and its answer."""
    batch_size: int | None = None
    """Samples handed to the victim at once; none given means it is searched among the paid queries."""
    rate_limit: float | None = None
    """Queries a second at most."""

    def __post_init__(self) -> None:
        _at_least("budget", self.budget, 1, "query (the clean look)")
        _at_least("refine_budget", self.refine_budget, 0, "queries")
        _at_least("slots", self.slots, 1, "sample at once")
        _at_least("seed", self.seed, 0, "")
        if self.quantise is not None and self.quantise not in range(1, 17):
            raise InputError(f"quantise: expected 1 to 16 bits, got {self.quantise!r}. Picture files have 8.")
        if self.batch_size is not None:
            _at_least("batch_size", self.batch_size, 1, "sample")
        for bound in _each(self.max_l2):
            _positive("max_l2", bound)
        _positive("max_linf", self.max_linf)
        _positive("rate_limit", self.rate_limit)
        if len(set(self.l2_bounds)) != len(self.l2_bounds):
            raise InputError(f"max_l2: expected different bounds, got {self.max_l2}.")
        criterion_of(self.criterion)

    @property
    def l2_bounds(self) -> tuple[float | None, ...]:
        """The L2 bounds, each of which every sample is attacked under; (None,) for one attack without."""
        return tuple(float(bound) for bound in _each(self.max_l2)) or (None,)


def _at_least(name: str, value: int, least: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}: expected at least {f'{least} {what}'.strip()}, got {value!r}.")


def _positive(name: str, value: float | None) -> None:
    if value is not None and not (isinstance(value, Real) and value > 0 and math.isfinite(value)):
        raise InputError(f"{name}: expected a positive number, got {value!r}. Leave it out for no limit.")


def _each(bounds: float | Iterable[float] | None) -> tuple[float, ...]:
    if bounds is None:
        return ()
    return tuple(bounds) if isinstance(bounds, Iterable) and not isinstance(bounds, str) else (bounds,)
