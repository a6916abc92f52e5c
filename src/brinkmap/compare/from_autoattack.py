"""Attacks of pyautoattack 0.2: they ask a function from batches to logits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from brinkmap.arrays import Array
from brinkmap.compare.foreign import Door, Foreign
from brinkmap.compare.lent import check_untargeted, descends, distance_of, lent, no_gradients
from brinkmap.errors import InputError

__all__ = ["NORMS", "attacked", "foreign_of"]

NORMS = {2.0: "L2", math.inf: "Linf"}
"""What the package calls them; torchattacks too."""


def foreign_of(attack: Any, name: str) -> Foreign:
    """An attack with `perturb`, or an `AutoAttack` of which only Square is to be run; one without `eps` gets the run's.

    Raises:
        InputError: it is neither, it reaches for a class, or it needs gradients.
    """
    if hasattr(attack, "attacks_to_run"):
        attack = _only_square(attack, name)
    if not hasattr(attack, "perturb"):
        raise InputError(f"{name}: expected an attack with `perturb`, got {type(attack).__name__}.")
    check_untargeted(attack, name)
    pictures = descends(type(attack), ["SquareAttack"])
    foreign = Foreign(name, lambda door: attacked(attack, door, name), bounded=attack.eps is None)
    return dataclasses.replace(foreign, ranks=(2,)) if pictures else foreign


def attacked(attack: Any, door: Door, name: str) -> Array:
    """What it makes of one sample."""
    from brinkmap.compare.torch_door import DoorModule, as_array, as_tensors

    ours, asks = DoorModule(door, name), "predict" if hasattr(attack, "predict") else "model"
    copied = lent(attack, getattr(attack, asks), ours)
    setattr(copied, asks, ours)
    copied.verbose, copied.device = False, "cpu"
    # The package sets torch's generator to this number, the same one for every sample and run unless it is replaced.
    copied.seed = int(np.random.randint(2**31))
    if copied.eps is None:
        order, copied.eps = distance_of(door, name)
        copied.norm = NORMS[order]
    return as_array(copied.perturb(*as_tensors(door)))


def _only_square(ensemble: Any, name: str) -> Any:
    white = [one for one in ensemble.attacks_to_run if one != "square"]
    if white:
        reason = no_gradients(f"{name} ({', '.join(white)})")
        raise InputError(f"{reason} Build it with version='custom', attacks=['square'].")
    return ensemble.square
