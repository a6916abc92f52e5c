"""Runs watched from outside: a log of JSON lines, counters for Prometheus."""

from brinkmap.observing.json_lines import JsonLines
from brinkmap.observing.observed import observed

__all__ = ["JsonLines", "observed"]
