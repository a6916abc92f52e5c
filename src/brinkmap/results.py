"""What an attack on one sample came to, and many of them together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.env.task import Finished, Task, TraceStep
from brinkmap.plan import Canvas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AttackResult", "Collected", "collect", "failed_result", "result_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackResult:
    """How the attack on one sample ended. Distances are on samples scaled to 0..1; `_raw` ones in the sample's unit."""

    index: int
    """The sample's place in its data set."""
    label: int | None
    """The true class, where it is known."""
    reference: int | None = None
    """The class attacked: the victim's clean answer; None where it never answered."""
    before: Array | None = None
    """(classes,) the clean answer."""
    after: Array | None = None
    """(classes,) the answer to the modified sample."""
    success: bool = False
    """Whether the criterion was met within the bound."""
    stalled: bool = False
    """Whether the attack ended because it had nothing new to propose."""
    error: str | None = None
    """Why the sample could not be attacked, or not to the end."""
    queries: int = 0
    """Samples passed through the victim for it, the clean look included."""
    queries_to_flip: int | None = None
    """The query that met the criterion first."""
    l2_at_flip: float | None = None
    """The L2 distance when the criterion was met first, before any refining."""
    queries_refine: int = 0
    """Queries spent after that on taking distortion away."""
    steps: int = 0
    """Proposals put to the victim."""
    l2: float = 0.0
    linf: float = 0.0
    l2_raw: float = 0.0
    linf_raw: float = 0.0
    changed: int = 0
    """Values that differ from the clean sample (L0)."""
    clipped: float = 0.0
    """Share of all values that clipping to the bounds moved."""
    plan: Ints | None = None
    """(cells, 2) distortion and level of each cell; None for an attack that owns its loop."""
    filters: tuple[str, ...] = ()
    """The distortions by name, in the order that the plan numbers them."""
    distances: tuple[tuple[int, float], ...] = ()
    """(query, L2) of the first flip and of each nearer one after it."""
    projected: bool = False
    """Whether what the attack ended with was beyond bounds or distance, and so was projected and scored again."""
    published_steps: int | None = None
    """Steps as the attack's authors count them, where they count otherwise."""
    seed: int
    max_l2: float | None = None
    """The L2 bound it was attacked under."""
    trace: tuple[TraceStep, ...] = field(default=(), repr=False)
    """Proposals and answers, where the run asked to keep them."""
    clean: Array | None = field(default=None, repr=False, compare=False)
    """(c, *extent) the clean sample as it was attacked; None for results read from files."""
    _render: Callable[[], Array] | None = field(default=None, repr=False, compare=False)

    @property
    def skipped(self) -> bool:
        """Whether the victim misclassified the clean sample, so that there was nothing to attack."""
        return self.error is None and self.label is not None and self.label != self.reference

    @property
    def attacked(self) -> bool:
        """Whether it belongs in the denominator of a success rate."""
        return self.error is None and not self.skipped

    @property
    def where(self) -> dict[str, Ints]:
        """For each filter that was used: (n, 2) the cells that carry it and their levels."""
        if self.plan is None:
            return {}
        kinds, levels = self.plan[:, 0], self.plan[:, 1]
        cells = {name: np.flatnonzero((kinds == kind) & (levels > 0)) for kind, name in enumerate(self.filters)}
        return {name: np.stack([found, levels[found]], axis=1) for name, found in cells.items() if len(found)}

    @property
    def adversarial(self) -> Array | None:
        """(c, *extent) float32 the modified sample as the victim saw it, rendered when asked for; None without one."""
        return self._render() if self._render is not None else None


PUBLIC_FIELDS = tuple(f.name for f in fields(AttackResult) if f.name not in ("trace", "clean", "_render"))


class Collected(NamedTuple):
    """Many results as arrays, in the order of index and bound."""

    adversarial: Array
    """(n, c, *extent) the modified samples; rows of samples that were never queried are NaN."""
    before: Array
    """(n, classes)."""
    after: Array
    """(n, classes)."""
    table: pd.DataFrame
    """One row a result, all scalar fields."""


def collect(results: Iterable[AttackResult]) -> Collected:
    """Results as stacked arrays and a DataFrame.

    Args:
        results: as `brinkmap.attack` yields them, in any order.
    """
    import pandas as pd

    ordered = sorted(results, key=lambda result: (result.index, result.max_l2 or math.inf))
    scalars = [name for name in PUBLIC_FIELDS if name not in ("before", "after", "plan", "filters", "distances")]
    rows = [{name: getattr(result, name) for name in scalars} for result in ordered]
    return Collected(
        _stack([result.adversarial for result in ordered]),
        _stack([result.before for result in ordered]),
        _stack([result.after for result in ordered]),
        pd.DataFrame(rows, columns=scalars),
    )


def result_of(finished: Finished, canvas: Canvas) -> AttackResult:
    """The public result of what the engine finished."""
    task, image = finished.task, finished.image
    change = (image.astype(np.float64) - task.sample) / canvas.span
    l2, linf = float(np.sqrt(np.sum(change**2))), float(np.abs(change).max())
    codes = finished.codes
    flip = finished.queries_to_flip
    return AttackResult(
        index=task.index,
        label=task.label,
        reference=finished.reference,
        before=finished.before,
        after=finished.after,
        success=finished.success,
        stalled=finished.stalled,
        error=finished.error,
        queries=finished.queries,
        queries_to_flip=flip,
        l2_at_flip=finished.l2_at_flip,
        queries_refine=finished.queries - flip if flip is not None else 0,
        steps=finished.steps,
        l2=l2,
        linf=linf,
        l2_raw=l2 * canvas.span,
        linf_raw=linf * canvas.span,
        changed=int(np.count_nonzero(change)),
        clipped=finished.clipped,
        plan=None if codes is None else canvas.cards.plan(codes),
        filters=() if codes is None else tuple(one.name for one in canvas.cards.distortions),
        distances=tuple(finished.distances),
        projected=finished.projected,
        published_steps=finished.published_steps,
        seed=canvas.seed,
        max_l2=task.max_l2,
        trace=tuple(finished.trace),
        clean=task.sample,
        _render=_renderer(task, image, codes, canvas),
    )


def failed_result(index: int, label: int | None, error: str, seed: int, max_l2: float | None) -> AttackResult:
    """The result of a sample that could not even be put to the victim."""
    return AttackResult(index=index, label=label, error=error, seed=seed, max_l2=max_l2)


def _renderer(task: Task, image: Array, codes: Ints | None, canvas: Canvas) -> Callable[[], Array]:
    """Holds the clean sample and the plan rather than the image, where there is a plan."""
    if codes is None:
        return lambda: image
    return lambda: canvas.render(task.sample, task.index, codes)[0]


def _stack(rows: list[Array | None]) -> Array:
    like = next((row for row in rows if row is not None), np.empty(0, np.float32))
    blank = np.full_like(like, np.nan)
    return np.stack([blank if row is None else row for row in rows]) if rows else like[None][:0]
