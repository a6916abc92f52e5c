"""Everything Brinkmap raises on purpose.

BrinkmapError                       the root: catch this to catch them all
├── InputError (also ValueError)    the caller passed what cannot work; the message names value, allowed and mend
├── MissingExtra (also ImportError) an optional dependency is needed; the message names the extra that brings it
├── BudgetSpent                     a query was asked for beyond the budget
└── VictimError                     the victim failed, or its answer is not a distribution over its classes
"""

from __future__ import annotations

__all__ = ["BrinkmapError", "BudgetSpent", "InputError", "MissingExtra", "VictimError"]


class BrinkmapError(Exception):
    """The root of everything raised on purpose."""


class InputError(BrinkmapError, ValueError):
    """The caller passed what cannot work."""


class MissingExtra(BrinkmapError, ImportError):
    """An optional dependency is needed and not installed.

    Args:
        needed_for: what cannot go on.
        extra: what brings it.
        command: how it is installed where no extra can bring it.
    """

    def __init__(self, needed_for: str, extra: str, command: str | None = None) -> None:
        command = command or f"pip install 'brinkmap[{extra}]'"
        super().__init__(f"{needed_for} needs an optional dependency: {command}.")


class BudgetSpent(BrinkmapError):
    """A query was asked for beyond the budget."""


class VictimError(BrinkmapError):
    """The victim failed, or its answer is not a distribution over its classes."""
