"""The one call: samples in, an explanation each out, every query counted."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, final

import numpy as np
from threadpoolctl import threadpool_limits

from brinkmap.agents.protocol import Oracle
from brinkmap.arrays import Array, Floats, check_bounds
from brinkmap.attack import first_of, results_of
from brinkmap.errors import InputError
from brinkmap.explain.asking import BATCH
from brinkmap.explain.explanation import Explanation
from brinkmap.explain.named import TRACE, black_boxes, explainer_of
from brinkmap.explain.posterior import Posterior
from brinkmap.explain.protocol import BlackBox, WhiteBox
from brinkmap.explain.traced import rows_of, traced
from brinkmap.results import AttackResult
from brinkmap.run import Run
from brinkmap.seeding import sample_generator
from brinkmap.session import Session
from brinkmap.victims.protocol import Victim

__all__ = ["DEFAULT", "QUERIES", "explain", "explanations", "from_results"]

DEFAULT = "posterior"
QUERIES = 300
"""What an explainer that asks may spend on a sample, where nothing else is said."""
MEMORY = 2**30
"""Bytes for the probes of all samples that are explained at once."""
FLOATS_A_VALUE = 4
"""Float32 numbers for each value of a probe: itself, what it is made of, and the copies on its way to the victim."""
MOST_AT_ONCE = 32
CHUNK = 16
"""Samples whose maps are read off a network together."""

Target = int | Sequence[int] | np.ndarray | None


def explain(
    victim: Victim, samples: Any, target: Target = None, *, method: str | BlackBox | WhiteBox = DEFAULT,
    queries: int | None = None, run: Run | None = None,
) -> list[Explanation]:  # fmt: skip
    """Where the victim's decisions come from, for each sample.

    Args:
        victim: as for `brinkmap.attack`.
        samples: as for `brinkmap.attack`.
        target: the class to be explained, one for all or one a sample; the victim's own answer where not given.
        method: a name of `brinkmap list`; `trace` for what the queries of an attack say; or an explainer.
        queries: what a sample may cost, beside the clean look and the attack: 300 for an explainer that asks, 0 for
            `trace`, where they go to the `posterior` explainer on top of what the attack found out.
        run: seed, batch size and the like, and for `trace` the attack; None for the defaults.

    Returns:
        One a sample, in order.

    Raises:
        InputError: what is asked for cannot work.

    >>> import numpy as np, brinkmap
    >>> corner = lambda x: np.stack([x[:, 0, :4, :4].mean((1, 2)), 1 - x[:, 0, :4, :4].mean((1, 2))], axis=1)
    >>> victim, sample = brinkmap.wrap(corner, classes=2), np.zeros((1, 1, 16, 16), "float32")
    >>> sample[..., :4, :4] = 0.9
    >>> [one] = brinkmap.explain(victim, sample, queries=100)
    >>> bool(one.map[:4, :4].mean() > one.map[8:, 8:].mean()), one.queries
    (True, 101)
    """
    found = explanations(victim, samples, target, method=method, queries=queries, run=run)
    return sorted(found, key=lambda one: one.index)


def explanations(
    victim: Victim, samples: Any, target: Target = None, *, method: str | BlackBox | WhiteBox = DEFAULT,
    queries: int | None = None, run: Run | None = None, done: Collection[int] = (),
) -> Iterator[Explanation]:  # fmt: skip
    """The same, each as it is ready: for more samples than memory holds, for watching, and for going on.

    Args:
        victim, samples, target, method, queries, run: as for `explain`.
        done: samples by index that are left out.
    """
    run = Run() if run is None else run
    if queries is not None and queries < 0:
        raise InputError(f"queries: expected at least 0, got {queries}.")
    if isinstance(samples, Iterator):
        samples = list(samples)
    first, _ = first_of(samples, None if isinstance(target, int) else target, check_bounds(victim.bounds))
    targets = _Targets(target, victim.classes)
    left_out = frozenset((index, bound) for index in done for bound in (None, *run.l2_bounds))
    if method == TRACE:
        return _from_attacks(victim, first.shape, samples, targets, queries or 0, run, left_out)
    explainer = explainer_of(method)
    if isinstance(explainer, WhiteBox):
        return _from_network(explainer, victim, first.shape, samples, targets, run, left_out)
    spend = QUERIES if queries is None else queries
    return _from_answers(explainer, victim, first.shape, samples, targets, spend, run, left_out)


Done = Collection[tuple[int, float | None]]


def from_results(victim: Victim, results: Iterable[AttackResult], run: Run) -> Iterator[Explanation]:
    """What the queries of attacks that are over say; nothing is asked.

    Args:
        victim: that was attacked.
        results: of `brinkmap.attack`.
        run: the same as theirs, with `trace=True`.

    Raises:
        InputError: the run kept no trace.
    """
    if not run.trace:
        raise InputError(
            "run: expected trace=True, got False. Attack again with Run(trace=True), which keeps the answers."
        )
    session: Session | None = None
    for result in results:
        shape = result.clean.shape if result.clean is not None else victim.shape
        if shape is None:
            raise InputError(f"results: result {result.index} has no sample. Give what `brinkmap.attack` yields.")
        session = session or Session(victim, tuple(shape), run)
        yield _explanation(result, TRACE, _Targets(None, None), tuple(shape), traced(result, session.canvas))


class _Targets:
    """Which class is explained for which sample."""

    def __init__(self, target: Target, classes: int | None) -> None:
        self.stated = target is not None
        self._each = None if target is None else np.asarray(target)
        if self._each is None:
            return
        if self._each.dtype.kind not in "iu" or self._each.ndim > 1:
            raise InputError(f"target: expected one class, or one a sample, got {target!r}.")
        if classes is not None and self._each.size and not 0 <= self._each.min() <= self._each.max() < classes:
            raise InputError(f"target: expected classes from 0 to {classes - 1}, got {target!r}.")

    def of(self, index: int, reference: int) -> int:
        """The class for one sample, whose answer was `reference`."""
        if self._each is None:
            return reference
        return int(self._each if self._each.ndim == 0 else self._each[index])


@final
class _Door:
    """Lets an explainer ask as if it were an attack: metered, pooled with the other samples, ended by the budget."""

    needs_scores = False
    """Labels alone say less, but a map can be made of flips too."""
    rows = BATCH

    def __init__(self, explainer: BlackBox | None, targets: _Targets) -> None:
        self.explainer, self.targets = explainer, targets
        self.name = "clean look" if explainer is None else explainer.name
        self.maps: dict[int, Floats | None] = {}

    def run(self, oracle: Oracle, sample: Array, label: int, run: Run) -> None:
        """One sample's map."""
        if self.explainer is not None:
            self.maps[oracle.index] = self.explainer.weigh(oracle, sample, self.targets.of(oracle.index, label))


