"""Which samples a report shows, and how often each filter was used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from brinkmap.attack import sample_of
from brinkmap.plan import Canvas
from brinkmap.report import Case, FilterUse
from brinkmap.results import AttackResult
from brinkmap.session import Session

__all__ = ["Gallery", "filter_use"]

EACH = 4
"""So many of the nearest flips, and so many of the first samples that flipped."""


class Gallery:
    """Keeps the few results worth showing out of any number: the nearest flips and the first ones.

    Args:
        session: the run.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._canvas = session, session.canvas
        self._nearest: list[AttackResult] = []
        self._first: list[AttackResult] = []

    def offer(self, result: AttackResult) -> None:
        """Consider one result."""
        if result.success and result.l2 > 0:
            self._nearest = sorted([*self._nearest, result], key=lambda one: (one.l2, one.index))[:EACH]
            self._first = sorted([*self._first, result], key=lambda one: (one.index, one.l2))[: 2 * EACH]

    def recall(self, samples: Iterable[Any], stored: Iterable[AttackResult]) -> Iterator[Any]:
        """Pass samples on, and on their way render those results of an earlier session that may be worth showing.

        Args:
            samples: single samples in order.
            stored: results as read from files, which know their plan but not their sample.
        """
        before = Gallery(self._session)
        for result in stored:
            before.offer(result)
        wanted = {id(one): one for one in before._nearest + before._first if one.plan is not None}
        for index, given in enumerate(samples):
            for result in wanted.values():
                if result.index == index:
                    self.offer(self._rendered(result, given))
            yield given

    def _rendered(self, result: AttackResult, given: Any) -> AttackResult:
        canvas = self._canvas
        assert result.plan is not None
        clean = canvas.snap(sample_of(given, canvas))
        image, _ = canvas.render(clean, result.index, canvas.cards.codes(result.plan))
        return dataclasses.replace(result, clean=clean, _render=lambda: image)

    def cases(self) -> list[Case]:
        """The nearest flips, then the first ones that are not among them."""
        others = [one for one in self._first if one not in self._nearest][:EACH]
        return [self._case(result) for result in self._nearest + others if result.clean is not None]

    def _case(self, result: AttackResult) -> Case:
        clean, modified = result.clean, result.adversarial
        assert clean is not None
        assert modified is not None
        assert result.before is not None
        assert result.after is not None
        assert result.reference is not None
        return Case(
            index=result.index,
            clean=clean,
            modified=modified,
            before=result.before,
            after=result.after,
            label=result.label,
            reference=result.reference,
            queries=result.queries,
            l2=result.l2,
            filters=_filters(result),
        )


def _filters(result: AttackResult) -> str:
    if result.plan is None:
        return "no plan: the attack owns its loop"
    used = sorted(result.where.items(), key=lambda use: -len(use[1]))
    return ", ".join(f"{name} on {len(cells)} cells" for name, cells in used)


def filter_use(results: Iterable[AttackResult], canvas: Canvas) -> list[FilterUse]:
    """How often each filter stands in the plans of the successes.

    Args:
        results: all of a run.
        canvas: whose cards the plans are written with.
    """
    count = len(canvas.cards.distortions)
    cells, samples = np.zeros((2, count), int)
    for result in results:
        if result.success and result.plan is not None:
            used = np.bincount(result.plan[result.plan[:, 1] > 0, 0], minlength=count)
            cells, samples = cells + used, samples + (used > 0)
    return [
        FilterUse(name=one.name, cells=int(cells[kind]), samples=int(samples[kind]))
        for kind, one in enumerate(canvas.cards.distortions)
    ]
