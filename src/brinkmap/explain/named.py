"""Explainers by name."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

from brinkmap.errors import BrinkmapError, InputError
from brinkmap.explain.protocol import BlackBox, WhiteBox
from brinkmap.registry import entries, resolve

__all__ = ["TRACE", "black_boxes", "explainer_of"]

TRACE = "trace"
"""The one that is no explainer of its own: an attack, and what its answers say."""


def explainer_of(method: Any) -> BlackBox | WhiteBox:
    """The explainer behind a name, `path/to/file.py:name` or an object.

    Raises:
        InputError: there is none, or it is none.
    """
    found = resolve("explainer", method) if isinstance(method, str) else method
    if inspect.isclass(found) or inspect.isfunction(found):
        found = found()
    if not isinstance(found, (BlackBox, WhiteBox)):
        known = ", ".join([TRACE, *(entry.name for entry in entries("explainer"))])
        raise InputError(
            f"method: expected an object with weigh (asks) or maps (needs a network) and a name, got {found!r}. "
            f"Known: {known}."
        )
    return found


def black_boxes() -> list[str]:
    """The names of those that any victim can be explained with."""
    asking = []
    for entry in entries("explainer"):
        with contextlib.suppress(BrinkmapError):  # one whose library is not installed
            asking += [entry.name] if hasattr(resolve("explainer", entry.name), "weigh") else []
    return [TRACE, *asking]
