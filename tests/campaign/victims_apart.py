"""Victims for workers in processes of their own: they count on disk, may be slow, and may kill their process."""

from __future__ import annotations

import functools
import os
import signal
import time
from pathlib import Path

from brinkmap.arrays import Array
from victims_known import Linear, Wrapped


class CountsOnDisk(Wrapped):
    """Adds a byte to a file for each sample put to it, whichever process it is in."""

    def __init__(self, count: Path, *, slow_s: float = 0.0, dies_at: int | None = None) -> None:
        super().__init__(Linear((1, 8, 8)))
        self._count, self._slow_s, self._dies_at = count, slow_s, dies_at
        self._asked = 0

    def predict(self, batch: Array) -> Array:
        with open(self._count, "ab") as file:
            file.write(b"." * len(batch))
        time.sleep(self._slow_s)
        self._asked += len(batch)
        if self._dies_at is not None and self._asked > self._dies_at and self._first_to_die():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(batch)

    def _first_to_die(self) -> bool:
        try:
            self._count.with_suffix(".dead").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def counting(count: Path, **how: float) -> functools.partial[CountsOnDisk]:
    """What makes such a victim, and can be pickled."""
    return functools.partial(CountsOnDisk, count, **how)


def factory() -> CountsOnDisk:
    """What the command line is given; where to count, and how slowly, stands in the environment."""
    return CountsOnDisk(Path(os.environ["COUNT"]), slow_s=float(os.environ.get("SLOW_S", "0")))
