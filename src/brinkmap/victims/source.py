"""What an adapter makes of a model: a function, and what the model tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from brinkmap.arrays import Array
from brinkmap.victims.answers import Outputs

__all__ = ["Source"]


@final
@dataclass(frozen=True, kw_only=True)
class Source:
    """A model made callable. None stands for what the model does not tell."""

    function: Callable[[Array], Any]
    """`(n, c, *extent)` float32 -> answers, one row a sample."""
    outputs: Outputs
    shape: tuple[int, ...] | None = None
    classes: int | None = None
    name: str = ""
