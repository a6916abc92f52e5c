"""What a victim is: the contract in words and types."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from brinkmap.arrays import Array, Bounds

__all__ = ["Victim", "has_scores", "unit_of"]


@runtime_checkable
class Victim(Protocol):
    """A classifier, seen only through its answers. The same sample gets the same answer in any batch.

    Five more attributes are read where a victim has them: `scores` (False: it answers one-hot labels only, and an
    agent that needs scores refuses it), `unit` (the name of the unit its samples are in, such as "mV"), `rate_hz`
    (the sampling rate of signals, in values a second), `class_names` (what its classes stand for, in their order) and
    `sent` (samples that may have reached a remote one so far).
    """

    @property
    def shape(self) -> tuple[int, ...] | None:
        """`(channels, *extent)` of one sample; None until the first query where it was not given."""

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart; None until the first query where it was not given."""

    @property
    def bounds(self) -> Bounds:
        """The valid range of a sample's values."""

    def predict(self, batch: Array) -> Array:
        """`(n, c, *extent)` float32 within the bounds -> `(n, classes)` float32, rows summing to 1.

        The batch is the engine's own memory and used again: copy what you keep or write to.
        """


def has_scores(victim: Victim) -> bool:
    """Whether the victim's probabilities are more than a one-hot label."""
    return bool(getattr(victim, "scores", True))


def unit_of(victim: Victim) -> str:
    """The unit of the victim's samples, or an empty string."""
    return str(getattr(victim, "unit", ""))
