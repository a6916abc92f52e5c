"""The distance that an attack searches at: what a run has to say of it, and the room that float32 needs below it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.agents.protocol import Oracle
    from brinkmap.run import Run

__all__ = ["ROUNDING", "check_one_bound", "check_unrounded", "limits"]

ROUNDING = 1e-6
"""Relative room below a bound for float32."""


def check_one_bound(name: str, run: Run) -> None:
    """That there is a distance to search at.

    Raises:
        InputError: not exactly one of `max_l2` and `max_linf` is given.
    """
    if (run.l2_bounds == (None,)) == (run.max_linf is None):
        raise InputError(f"{name}: needs exactly one bound. Give either max_l2 or max_linf.")


def limits(oracle: Oracle, run: Run) -> tuple[float, float]:
    """The L2 and the Linf that a sample may be changed by, with room for float32; infinite where there is no bound."""
    l2, linf = (math.inf if bound is None else bound * (1 - ROUNDING) for bound in (oracle.max_l2, run.max_linf))
    return l2, linf


def check_unrounded(name: str, run: Run) -> None:
    """That small differences can be measured.

    Raises:
        InputError: samples are rounded before the victim sees them.
    """
    if run.quantise is not None:
        raise InputError(f"{name}: slopes are lost in rounding to {run.quantise} bits. Leave quantise out.")
