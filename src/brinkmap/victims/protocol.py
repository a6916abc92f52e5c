"""What a victim is: the contract in words and types."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from brinkmap.arrays import Array, Bounds

__all__ = ["MILLIVOLTS", "Victim", "has_scores", "span_mv", "unit_of"]

MILLIVOLTS = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "V": 1e3}
"""How many millivolts one of a unit is."""


@runtime_checkable
class Victim(Protocol):
    """A classifier, seen only through its answers. The same sample gets the same answer in any batch.

    Four more attributes are read where a victim has them: `scores` (False: it answers one-hot labels only, and an agent
    that needs scores refuses it), `unit` (the name of the unit its samples are in, such as "mV"), `unit_mv` (how many
    millivolts one of it is, where the name does not say) and `rate_hz` (values a second, for signals).
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
        """`(n, c, *extent)` float32 within the bounds -> `(n, classes)` float32, rows summing to 1."""


def has_scores(victim: Victim) -> bool:
    """Whether the victim's probabilities are more than a one-hot label."""
    return bool(getattr(victim, "scores", True))


def unit_of(victim: Victim) -> str:
    """The unit of the victim's samples, or an empty string."""
    return str(getattr(victim, "unit", ""))


def span_mv(victim: Victim) -> float | None:
    """Millivolts from the victim's lower bound to its upper; None where neither its unit nor `unit_mv` says."""
    each = getattr(victim, "unit_mv", None) or MILLIVOLTS.get(unit_of(victim))
    return None if each is None else float(each) * (victim.bounds[1] - victim.bounds[0])
