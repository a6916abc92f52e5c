"""The patch sweep that RLAB's authors published, with every forward pass counted as the query it is.

Written from what is known of their release (github.com/HewlettPackard/trust-ml at 9dadb50, which holds this search and
no trained agent), not from its code.

Theirs: each step scores every patch with the victim, as the sample stands and with noise added in that patch alone. A
score is by how much the "probability dilution" 1 / log10 p of the label's probability p rises. Noise goes into the
best patches, 2 in their settings, and steps go on until the class changes. Nothing is accepted or rejected, and noise
is never taken away: their function for that is not called. They report the number of steps.

Ours, where theirs cannot be had or cannot be compared: filter, patch size and range are the run's, not their binary
salt clipped to each channel's extremes. A patch that is chosen again is filtered once more, as it then looks; one that
the filter no longer changes is passed over, so that dead pixels do not hold the search for ever. Where the run has a
distance bound, what goes beyond it is scaled back. The search ends with the first answer that meets the criterion, be
it one that was asked for scoring only; the step it belongs to then counts as made.

With N patches, a flip by the last query of step s costs 1 + s (N + 1) queries, less one for each patch passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Ints
from brinkmap.compare.leeway import Leeway
from brinkmap.errors import InputError
from brinkmap.plan import Canvas

if TYPE_CHECKING:
    from brinkmap.run import Run

__all__ = ["PublishedSweep", "dilution"]

LEAST, MOST = 1e-30, 1 - 2.0**-24
"""Probabilities between which dilution is finite."""


@final
@dataclass(frozen=True)
class PublishedSweep:
    """RLAB's published sweep: every step scores every patch, each score a query; uses the run's first filter."""

    card: ClassVar[Mapping[str, Any]] = {"distortions": ("gaussian-noise",), "allowed": {"distortions": None}}
    patches: int = 2
    """How many get the filter in one step."""
    level: int | None = None
    """Of the run's first filter; none given means its strongest."""
    needs_scores: bool = True

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """Sweep until the criterion is met or the budget is spent."""
        sweep = _Sweep(oracle, Leeway.of(oracle, sample, run), _inks(oracle.canvas, self.level))
        now, steps = _Look(sample, float(oracle.answer[label]), met=False), 0
        while not now.met:
            oracle.published_steps = steps
            now, steps = sweep.step(now, self.patches), steps + 1
        oracle.published_steps = steps


def dilution(probability: float) -> float:
    """How far a class has been talked down: 1 / log10 of its probability, from -inf for 1 to 0 for 0.

    >>> dilution(0.1), dilution(0.01)
    (-1.0, -0.5)
    """
    return float(1 / np.log10(np.clip(probability, LEAST, MOST)))


@dataclass(frozen=True)
class _Look:
    """A sample that the victim has been asked about."""

    image: Array
    probability: float
    """Of the reference class."""
    met: bool
    """Whether the criterion is."""


@dataclass(frozen=True)
class _Sweep:
    """One sample's search: how it is filtered, asked about and bounded."""

    oracle: Oracle
    leeway: Leeway
    inks: Ints
    """(cells,) what the filter paints each cell with."""

    def step(self, now: _Look, patches: int) -> _Look:
        """Score every patch, then filter the best; or the first answer that meets the criterion."""
        canvas, gains = self.oracle.canvas, np.full(len(self.inks), -np.inf)
        painted = {ink: canvas.paint(now.image, self.oracle.index, ink)[0] for ink in map(int, np.unique(self.inks))}
        for cell in range(len(gains)):
            candidate = self._filtered(now.image, painted, [cell])
            if np.array_equal(candidate, now.image):
                continue  # asking would be free, and 32 free questions in a row end an attack
            look = self._look(candidate)
            if look.met:
                return look
            gains[cell] = dilution(look.probability) - dilution(now.probability)
        best = np.argsort(-gains, kind="stable")[:patches]
        return self._look(self._filtered(now.image, painted, best.tolist()))

    def _filtered(self, image: Array, painted: Mapping[int, Array], cells: Sequence[int]) -> Array:
        """An image with these cells as they are painted, brought back within the bounds."""
        image = image.copy()
        for cell in cells:
            box = (slice(None), *self.oracle.canvas.grid.box(cell))
            image[box] = painted[int(self.inks[cell])][box]
        return self.leeway.image(self.leeway.project(self.leeway.change_to(image)))

    def _look(self, image: Array) -> _Look:
        answer = self.oracle.ask(image[None])
        probability = float(answer[0, self.oracle.reference])
        return _Look(image, probability, bool(self.oracle.margins(answer)[0] < 0))


def _inks(canvas: Canvas, level: int | None) -> Ints:
    """(cells,) the ink of the first filter at a level, for each cell of the run's grids."""
    levels = int(canvas.cards.levels[0])
    if level is not None and not 1 <= level <= levels:
        name = canvas.cards.distortions[0].name
        raise InputError(f"rlab-sweep: expected a level of {name} from 1 to {levels}, got {level}.")
    code = canvas.cards.first_of[0] + (level or levels) - 1
    return canvas.inks.table[canvas.grid.layer_of, code]