def _through(door: _Door, victim: Victim, shape: tuple[int, ...], queries: int, run: Run) -> Session:
    """A session in which the explainer may ask so many times beside the clean look."""
    fitting = MEMORY // (BATCH * 4 * FLOATS_A_VALUE * int(np.prod(shape)))
    own = Run(
        agent=door, distortions=("dead-pixel",), budget=queries + 1, seed=run.seed, batch_size=run.batch_size,
        rate_limit=run.rate_limit, slots=max(1, min(run.slots, MOST_AT_ONCE, fitting)),
    )  # fmt: skip
    return Session(victim, shape, own)


def _from_answers(
    explainer: BlackBox, victim: Victim, shape: tuple[int, ...], samples: Iterable[Any], targets: _Targets,
    queries: int, run: Run, done: Done,
) -> Iterator[Explanation]:  # fmt: skip
    door = _Door(explainer, targets)
    session = _through(door, victim, shape, queries, run)
    with threadpool_limits(1, user_api="blas"):  # explainers are threads: theirs on top of these would only wait
        for result in results_of(session, samples, None, done):
            yield _explanation(result, explainer.name, targets, shape, door.maps.pop(result.index, None))


def _from_network(
    explainer: WhiteBox, victim: Victim, shape: tuple[int, ...], samples: Iterable[Any], targets: _Targets, run: Run,
    done: Done,
) -> Iterator[Explanation]:  # fmt: skip
    """Maps of a few samples at once; the clean look says which class, and is the only query."""
    from brinkmap.explain.network import network_of

    network = network_of(victim)
    if network is None:
        raise InputError(
            f"method {explainer.name!r} needs the victim's own PyTorch network, and this victim only answers. "
            f"Choose from: {', '.join(black_boxes())}."
        )
    looks = results_of(_through(_Door(None, targets), victim, shape, 0, run), samples, None, done)
    for chunk in _batched(looks, CHUNK):
        answered = [one for one in chunk if one.error is None]
        classes = np.array([targets.of(one.index, one.reference or 0) for one in answered], np.int64)
        rngs = [sample_generator(run.seed, one.index) for one in answered]
        clean = np.stack([one.clean for one in answered if one.clean is not None]) if answered else None
        maps = iter(explainer.maps(network, clean, classes, rngs) if clean is not None else ())
        for one in chunk:
            yield _explanation(one, explainer.name, targets, shape, None if one.error else next(maps))


def _batched(items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    rest = iter(items)
    while chunk := tuple(itertools.islice(rest, size)):
        yield chunk


def _from_attacks(
    victim: Victim, shape: tuple[int, ...], samples: Iterable[Any], targets: _Targets, queries: int, run: Run,
    done: Done,
) -> Iterator[Explanation]:  # fmt: skip
    """An attack's trace, and on top of it what more questions say."""
    if targets.stated:
        raise InputError(
            f"target: {TRACE} explains the class that was attacked, the victim's own answer. Leave target out, or "
            f"choose a method from: {', '.join(black_boxes()[1:])}."
        )
    session = Session(victim, shape, dataclasses.replace(run, trace=True))
    attacked = results_of(session, samples, None, done)
    if not queries:
        for result in attacked:
            yield _explanation(result, TRACE, targets, shape, traced(result, session.canvas))
        return
    known = {one.index: (one.queries, rows_of(one, session.canvas)) for one in attacked}
    more = Posterior(known={index: rows for index, (_, rows) in known.items() if rows is not None})
    for one in _from_answers(more, victim, shape, samples, targets, queries, run, done):
        yield dataclasses.replace(one, method=TRACE, queries=one.queries + known[one.index][0])


def _explanation(
    result: AttackResult, method: str, targets: _Targets, shape: tuple[int, ...], found: Floats | None
) -> Explanation:
    reference = result.reference
    flat = np.zeros(shape[1:], np.float32)
    return Explanation(
        index=result.index, method=method, reference=reference, answer=result.before, error=result.error,
        target=targets.of(result.index, -1 if reference is None else reference), queries=result.queries,
        map=flat if found is None or result.error else found.astype(np.float32),
    )  # fmt: skip
