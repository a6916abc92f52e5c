"""docs/figures/video.png: frames of a clip as they are, as our agent and as the best baselines have changed them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np

from brinkmap.metrics import spread
from video_cases import CASES

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["write"]

CASE, VICTIM = "moving-digits", "moving-digits-tsm"
SHOWN = 6
ATTACKS = {"planning-vf+10": "ours", "square": "Square", "ast-focus": "AstFocus"}
"""Of the baselines the most successful one and, as in the slides, the most sparing."""
CLIPS, BUDGET = 12, 1000


def write(path: Path) -> Path:
    """Attack a dozen clips and draw the first that all flip (or, where there is none, the first); returns the path."""
    from video import attacked, setting

    case = replace(CASES[CASE], samples=CLIPS, budget=BUDGET)
    of = setting(CASE, VICTIM)
    results = {title: attacked(case, of, name, 0) for name, title in ATTACKS.items()}
    flipped = np.all([[one.success for one in each] for each in results.values()], axis=0)
    here = {title: each[int(flipped.argmax())] for title, each in results.items()}
    names = of.victim.class_names or tuple(map(str, range(of.victim.classes or 0)))
    first = next(iter(here.values()))
    rows = [("original", first.clean, first.before)]
    for title, one in here.items():
        far = spread(one.clean, one.adversarial, of.victim.bounds)["map"]
        rows.append((f"{title}, {one.queries} queries, MAP {far:.1f}", one.adversarial, one.after))
    figure, axes = plt.subplots(len(rows), SHOWN, figsize=(1.5 * SHOWN, 1.7 * len(rows)), squeeze=False)
    for row, (title, clip, answer) in zip(axes, rows, strict=True):
        frames = np.linspace(0, clip.shape[1] - 1, SHOWN).round().astype(int)
        for axis, frame in zip(row, frames, strict=True):
            axis.imshow(clip[0, frame], cmap="gray", vmin=0, vmax=1)
            axis.set_axis_off()
        row[0].set_title(f"{title}: {names[int(answer.argmax())]} {answer.max():.0%}", loc="left", fontsize=9)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.96, wspace=0.04, hspace=0.22)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
