"""A mean beside how far it may be off, as every page of results writes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brinkmap.metrics import bootstrap_interval

__all__ = ["interval_text"]


def interval_text(values: Sequence[float] | np.ndarray, digits: int, *, signed: bool = False) -> str:
    """The mean of some values, one a sample, and its 95 % bootstrap; signed for differences."""
    shown = f"{'+' if signed else ''}.{digits}f"
    low, high = bootstrap_interval(values, seed=0)
    return f"{np.mean(values):{shown}} ({low:{shown}} to {high:{shown}})"
