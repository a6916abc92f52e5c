"""docs/figures/video.png: frames of a clip as they are, as our agents and as the best baseline have changed them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np

from video_cases import CASES

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["write"]

CASE, VICTIM = "moving-digits", "moving-digits-tsm"
SHOWN = 6
OURS, BASELINE = "factorised-vf", "ast-focus"
CLIPS, BUDGET = 12, 300


def write(path: Path) -> Path:
    """Attack a dozen clips and draw the first that both flip (or, where there is none, the first); returns the path."""
    from video import attacked, setting

    case = replace(CASES[CASE], samples=CLIPS, budget=BUDGET)
    of = setting(CASE, VICTIM)
    ours, theirs = (attacked(case, of, name, 0) for name in (OURS, BASELINE))
    both = [one.index for one, other in zip(ours, theirs, strict=True) if one.success and other.success]
    here = both[0] if both else 0
    names = of.victim.class_names or tuple(map(str, range(of.victim.classes or 0)))
    rows = [("original", ours[here].clean, ours[here].before)]
    for title, one in (("ours: frames and patches", ours[here]), ("AstFocus", theirs[here])):
        rows.append((f"{title}, {one.queries} queries", one.adversarial, one.after))
    figure, axes = plt.subplots(len(rows), SHOWN, figsize=(1.5 * SHOWN, 1.75 * len(rows)), squeeze=False)
    for row, (title, clip, answer) in zip(axes, rows, strict=True):
        frames = np.linspace(0, clip.shape[1] - 1, SHOWN).round().astype(int)
        for axis, frame in zip(row, frames, strict=True):
            axis.imshow(clip[0, frame], cmap="gray", vmin=0, vmax=1)
            axis.set_axis_off()
        row[0].set_title(f"{title}: {names[int(answer.argmax())]} {answer.max():.0%}", loc="left", fontsize=9)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92, wspace=0.04, hspace=0.22)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
