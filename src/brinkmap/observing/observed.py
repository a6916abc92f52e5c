"""Listen to a run's events for as long as it lasts."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from brinkmap.events import LOGGER
from brinkmap.observing.json_lines import JsonLines

__all__ = ["observed"]


@contextlib.contextmanager
def observed(log: Path | None = None, metrics_port: int | None = None, run: str = "") -> Iterator[None]:
    """Log the events of what runs inside, and serve its counters.

    Args:
        log: a file of JSON lines, appended to; None for none.
        metrics_port: serve counters for Prometheus there, on loopback; None for no.
        run: what the log calls the run, beside a number of its own.

    Raises:
        InputError: the file or the port cannot be had.
        MissingExtra: counters without the extra `prometheus`.
    """
    with contextlib.ExitStack() as listening:
        handlers: list[logging.Handler] = []
        if log is not None:
            handlers.append(JsonLines(log, f"{run} {uuid4().hex[:8]}".strip()))
            listening.callback(handlers[-1].close)
        if metrics_port is not None:
            from brinkmap.observing.prometheus import Counters

            handlers.append(Counters(metrics_port))
            listening.callback(handlers[-1].close)
        before = LOGGER.level
        for handler in handlers:
            LOGGER.addHandler(handler)
            listening.callback(LOGGER.removeHandler, handler)
        if handlers:
            LOGGER.setLevel(logging.INFO)
            listening.callback(LOGGER.setLevel, before)
        yield
