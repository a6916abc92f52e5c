"""What a training looked like: a line a round, a learning curve, and what TensorBoard is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from brinkmap.training.trainer import Progress

__all__ = ["draw_curve", "scalars_of", "write_progress"]


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


def scalars_of(made: Progress) -> dict[str, float]:
    """What TensorBoard is told of a round."""
    told = {"fit/loss": made.loss}
    if made.planned:
        plans = f"plans/{'natural' if made.natural else 'norm'}/patch-{made.patch}"
        told |= {f"{plans}/left": made.left, f"{plans}/max_l2": made.max_l2}
    return told
