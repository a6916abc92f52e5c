"""Attacks of other packages under our ledger: their random state is the sample's own, their queries are ours.

Packages draw from global generators and know no budget. Each sample's attack runs in a thread of its own and holds
the turn while it computes, with the global generators set to its own states; whenever it asks the victim it hands the
turn on. So what it draws depends on the sample alone, however many are attacked at once (design rule 3).
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from brinkmap.agents.distance import check_one_bound
from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import RANKS, Array
from brinkmap.errors import BudgetSpent, InputError

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["Door", "Foreign"]

REFUSALS = 32
"""Asks beyond the budget after which an attack that swallows `BudgetSpent` is ended by force."""
_TURN = threading.Lock()


class _Ended(BaseException):
    """Ends an attack that goes on without a budget; no `except Exception` of a package catches it."""


@final
class Door:
    """What an adapted package sees of one sample: its values on 0..1, and the victim, which draws on the budget.

    Args:
        oracle: the sample's own door to the victim.
        sample: (c, *extent) within the victim's bounds.
        run: what was asked for.
    """

    def __init__(self, oracle: Oracle, sample: Array, run: Run) -> None:
        self.oracle, self.run, self._sample = oracle, run, sample
        self._low, high = map(np.float32, oracle.bounds)
        self._span = high - self._low
        self.clean = ((sample - self._low) / self._span).clip(0, 1).astype(np.float32)
        self.classes, self.label = len(oracle.answer), oracle.reference
        self._refused = 0
        self._states = _seeded(int(oracle.rng.integers(2**32)))

    @property
    def max_l2(self) -> float | None:
        """The L2 bound of this attack."""
        return self.oracle.max_l2

    @property
    def max_linf(self) -> float | None:
        """The Linf bound of the run."""
        return self.run.max_linf

    def probabilities(self, batch: Array) -> Array:
        """(k, classes) the victim's answers to a batch (k, c, *extent) on 0..1; every row that is new is paid for.

        Raises:
            BudgetSpent: no query is left.
        """
        with self._handed_on():
            try:
                return self.oracle.ask(self._raw(batch))
            except BudgetSpent:
                self._refused += 1
                if self._refused > REFUSALS:
                    raise _Ended from None
                raise

    def logits(self, batch: Array) -> Array:
        """(k, classes) log-probabilities, which differ from the victim's logits by a constant a row; as above."""
        tiny = np.finfo(np.float32).tiny
        return np.log(np.maximum(self.probabilities(batch), tiny)).astype(np.float32)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the turn, with the global generators in this sample's states."""
        self._take()
        try:
            yield
        finally:
            self._hand_on()

    @contextlib.contextmanager
    def _handed_on(self) -> Iterator[None]:
        self._hand_on()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        _TURN.acquire()
        self._outside = _states()
        _restore(self._states)

    def _hand_on(self) -> None:
        self._states = _states()
        _restore(self._outside)
        _TURN.release()

    def _raw(self, batch: Array) -> Array:
        """Within the victim's bounds; values left as they were are so to the bit, and the clean sample is known."""
        given = np.asarray(batch, np.float32)
        raw = (given * self._span + self._low).astype(np.float32)
        if given.shape[-self.clean.ndim :] != self.clean.shape:
            return raw  # which is refused
        return np.where(given == self.clean, self._sample, raw)

    def conclude(self, ended: Array) -> None:
        """Score what the attack came back with, (c, *extent) on 0..1."""
        self.oracle.offer(self._raw(ended))


@final
@dataclass(frozen=True)
class Foreign:
    """Another package's attack as one of ours: it owns its loop, its queries are counted and its budget is hard."""

    name: str
    """What it is called in tables and messages."""
    attack: Callable[[Door], Array | None]
    """Runs it on one sample to its end; returns what it came back with on 0..1, or None for the best asked about."""
    needs_scores: bool = True
    ranks: tuple[int, ...] = tuple(RANKS)
    bounded: bool = False
    """Whether it searches at a distance that has to be given."""
    extents: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """For a rank of which it does not take every extent, one that it takes; `check_agent` tries it on that."""

    def check(self, run: Run) -> None:
        """That it is given a distance, if it needs one.

        Raises:
            InputError: it needs exactly one of `max_l2` and `max_linf`.
        """
        if self.bounded:
            check_one_bound(self.name, run)

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Attack one sample until it is done or the budget is spent."""
        door = Door(oracle, sample, run)
        given = door.clean.copy()
        ended = None
        try:
            with door.turn():
                ended = self.attack(door)
        except _Ended:
            raise InputError(f"{self.name}: went on asking after its budget was spent.") from None
        finally:
            written = not np.array_equal(door.clean, given)
        if written:
            raise InputError(f"{self.name}: wrote into its input.")
        if ended is not None:
            door.conclude(ended)


def _states() -> tuple[Any, ...]:
    """Of Python's, NumPy's and, where it is loaded, torch's generator."""
    torch = sys.modules.get("torch")
    return random.getstate(), np.random.get_state(), torch.get_rng_state() if torch is not None else None


def _restore(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    if states[2] is not None:
        sys.modules["torch"].set_rng_state(states[2])


def _seeded(seed: int) -> tuple[Any, ...]:
    """The states that this seed leads to; the global ones are left as they are."""
    with _TURN:
        outside = _states()
        random.seed(seed)
        np.random.seed(seed)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.manual_seed(seed)
        made = _states()
        _restore(outside)
    return made
