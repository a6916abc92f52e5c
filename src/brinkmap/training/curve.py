"""What a training looked like: a line a round, a learning curve, and TensorBoard scalars where that is installed."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from brinkmap.training.trainer import Progress

__all__ = ["Scalars", "draw_curve", "write_progress"]


def write_progress(history: Sequence[Progress], path: Path) -> None:
    """One CSV line a round."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Progress)])
    writer.writeheader()
    writer.writerows(asdict(one) for one in history)
    path.write_text(text.getvalue())


def draw_curve(history: Sequence[Progress], path: Path) -> None:
    """The loss, and the share of plans that change the answer per unit of L2, against queries spent."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.plot([one.queries for one in history], [one.loss for one in history], color="#20639b")
    left.set(xlabel="queries of the victim", ylabel="loss", yscale="log", title="Fit to the answers")
    planned = [one for one in history if one.planned]
    for natural, patch in sorted({(one.natural, one.patch) for one in planned}):
        of = [one for one in planned if (one.natural, one.patch) == (natural, patch)]
        label = f"{'natural' if natural else 'norm-matched'}, patch {patch}"
        right.plot([one.queries for one in of], [_per_unit(one) for one in of], ".-", label=label)
    right.set(
        xlabel="queries of the victim", ylabel="plans that change the answer, per unit of L2", title="Plans made in it"
    )
    right.set_ylim(bottom=0)
    if planned:
        right.legend(frameon=False, fontsize=8)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _per_unit(one: Progress) -> float:
    """Bounds shrink as plans get better, so the share alone would stay where it is."""
    return one.left / one.max_l2


class Scalars:
    """TensorBoard scalars of a training.

    Args:
        folder: of the training; nothing is written without one, nor where tensorboard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._writer: Any = None
        with contextlib.suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            if folder is not None:
                self._writer = SummaryWriter(str(folder / "tensorboard"))

    def __enter__(self) -> Scalars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, made: Progress) -> None:
        """The figures of one round."""
        if self._writer is None:
            return
        track = "natural" if made.natural else "norm"
        self._writer.add_scalar("fit/loss", made.loss, made.queries)
        if made.planned:
            self._writer.add_scalar(f"plans/{track}/patch-{made.patch}/left", made.left, made.queries)
            self._writer.add_scalar(f"plans/{track}/patch-{made.patch}/max_l2", made.max_l2, made.queries)
