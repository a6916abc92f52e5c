"""What an agent is, and what an attack is that owns its loop: the contracts in words and types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import Canvas

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["Agent", "Attack", "Oracle"]


@runtime_checkable
class Agent(Protocol):
    """Proposes changes of the plan; the engine trims, renders, asks, and accepts or rejects.

    An agent may have one more method, `order(slots) -> (n, cells)`, asked right after `propose`: where each cell
    stands in the order in which adds are kept when the bound has no room for all (least first). Without it the
    order is a fixed shuffle for each sample. A class attribute `card`, a dict with `distortions` and `patch`, supplies
    those where the run does not state them. An attribute `learns_across` that is true says that the answers to one
    sample serve the others; results then depend on the order, the slots and the workers, and reports say so.
    """

    @property
    def needs_scores(self) -> bool:
        """Whether label-only victims are of no use to it."""

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """New samples are in these slots.

        Args:
            slots: (n,) which slots; what they held before is over.
            samples: (n, c, *extent) the clean samples; not to be written to.
            references: (n,) the class of each clean answer.
            answers: (n, classes) the clean answers.
            context: the rules.
        """

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """What to try next, relative to the incumbent.

        Args:
            slots: (n,) the slots that a proposal is wanted for.
            observation: how they stand.
            rngs: one generator a slot; whatever is random comes from it alone.

        Returns:
            (n, cells) int16: 0 keep, 1 remove, 2.. add card 1..; an add on an occupied cell replaces it.
        """

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """What the victim said.

        Args:
            slots: (n,) the slots whose proposal was put to the victim.
            plans: (n, cells, 2) what was asked, after trimming.
            answers: (n, classes).
            accepted: (n,) bool, whether it is the incumbent now.
        """

    def stop(self, slots: Ints) -> None:
        """The samples in these slots are finished."""


class Oracle(Protocol):
    """The victim as an attack that owns its loop sees it: metered, bounded, and pooled with the other samples'."""

    @property
    def reference(self) -> int:
        """The class of the clean answer, which has been paid for."""

    @property
    def answer(self) -> Array:
        """(classes,) the clean answer."""

    @property
    def index(self) -> int:
        """The sample's place in its data set."""

    @property
    def canvas(self) -> Canvas:
        """What the run's distortions paint on, for attacks that use them: grid, cards, seed."""

    published_steps: int | None
    """To be set by an attack whose authors count steps in another way than by queries; reported beside these."""

    @property
    def remaining(self) -> int:
        """Queries left."""

    @property
    def max_l2(self) -> float | None:
        """The L2 bound of this attack, on samples scaled to 0..1."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The valid range of a sample's values."""

    @property
    def rng(self) -> np.random.Generator:
        """The sample's own generator."""

    def ask(self, candidates: Array) -> Array:
        """Put candidates to the victim.

        Args:
            candidates: (k, c, *extent) float32; clipped to the bounds before they are asked.

        Returns:
            (k, classes) probabilities.

        Raises:
            BudgetSpent: no query is left, or the criterion is met and no refine budget is.
        """

    def probe(self, candidates: Array) -> Array:
        """The same for samples that are only to be learned from: paid for like any other, never an attack's result.

        A one-pixel attack that greys out half of a picture to see where it is weak has not flipped it with one pixel.
        """

    def offer(self, candidate: Array) -> None:
        """Score what the attack ends with, where it has not been asked about yet.

        What lies beyond the victim's bounds or the run's distances is brought back within them first, and the result
        is marked as `projected`.

        Args:
            candidate: (c, *extent) float32.

        Raises:
            BudgetSpent: as for `ask`.
            InputError: another shape, or values that are not finite.
        """

    def margins(self, probabilities: Array) -> Array:
        """(k,) how far answers are from the criterion in nats, negative once it is met."""


@runtime_checkable
class Attack(Protocol):
    """An attack that owns its loop, such as Square: it runs in a thread of its own, its best iterate counts.

    It may have one more method, `check(run)`, which raises InputError before the first query where the run does not
    give what the attack needs, and an attribute `ranks`, the numbers of axes it can attack; all three without it.
    """

    @property
    def needs_scores(self) -> bool:
        """Whether label-only victims are of no use to it."""

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Attack one sample until `oracle.ask` raises BudgetSpent, or there is nothing left to try.

        Args:
            oracle: the victim.
            sample: (c, *extent) float32, clean; not to be written to.
            label: the reference class.
            run: what was asked for.
        """
