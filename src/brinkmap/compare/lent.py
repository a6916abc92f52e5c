"""What adapters of packages share: an attack lent out to our victim, the distance it searches at, and its refusals."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from brinkmap.arrays import Array
from brinkmap.compare.foreign import Door
from brinkmap.errors import InputError

__all__ = ["begun_again", "check_untargeted", "descends", "distance_of", "lent", "no_gradients"]

ROUNDING = 1e-5
"""Relative room below a bound: packages add up norms in float32, and what lies beyond the bound counts for nothing."""


def lent(attack: Any, model: Any, ours: Any) -> Any:
    """A copy of an attack that asks another model, down to attacks and bound methods that it holds.

    The user's object keeps its own state, and its model, which may be large, is not copied.

    Args:
        attack: of a package.
        model: what it was built to ask.
        ours: what stands in for it.
    """
    return copy.deepcopy(attack, {} if model is None else {id(model): ours})


def descends(kind: type, names: Iterable[str]) -> bool:
    """Whether a class, or one that it is made from, goes by one of these names; its package need not be loaded."""
    return not {one.__name__ for one in kind.__mro__}.isdisjoint(names)


def distance_of(door: Door, name: str) -> tuple[float, float]:
    """The norm's order, 2 or infinity, and the distance that the run bounds it to, with room for float32.

    Raises:
        InputError: the run has not exactly one bound.
    """
    given = [(2.0, door.max_l2), (math.inf, door.max_linf)]
    stated = [(order, bound * (1 - ROUNDING)) for order, bound in given if bound is not None]
    if len(stated) != 1:
        raise InputError(f"{name}: needs exactly one bound. Give either max_l2 or max_linf.")
    return stated[0]


def begun_again(once: Callable[[Door], Array]) -> Callable[[Door], Array]:
    """An attack that begins again where the package's own loop ends before the budget does.

    It ends when one more time round cost nothing: then there is nothing random in it.
    """

    def attack(door: Door) -> Array:
        while True:
            before = door.oracle.remaining
            ended = once(door)
            if door.oracle.remaining == before:
                return ended

    return attack


def check_untargeted(attack: Any, name: str) -> None:
    """That an attack looks for any other class; some packages aim at one unless told otherwise.

    Raises:
        InputError: it is set to reach a class.
    """
    if getattr(attack, "targeted", False):
        raise InputError(f"{name}: is set to reach a target class. Build it untargeted, with targeted=False.")


def no_gradients(name: str) -> InputError:
    """What is said to a white-box attack."""
    return InputError(f"{name}: needs gradients, which a black box has none of.")
