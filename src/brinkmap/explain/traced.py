"""Maps out of an attack's own proposals and answers: no query beyond those that the attack has paid for."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Floats, Ints
from brinkmap.explain.account import Rows, accounted
from brinkmap.explain.asking import LEAST_MOVE, log_odds
from brinkmap.explain.field import field_of
from brinkmap.plan import Canvas
from brinkmap.results import AttackResult

__all__ = ["rows_of", "strengths", "traced"]


def traced(result: AttackResult, canvas: Canvas) -> Floats | None:
    """How much each place speaks for the class attacked: credit by regression over all answers, signs kept.

    How much of a place a proposal distorted is its level's share of the filter's levels, whatever the filter.

    Args:
        result: of a run with `trace=True`.
        canvas: of the session that made it.

    Returns:
        (*extent) float64; None where there is no trace, or nothing in it lowered the class's chance.
    """
    rows = rows_of(result, canvas)
    return None if rows is None else accounted(field_of(canvas.shape[1:]), rows).map


def rows_of(result: AttackResult, canvas: Canvas) -> Rows | None:
    """What an attack's answers say, for the account; None where they say nothing."""
    if not result.trace or result.before is None or result.reference is None:
        return None
    answers = np.exp([np.float64(step.log_probabilities) for step in result.trace])
    falls = log_odds(result.before[None], result.reference) - log_odds(answers, result.reference)
    if falls.max() <= LEAST_MOVE:
        return None
    distorted = field_of(canvas.shape[1:]).gathered(strengths(_replayed(result, canvas), canvas))
    return Rows(distorted, falls)


def _replayed(result: AttackResult, canvas: Canvas) -> Ints:
    """(steps, cells) the whole plan of each proposal: what changed, on the incumbent of its moment."""
    incumbent = np.zeros(canvas.grid.cells, np.int16)
    plans = []
    for step in result.trace:
        plan = incumbent.copy()
        plan[step.cells] = step.codes
        plans.append(plan)
        incumbent = plan if step.accepted else incumbent
    return np.stack(plans)


def strengths(codes: Ints, canvas: Canvas) -> Floats:
    """(n, *extent) the share of its filter's levels that each place is distorted by."""
    pairs, levels = canvas.cards.pairs, canvas.cards.levels
    strength = np.where(pairs[:, 1] > 0, pairs[:, 1] / levels[pairs[:, 0]], 0.0)
    inks = canvas.inks.shown(codes)
    code_of = np.array([0, *(canvas.inks.code(ink) for ink in range(1, len(canvas.inks) + 1))])
    return strength[code_of[inks]][:, canvas.grid.atom_of].reshape(len(codes), *canvas.shape[1:])
