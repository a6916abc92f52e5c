"""Plans a little nearer to the clean sample than one that flips: small moves, from what the victim said of that one."""

from __future__ import annotations

import torch
from torch import Tensor

from brinkmap.response.chunks import FEW, chunks
from brinkmap.response.correction import Correction
from brinkmap.response.knapsack import best_codes
from brinkmap.response.looks import Model
from brinkmap.response.margins import Margins, towards
from brinkmap.response.planning import Corrected, Planned, Task, better
from brinkmap.response.scene import Scene, View

__all__ = ["nearer"]

SHARES = (0.95, 0.9, 0.85, 0.75, 0.6)
"""Of the incumbent's distance, that moves may end within."""
LENGTHS = (0.3, 1.0)
"""How far moves would go, as shares of the incumbent's distance, were nothing else in their way: shorter ones keep more
of what is known to flip, longer ones gain more."""


def nearer(
    net: Model, correction: Correction, margins: Margins, scene: Scene, task: Task,
    codes: Tensor, known: Tensor, at_once: int = FEW,
) -> Tensor:  # fmt: skip
    """(n, cells) the nearest of some moves forecast to keep the margin wanted, else the one of the least margin.

    A plan made anew throws away what is known of the incumbent. These are the incumbent, changed where the margin's
    gradient *there* gives most for its distance, with a price on how far it is changed (a proximal step); their margins
    are forecast as the victim's answer to the incumbent plus what the model says the move adds.

    Args:
        net: the model, in eval mode.
        correction: of the samples.
        margins: the criterion's.
        scene: holds the samples.
        task: what is wanted.
        codes: (n, cells) the incumbents.
        known: (n,) the victim's margins of these.
        at_once: samples in a chunk.
    """
    found = []
    for rows, count in chunks(len(task), at_once):
        part = task.rows(rows)
        model = Corrected(net, correction.rows(rows), towards(margins, part.aim), part.own)
        found.append(_nearest(model, scene.view(part.slots), part, codes[rows], known[rows])[:count])
    return torch.cat(found)


def _nearest(model: Corrected, view: View, task: Task, codes: Tensor, known: Tensor) -> Tensor:
    forecast, gradient = model.forecast(view.render(codes))
    gains, apart = view.gains(gradient), view.apart(codes)
    l2 = view.squared(codes).sum(dim=1).sqrt()
    best = Planned(codes, torch.full_like(l2, torch.inf), torch.full_like(l2, torch.inf))
    for share in SHARES:
        for length in LENGTHS:
            worth = gains - apart / (2 * length * l2[:, None, None])
            packed = best_codes(worth - worth[:, :1], view.energy, share * l2, view.levels)
            seen = known + model.margin(view.render(packed.codes)) - forecast
            best = better(best, Planned(packed.codes, seen, packed.energy), task)
    return best.codes
