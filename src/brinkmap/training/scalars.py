"""TensorBoard scalars of a training, where TensorBoard is installed (extra `rl`)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Scalars"]

FOLDER = "tensorboard"


class Scalars:
    """Figures by name at steps of a training.

    Args:
        folder: of the training; nothing is written without one, nor where tensorboard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._writer: Any = None
        with contextlib.suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            if folder is not None:
                self._writer = SummaryWriter(str(folder / FOLDER))

    @classmethod
    def anew(cls, folder: Path | None) -> Scalars:
        """Without what an earlier run has written there: for a training whose whole history is added again."""
        if folder is not None:
            for path in (folder / FOLDER).glob("events.out.tfevents.*"):
                path.unlink()
        return cls(folder)

    def __enter__(self) -> Scalars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, values: Mapping[str, float], step: int) -> None:
        """What is known at a step."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()
