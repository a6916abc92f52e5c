"""Training samples as an attack makes them, made again now and then as the network changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, final

import numpy as np
from torch import nn

from brinkmap.arrays import Array
from brinkmap.attack import results_of
from brinkmap.errors import InputError
from brinkmap.harden.labelled import Labelled
from brinkmap.results import AttackResult
from brinkmap.run import Run
from brinkmap.seeding import training_generator
from brinkmap.session import Session
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.torch_adapter import torch_function

__all__ = ["Attacked", "Distorted", "Made", "Pool"]


Taken = Callable[[Session, AttackResult], Array | None]
"""Which sample is taken from an attack's result."""


@dataclass(frozen=True, eq=False)
class Made:
    """A training set with some of its samples modified."""

    samples: Array
    """(n, c, *extent) float32 on 0..1, in the order of the data."""
    queries: int
    """What it cost."""
    flipped: float
    """Share of the attacked samples that the network gave another class."""


class Pool(Protocol):
    """Makes a training set of another one, against a network as it is at that moment."""

    @property
    def every(self) -> int:
        """Epochs between two makings."""

    @property
    def open_ended(self) -> bool:
        """Whether what it makes does not depend on how many epochs there will be."""

    def made(self, net: nn.Module, data: Labelled, epoch: int, epochs: int, seed: int) -> Made:
        """The samples for the epochs to come.

        Args:
            net: to logits; left in evaluation mode.
            data: the clean training samples.
            epoch: passes done.
            epochs: passes there will be.
            seed: of the training.
        """


@final
@dataclass(frozen=True, kw_only=True)
class Attacked:
    """Samples as a black-box attack leaves them, its best plan where nothing flipped.

    Any agent or attack that a `Run` can name: ours, Square, SimBA. What the network has wrong already stays clean.
    """

    run: Run
    every: int = 5
    share: float = 0.5
    """Of the samples that are attacked at each making; the others stay clean."""
    easiest: float = 1.0
    """The first making's L2 bound, as a share of the run's; it grows by the same step from making to making, to the
    whole by the last one."""
    grows_over: int | None = None
    """Epochs by whose end it has grown to the whole; None for all of the training."""
    rate_hz: float | None = None
    """Of signals: values a second, which patches in ms and the ECG filters need."""

    def __post_init__(self) -> None:
        _check(self.every, self.share)
        if not 0 < self.easiest <= 1:
            raise InputError(f"easiest: expected a share above 0 and up to 1, got {self.easiest}.")
        if self.grows_over is not None and self.grows_over < 1:
            raise InputError(f"grows_over: expected at least 1 epoch, got {self.grows_over}.")
        if len(self.run.l2_bounds) > 1 or (self.easiest < 1 and self.run.l2_bounds == (None,)):
            raise InputError(f"max_l2: expected one bound for the severity to grow to, got {self.run.max_l2}.")

    @property
    def open_ended(self) -> bool:
        """Not where the bound grows until the last epoch."""
        return self.easiest == 1 or self.grows_over is not None

    def bound_at(self, epoch: int, epochs: int) -> float | None:
        """The L2 bound of the making after so many epochs of so many."""
        last = (self.grows_over or epochs) - 1  # the last making is the last multiple of `every` before the end
        grown = self.easiest + (1 - self.easiest) * epoch / max(last - last % self.every, 1)
        [bound] = self.run.l2_bounds
        return None if bound is None else bound * min(grown, 1.0)

    def made(self, net: nn.Module, data: Labelled, epoch: int, epochs: int, seed: int) -> Made:
        """A random share of the samples attacked."""
        run = dataclasses.replace(self.run, max_l2=self.bound_at(epoch, epochs))
        return _made(net, data, run, self, epoch, seed, lambda session, one: one.adversarial)


@final
@dataclass(frozen=True, kw_only=True)
class Distorted:
    """The control: the same filters within the same bound, put anywhere, whatever the network says of it."""

    run: Run
    every: int = 5
    share: float = 0.5
    rate_hz: float | None = None
    """As for `Attacked`."""
    open_ended: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self.every, self.share)

    def made(self, net: nn.Module, data: Labelled, epoch: int, epochs: int, seed: int) -> Made:
        """A random share of the samples under one random proposal each; the look at it is counted, and not used."""
        run = dataclasses.replace(self.run, agent="random", budget=2, refine_budget=0, trace=True)
        return _made(net, data, run, self, epoch, seed, _proposed)


def _proposed(session: Session, result: AttackResult) -> Array | None:
    if not result.trace or result.clean is None:
        return None
    codes = np.zeros(session.canvas.grid.cells, np.int16)
    codes[result.trace[0].cells] = result.trace[0].codes
    return session.canvas.render(result.clean, result.index, codes)[0]


def _check(every: int, share: float) -> None:
    if every < 1:
        raise InputError(f"every: expected at least 1 epoch, got {every}.")
    if not 0 < share <= 1:
        raise InputError(f"share: expected a share above 0 and up to 1, got {share}.")


def _made(
    net: nn.Module, data: Labelled, run: Run, pool: Attacked | Distorted, epoch: int, seed: int, taken: Taken
) -> Made:
    drawn = training_generator(seed, "attacked", epoch)
    rows = np.sort(drawn.permutation(len(data))[: max(1, round(pool.share * len(data)))])
    victim = FunctionVictim(torch_function(net), shape=data.samples.shape[1:], outputs="logits", rate_hz=pool.rate_hz)
    session = Session(victim, data.samples.shape[1:], dataclasses.replace(run, seed=int(drawn.integers(2**31))))
    samples, queries, attacked, flipped = data.samples.copy(), 0, 0, 0
    for result in results_of(session, data.samples[rows], data.labels[rows]):
        queries += result.queries
        attacked += result.attacked
        flipped += result.success
        image = taken(session, result) if result.attacked else None
        if image is not None:
            samples[rows[result.index]] = image
    return Made(samples, queries, flipped / max(attacked, 1))
