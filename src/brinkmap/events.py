"""What happens in a run, told to whoever listens, through `logging`: the logger "brinkmap", a name and figures.

No event holds a sample, an answer, a header or a URL's query. Nobody listens unless the user asks for it
(`brinkmap.observing`, or a handler of their own on that logger).
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["LOGGER", "figures_of", "tell", "warn"]

LOGGER = logging.getLogger("brinkmap")
LOGGER.addHandler(logging.NullHandler())


def tell(event: str, **figures: Any) -> None:
    """Something went its way.

    Args:
        event: two or three words, the same each time: "part written".
        figures: plain JSON values.
    """
    LOGGER.info(event, extra={"figures": figures})


def warn(event: str, **figures: Any) -> None:
    """Something failed, and the run goes on."""
    LOGGER.warning(event, extra={"figures": figures})


def figures_of(record: logging.LogRecord) -> dict[str, Any]:
    """The figures that a record of this logger carries."""
    figures: dict[str, Any] = getattr(record, "figures", {})
    return figures
