"""Which samples a report shows, where they are fragile, and how often each filter was used."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from brinkmap.arrays import Array
from brinkmap.attack import sample_of
from brinkmap.env.task import TraceStep
from brinkmap.explain.traced import strengths, traced
from brinkmap.plan import Canvas
from brinkmap.report import Case, FilterUse
from brinkmap.report.view import TYPICAL, WORST
from brinkmap.results import AttackResult
from brinkmap.session import Session

__all__ = ["Gallery", "filter_use", "read_traces"]

EACH = 4
"""So many of the nearest flips, and so many near the median distance."""
RESERVE = 16
"""Flips that are held ready until the median is known; which ones depends on nothing but their indices."""
STRIDE = 2_654_435_761
"""Knuth's: indices times it, modulo 2^32, are in no order that data could be in."""


class Gallery:
    """Keeps the few results worth showing out of any number: the nearest flips, and some to find typical ones among.

    Where several L2 bounds are attacked it keeps those of the largest, which is what a report describes.

    Args:
        session: the run.
        folder: of the run, for traces of an earlier session.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._canvas, self._folder = session, session.canvas, folder
        bounds = session.run.l2_bounds
        self._bound = None if None in bounds else max(bound for bound in bounds if bound is not None)
        self._nearest: list[AttackResult] = []
        self._reserve: list[AttackResult] = []

    def offer(self, result: AttackResult) -> None:
        """Consider one result."""
        if result.success and result.l2 > 0 and result.max_l2 == self._bound:
            self._nearest = sorted([*self._nearest, result], key=lambda one: (one.l2, one.index))[:EACH]
            drawn = sorted([*self._reserve, result], key=lambda one: (one.index * STRIDE % 2**32, one.index))
            self._reserve = drawn[: RESERVE + EACH]

    def keeps(self, result: AttackResult) -> bool:
        """Whether a result that was offered is one of those kept so far."""
        return any(result is one for one in (*self._nearest, *self._reserve))

    def recall(self, samples: Iterable[Any], stored: Iterable[AttackResult]) -> Iterator[Any]:
        """Pass samples on, and on their way render those results of an earlier session that may be worth showing.

        Args:
            samples: single samples in order.
            stored: results as read from files, which know their plan but not their sample.
        """
        before = Gallery(self._session, self._folder)
        for result in stored:
            before.offer(result)
        kept = {result.index: result for result in before._nearest + before._reserve if result.plan is not None}
        traces = read_traces(self._folder, kept, self._bound) if self._session.run.trace and kept else {}
        for index, given in enumerate(samples):
            if index in kept:
                self.offer(dataclasses.replace(self._rendered(kept[index], given), trace=traces.get(index, ())))
            yield given

    def _rendered(self, result: AttackResult, given: Any) -> AttackResult:
        canvas = self._canvas
        assert result.plan is not None
        clean = canvas.snap(sample_of(given, canvas))
        image, _ = canvas.render(clean, result.index, canvas.cards.codes(result.plan))
        return dataclasses.replace(result, clean=clean, _render=lambda: image)

    def cases(self, median: float | None) -> list[Case]:
        """The nearest flips, then those nearest to the median distance that are not among them.

        Args:
            median: L2 of all flips of the run; None where there are none.
        """
        nearest = {result.index for result in self._nearest}
        others = sorted(
            (result for result in self._reserve if result.index not in nearest),
            key=lambda one: (abs(one.l2 - (median or 0.0)), one.index),
        )[:EACH]
        chosen = [(result, WORST) for result in self._nearest] + [(result, TYPICAL) for result in others]
        return [self._case(result, choice) for result, choice in chosen if result.clean is not None]

    def _case(self, result: AttackResult, choice: str) -> Case:
        clean, modified = result.clean, result.adversarial
        assert clean is not None
        assert modified is not None
        assert result.before is not None
        assert result.after is not None
        assert result.reference is not None
        heat, heat_of = _heat(result, modified - clean, self._canvas)
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
            choice=choice,
            heat=heat,
            heat_of=heat_of,
        )


def _heat(result: AttackResult, change: Array, canvas: Canvas) -> tuple[Array, str]:
    """(*extent) on -1..1 where the sample is fragile, as well as it is known without another query, and by what."""
    found = traced(result, canvas)
    if found is not None:
        heat, said = found, f"credit of each place, read off the attack's {len(result.trace)} answers"
    elif result.plan is not None:
        heat = strengths(canvas.cards.codes(result.plan)[None], canvas)[0]
        said = "where the plan puts distortion, and how strong (no trace was kept)"
    else:
        heat, said = np.abs(np.float64(change)).mean(axis=0), "size of the change (this attack has no plan)"
    return (heat / max(float(np.abs(heat).max()), np.finfo(float).tiny)).astype(np.float32), said


def _filters(result: AttackResult) -> str:
    if result.plan is None:
        return "no plan: the attack owns its loop"
    used = sorted(result.where.items(), key=lambda use: -len(use[1]))
    return ", ".join(f"{name} on {len(cells)} {'cell' if len(cells) == 1 else 'cells'}" for name, cells in used)


def read_traces(folder: Path, indices: Collection[int], max_l2: float | None) -> dict[int, tuple[TraceStep, ...]]:
    """The kept traces of some samples, under one bound; samples without one are left out.

    Args:
        folder: of the run.
        indices: of the samples.
        max_l2: the bound.
    """
    steps: dict[int, list[TraceStep]] = {}
    for path in sorted((folder / "trace").glob("part-*.parquet")):
        for row in pq.read_table(path, filters=[("index", "in", list(indices))]).to_pylist():
            if row["max_l2"] == max_l2:
                steps.setdefault(row["index"], []).append(
                    TraceStep(
                        row["query"], np.array(row["cells"], np.int64), np.array(row["codes"], np.int16),
                        np.array(row["log_probabilities"], np.float16), row["accepted"],
                    )
                )  # fmt: skip
    return {index: tuple(sorted(found, key=lambda step: step.query)) for index, found in steps.items()}


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
