"""A log with one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import final

from brinkmap.errors import InputError
from brinkmap.events import figures_of

__all__ = ["JsonLines"]


@final
class JsonLines(logging.Handler):
    """Appends each event as a line: `time` (UTC, ISO 8601), `level`, `event`, `run`, then the event's figures.

    A log that cannot be written any more says so once on standard error, and the run goes on.

    Args:
        path: the file; what it holds already stays.
        run: what tells the lines of this run from others in the same file.

    Raises:
        InputError: the file cannot be opened.
    """

    def __init__(self, path: Path, run: str) -> None:
        super().__init__(logging.INFO)
        self._path, self._run = path, run
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 (closed in close)
        except OSError as error:
            raise InputError(f"log: {path} cannot be written: {error.strerror}. Give another file.") from error

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        said = {"time": _moment(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        try:
            self._file.write(json.dumps(said | {"run": self._run} | figures_of(record), default=str) + "\n")
        except (OSError, ValueError) as error:
            print(f"brinkmap: {self._path}: no more is logged: {error}", file=sys.stderr)
            self.setLevel(logging.CRITICAL)

    def close(self) -> None:
        """Close the file."""
        super().close()
        try:
            self._file.close()
        except OSError:  # said already, when the line was written
            self.setLevel(logging.CRITICAL)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"
