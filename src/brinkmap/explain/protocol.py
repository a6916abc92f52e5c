"""What an explainer is: one that asks the victim, and one that needs its network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats, Ints

if TYPE_CHECKING:
    from brinkmap.explain.network import Network

__all__ = ["BlackBox", "WhiteBox"]


@runtime_checkable
class BlackBox(Protocol):
    """Explains by asking; what it asks is paid for and counted like any other query."""

    @property
    def name(self) -> str:
        """What tables and files call it."""

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """How much each place speaks for a class.

        Args:
            oracle: the victim; `probe` raises BudgetSpent where no query is left.
            sample: (c, *extent) float32, clean; not to be written to.
            target: the class.

        Returns:
            (*extent) float64, more is more for the class, and negative against it; None where the victim never moved.
        """


@runtime_checkable
class WhiteBox(Protocol):
    """Explains from a network's activations and gradients, which no query pays for."""

    @property
    def name(self) -> str:
        """What tables and files call it."""

    def maps(self, network: Network, samples: Array, targets: Ints, rngs: Sequence[np.random.Generator]) -> Floats:
        """How much each place speaks for a class.

        Args:
            network: the victim's.
            samples: (n, c, *extent) float32.
            targets: (n,) the class of each.
            rngs: one generator a sample; whatever is random comes from it alone.

        Returns:
            (n, *extent) float64, as for `BlackBox.weigh`.
        """
