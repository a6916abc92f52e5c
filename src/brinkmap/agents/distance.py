"""The distance that an attack searches at: what a run has to say of it, and the room that float32 needs below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["ROUNDING", "check_one_bound", "check_unrounded"]

ROUNDING = 1e-6
"""Relative room below a bound for float32."""


def check_one_bound(name: str, run: Run) -> None:
    """That there is a distance to search at.

    Raises:
        InputError: not exactly one of `max_l2` and `max_linf` is given.
    """
    if (run.l2_bounds == (None,)) == (run.max_linf is None):
        raise InputError(f"{name}: needs exactly one bound. Give either max_l2 or max_linf.")


def check_unrounded(name: str, run: Run) -> None:
    """That small differences can be measured.

    Raises:
        InputError: samples are rounded before the victim sees them.
    """
    if run.quantise is not None:
        raise InputError(f"{name}: slopes are lost in rounding to {run.quantise} bits. Leave quantise out.")
