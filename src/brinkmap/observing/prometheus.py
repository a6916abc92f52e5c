"""Counters of a run for Prometheus, served on loopback. Needs the extra `prometheus`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any, final

from brinkmap.errors import InputError, MissingExtra
from brinkmap.events import figures_of

__all__ = ["Counters"]

COUNTED = {
    "queries": "Samples put to the victim, in all sessions of this run.",
    "sent": "Samples that may have reached the victim, repeated requests included.",
    "cache_hits": "States asked for again and answered from the memo.",
    "victim_seconds": "Seconds spent inside the victim.",
    "finished": "Samples finished in this session.",
    "flipped": "Samples of these whose answer was changed.",
    "failed": "Samples of these that ended with an error.",
    "parts": "Parts written in this session.",
    "requests_failed": "Requests to a remote victim that failed, tried again or not.",
}
GAUGED = {
    "queries_per_second": "Queries a second since the last report of progress.",
    "batch_size": "Samples handed to the victim at once; 0 while it is searched for.",
}
ONE_MORE = {"part written": "parts", "request failed": "requests_failed"}
"""Events that are counted as such."""
LOOPBACK = "127.0.0.1"


@final
class Counters(logging.Handler):
    """Keeps the figures of the last event that told them, and hands them to whoever asks at `http://127.0.0.1:port`.

    Args:
        port: where; 0 for any that is free.

    Raises:
        MissingExtra: prometheus-client is not installed.
        InputError: the port is taken or not allowed.
    """

    def __init__(self, port: int) -> None:
        super().__init__(logging.INFO)
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError as error:
            raise MissingExtra("--metrics-port", "prometheus") from error
        self._figures: dict[str, float] = dict.fromkeys([*COUNTED, *GAUGED], 0)
        self._taking = threading.Lock()
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, LOOPBACK, registry)
        except (OSError, OverflowError) as error:
            raise InputError(f"metrics_port: {port} cannot be listened on: {error}. Give another one.") from error

    @property
    def port(self) -> int:
        """Where they are served."""
        return int(self._server.server_port)

    def emit(self, record: logging.LogRecord) -> None:
        """Take over what an event tells."""
        with self._taking:
            for name, value in figures_of(record).items():
                if name in self._figures:
                    self._figures[name] = value or 0
            if record.getMessage() in ONE_MORE:
                self._figures[ONE_MORE[record.getMessage()]] += 1

    def collect(self) -> Iterator[Any]:
        """The figures, as prometheus-client asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        with self._taking:
            now = dict(self._figures)
        for name, said in COUNTED.items():
            yield CounterMetricFamily(f"brinkmap_{name}", said, value=now[name])
        for name, said in GAUGED.items():
            yield GaugeMetricFamily(f"brinkmap_{name}", said, value=now[name])

    def close(self) -> None:
        """Stop serving."""
        super().close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
