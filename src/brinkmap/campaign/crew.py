"""Where workers live: what the driver asks of them, and one that lives in the driver's own process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from brinkmap.campaign.messages import Part, Shard
from brinkmap.campaign.worker import Worker
from brinkmap.run import Run
from brinkmap.victims.protocol import Victim

__all__ = ["Crew", "Died", "InProcess", "Ready", "Recipe", "Reported", "Step"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every worker is made of."""

    make: Callable[[], Victim]
    """Makes the victim; it has to be picklable where workers are processes."""
    shape: tuple[int, ...]
    run: Run
    """With a worker's own share of the rate limit."""
    every_picture: bool


class Step(NamedTuple):
    """The arguments of `Worker.step`."""

    shard: Shard | None
    linger_s: float
    batch_size: int | None


class Ready(NamedTuple):
    """A worker has been made."""

    worker: int


class Reported(NamedTuple):
    """A worker has done a step."""

    worker: int
    part: Part


class Died(NamedTuple):
    """A worker is gone, with what it held."""

    worker: int
    why: str


class Crew(Protocol):
    """Workers, known by their numbers. A number is never used again."""

    @property
    def apart(self) -> bool:
        """Whether they are processes of their own, which need a victim of their own."""

    @property
    def ahead(self) -> int:
        """Steps that a worker may have in waiting, so that it need not wait for the driver."""

    @property
    def cpus(self) -> int:
        """Workers that there is room for."""

    def start(self, worker: int, recipe: Recipe, tally: Path) -> None:
        """Make a worker; `wait` tells when it is ready."""

    def step(self, worker: int, step: Step) -> None:
        """Have it do a step once it is done with those before."""

    def wait(self) -> Ready | Reported | Died | None:
        """What happens next; None where nothing did for a while."""

    def close(self) -> None:
        """End all workers at once."""


class InProcess:
    """Workers that take turns in this process; one of them is an ordinary audit."""

    apart = False
    ahead = 1
    cpus = 1

    def __init__(self) -> None:
        self._workers: dict[int, Worker] = {}
        self._events = deque[Ready | tuple[int, Step]]()

    def start(self, worker: int, recipe: Recipe, tally: Path) -> None:
        """Make a worker."""
        self._workers[worker] = Worker(recipe.make, recipe.shape, recipe.run, tally, recipe.every_picture)
        self._events.append(Ready(worker))

    def step(self, worker: int, step: Step) -> None:
        """Have it do a step when it is its turn."""
        self._events.append((worker, step))

    def wait(self) -> Ready | Reported | Died | None:
        """Do what is next."""
        event = self._events.popleft()
        if isinstance(event, Ready):
            return event
        worker, step = event
        return Reported(worker, self._workers[worker].step(*step))

    def close(self) -> None:
        """Nothing is left running."""
        self._events.clear()
