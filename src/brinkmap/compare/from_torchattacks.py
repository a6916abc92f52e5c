"""Attacks of torchattacks 3.5: they ask a torch module for logits, of pictures on 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np

from brinkmap.arrays import RANKS, Array
from brinkmap.compare.foreign import Door, Foreign
from brinkmap.compare.lent import check_untargeted, descends, lent

__all__ = ["attacked", "foreign_of"]

PICTURES_ONLY = ("OnePixel", "Pixle", "Square")
"""Black-box attacks that take a batch apart into channels, height and width."""


def foreign_of(attack: Any, name: str) -> Foreign:
    """An attack as it was built, its settings being its own.

    Raises:
        InputError: it reaches for a class.
    """
    check_untargeted(attack, name)
    ranks = (2,) if descends(type(attack), PICTURES_ONLY) else tuple(RANKS)
    return Foreign(name, lambda door: attacked(attack, door, name), ranks=ranks)


def attacked(attack: Any, door: Door, name: str) -> Array:
    """What it makes of one sample."""
    import torch

    from brinkmap.compare.torch_door import DoorModule, as_array, as_tensors

    ours = DoorModule(door, name)
    copied = lent(attack, attack.model, ours)
    # Past its __setattr__, which keeps every value that was ever set in a list for good. The door takes samples on
    # 0..1, so that a normalisation that the user's model asks for is left out.
    fresh = {"model": ours, "device": torch.device("cpu"), "normalization_used": None, "_normalization_applied": None}
    # Where there is a seed, torch's generator is set to it: the same one for every sample and run unless replaced.
    random = {"seed": int(np.random.randint(2**31)), "verbose": False}
    vars(copied).update(fresh | {key: value for key, value in random.items() if hasattr(copied, key)})
    return as_array(copied(*as_tensors(door)))
