"""Attacks of foolbox 3.3: they hold no model, and are given one with a criterion, and a distance where they need it."""

from __future__ import annotations

import math
from typing import Any

from brinkmap.arrays import Array
from brinkmap.compare.foreign import Door, Foreign
from brinkmap.compare.lent import distance_of, lent
from brinkmap.errors import InputError

__all__ = ["attacked", "foreign_of"]


def foreign_of(attack: Any, name: str) -> Foreign:
    """An attack that minimises a distance, or one that searches at a distance: the run's.

    Those that need no gradients look only at which class is answered; the one that does not is targeted always.

    Raises:
        InputError: it has no `run`.
    """
    import brinkmap.compare.torch_door  # noqa: F401 - so that torch's generator is there before the first sample

    inner = getattr(attack, "attack", attack)
    if not hasattr(inner, "run"):
        raise InputError(f"{name}: expected an attack with `run`, got {type(attack).__name__}.")
    bounded = _at_a_distance(inner)
    return Foreign(name, lambda door: attacked(attack, door, name), needs_scores=False, bounded=bounded)


def attacked(attack: Any, door: Door, name: str) -> Array:
    """What it makes of one sample; of an attack that is `repeat`ed, the last."""
    from foolbox.criteria import Misclassification
    from foolbox.models.pytorch import PyTorchModel

    from brinkmap.compare.torch_door import DoorModule, as_array, as_tensors

    model = PyTorchModel(DoorModule(door, name), bounds=(0, 1), device="cpu")
    given, labels = as_tensors(door)
    copied = lent(getattr(attack, "attack", attack), None, None)
    terms = {"epsilon": _distance(copied, door, name)} if _at_a_distance(copied) else {}
    for _ in range(getattr(attack, "times", 1)):
        ended = copied.run(model, given, Misclassification(labels), **terms)
    return as_array(ended)


def _at_a_distance(attack: Any) -> bool:
    from foolbox.attacks.base import FixedEpsilonAttack

    return isinstance(attack, FixedEpsilonAttack)


def _distance(attack: Any, door: Door, name: str) -> float:
    """The run's bound, which has to be in the norm that the attack searches in."""
    wanted = attack.distance.p
    order, distance = distance_of(door, name)
    if order != wanted:
        mend = {2: "Give max_l2.", math.inf: "Give max_linf."}.get(wanted, "No run has a bound on that.")
        raise InputError(f"{name}: searches at an L{wanted:g} distance. {mend}")
    return distance
