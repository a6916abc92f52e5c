"""What a classifier's training looked like: a line a look, a curve, and what TensorBoard is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from brinkmap.harden.recipe import Checked

__all__ = ["draw_history", "history_csv", "scalars_of"]

COLOURS = {"train": "#8a8a8a", "validation": "#20639b", "test": "#c0392b"}


def history_csv(history: Sequence[Checked]) -> str:
    """Epoch, seconds, loss and reward, the two accuracies on each set, and what the pool came to."""
    text = io.StringIO()
    sets = list(history[0].natural) if history else []
    names = [f"{kind}_{name}" for kind in ("natural", "judged") for name in sets]
    writer = csv.writer(text)
    writer.writerow(["epoch", "seconds", "loss", "reward", *names, "queries", "flipped"])
    for one in history:
        shares = [*one.natural.values(), *one.judged.values()]
        told = [one.epoch, round(one.seconds, 1), round(one.loss, 5), round(one.reward, 5)]
        writer.writerow([*told, *shares, one.queries, one.flipped])
    return text.getvalue()


def draw_history(history: Sequence[Checked], path: Path) -> None:
    """Accuracy on the samples as they are, and on what the judge makes of them, against epochs."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
    for axis, kind, title in zip(panels, ("natural", "judged"), ("As they are", "Under the adversary"), strict=True):
        for name in history[0].natural:
            shares = [getattr(one, kind)[name] for one in history]
            axis.plot([one.epoch for one in history], shares, ".-", label=name, color=COLOURS.get(name))
        axis.set(xlabel="epochs", title=title)
        axis.grid(alpha=0.3)
    panels[0].set(ylabel="accuracy", ylim=(0, 1))
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def scalars_of(look: Checked) -> dict[str, float]:
    """What TensorBoard is told of a look."""
    told = {"fit/loss": look.loss, "fit/reward": look.reward, "fit/seconds": look.seconds}
    for kind in ("natural", "judged"):
        told |= {f"accuracy/{kind}/{name}": share for name, share in getattr(look, kind).items()}
    return told | {"pool/queries": float(look.queries), "pool/flipped": look.flipped}
