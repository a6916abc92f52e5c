"""The runner: samples in, one result a sample out as it finishes, every query counted."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np

from brinkmap.agents.protocol import Agent
from brinkmap.arrays import RANKS, Array, Bounds, Ints, as_samples, check_bounds, check_sample
from brinkmap.env.slots import ACTIVE, EMPTY, FRESH, Slots
from brinkmap.env.task import Finished, Standing, Task
from brinkmap.errors import InputError
from brinkmap.plan import Canvas
from brinkmap.pooled import run_pooled
from brinkmap.results import AttackResult, failed_result, result_of
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.victims.protocol import Victim

__all__ = ["attack", "driven", "first_of", "labelled", "results_of", "sample_of", "tasks_of"]

Done = Collection[tuple[int, float | None]]
Watch = Callable[[Standing], None]


def attack(victim: Victim, samples: Any, labels: Any = None, run: Run | None = None) -> Iterator[AttackResult]:
    """Find how little distortion makes the victim change its mind, sample by sample.

    Args:
        victim: the classifier, as `brinkmap.wrap` makes it or any object with `predict`, `shape`, `classes`, `bounds`.
        samples: `(n, c, *extent)` float or `(n, *extent, c)` uint8, array or torch tensor; or an iterable of such
            single samples, which is read as slots fall free.
        labels: the true class of each sample, array or iterable; None where they are not known. A sample that the
            victim misclassifies is skipped, for one query.
        run: budget, filters, agent, bound ...; None for the defaults.

    Yields:
        One `AttackResult` a sample (and L2 bound, where several are given) as it finishes; `index` restores the order.
        A sample that cannot be attacked is a result with its `error`; the rest go on.

    Raises:
        InputError: what is asked for cannot work, said before the first query.
        VictimError: the victim's answers have the wrong shape.

    >>> import numpy as np, brinkmap
    >>> dark = lambda x: np.stack([x.mean((1, 2, 3)), 1 - x.mean((1, 2, 3))], axis=1)
    >>> run = brinkmap.Run(agent="random", distortions=["illuminate"], budget=50)
    >>> [result] = brinkmap.attack(brinkmap.wrap(dark, classes=2), np.full((1, 1, 8, 8), 0.55, "float32"), None, run)
    >>> result.success, result.reference, result.after.argmax()
    (True, 0, np.int64(1))
    """
    run = Run() if run is None else run
    first, samples = first_of(samples, labels, check_bounds(victim.bounds))
    return results_of(Session(victim, first.shape, run), samples, labels)


def first_of(samples: Any, labels: Any, bounds: Bounds) -> tuple[Array, Iterable[Any]]:
    """The first sample, which tells the shape, and all of them as an iterable.

    Raises:
        InputError: there is none, or there are more or fewer labels.
    """
    if hasattr(samples, "__len__") and hasattr(labels, "__len__") and len(samples) != len(labels):
        raise InputError(f"labels: expected {len(samples)}, one a sample, got {len(labels)}.")
    if hasattr(samples, "ndim") and samples.ndim - 2 not in RANKS:
        as_samples(samples)  # says what is wrong with the shape
    rest = iter(samples)
    try:
        first = next(rest)
    except StopIteration:
        raise InputError("samples: expected at least one, got none.") from None
    return as_samples(np.asarray(_plain(first))[None], bounds)[0], itertools.chain([first], rest)


def results_of(
    session: Session, samples: Iterable[Any], labels: Any, done: Done = (), watch: Watch | None = None
) -> Iterator[AttackResult]:
    """The results of a session, leaving out (index, max_l2) pairs that are done already.

    Args:
        session: the run made ready.
        samples: single samples in order.
        labels: one a sample, or None.
        done: what an earlier run has finished.
        watch: called each time the victim has answered, with how each attack that asked stands. The run waits for it,
            and what it raises ends the run: nothing more is asked.
    """
    rejected: list[AttackResult] = []
    yield from driven(session, _tasks(session, samples, labels, frozenset(done), rejected), rejected, watch)


def driven(
    session: Session, tasks: Iterator[Task], rejected: list[AttackResult], watch: Watch | None = None
) -> Iterator[AttackResult]:
    """The results of tasks.

    Args:
        session: the run made ready.
        tasks: read as slots fall free; one that has none at the moment may have more later, until all slots are empty.
        rejected: results of samples that no task was made of, which are taken out from here.
        watch: as for `results_of`.
    """
    drive = _drive if isinstance(session.agent, Agent) else _pool
    for finished in drive(session, tasks, watch):
        yield from _drained(rejected)
        yield result_of(finished, session.canvas)
    yield from _drained(rejected)


def _tasks(
    session: Session, samples: Iterable[Any], labels: Any, done: frozenset[tuple[int, float | None]],
    rejected: list[AttackResult],
) -> Iterator[Task]:  # fmt: skip
    """One task a sample and bound; samples that cannot be put to the victim are rejected with the reason."""
    numbers = itertools.count()
    for index, (given, label) in enumerate(labelled(samples, labels)):
        bounds = [bound for bound in session.run.l2_bounds if (index, bound) not in done]
        if bounds:
            yield from tasks_of(index, given, label, bounds, session.canvas, numbers, rejected)


def tasks_of(
    index: int, given: Any, label: int | None, bounds: Iterable[float | None], canvas: Canvas,
    numbers: Iterator[int], rejected: list[AttackResult],
) -> list[Task]:  # fmt: skip
    """One task a bound for one sample; a sample that cannot be put to the victim is rejected with the reason."""
    try:
        sample = canvas.snap(sample_of(given, canvas))
    except InputError as error:
        rejected += [failed_result(index, label, f"sample {index}: {error}", canvas.seed, one) for one in bounds]
        return []
    return [Task(next(numbers), index, sample, label, bound) for bound in bounds]


def labelled(samples: Iterable[Any], labels: Any) -> Iterator[tuple[Any, int | None]]:
    """Samples with their labels, one at a time.

    Raises:
        InputError: more or fewer labels than samples, or one that is no integer.
    """
    if labels is None:
        yield from ((given, None) for given in samples)
        return
    missing = object()
    for given, label in itertools.zip_longest(samples, labels, fillvalue=missing):
        if given is missing or label is missing:
            raise InputError(f"labels: expected one integer a sample, got {'more' if given is missing else 'fewer'}.")
        yield given, None if label is None else _whole(label)


def _whole(label: Any) -> int:
    with contextlib.suppress(TypeError, ValueError, OverflowError):  # said below
        if int(label) == label:
            return int(label)
    raise InputError(f"labels: expected one integer a sample, got {label!r}. Number the classes 0, 1, 2 ...")


def sample_of(given: Any, canvas: Canvas) -> Array:
    """One sample as the victim takes it.

    Raises:
        InputError: wrong shape or dtype, NaN, or values outside the bounds.
    """
    sample = as_samples(np.asarray(_plain(given))[None], canvas.bounds)[0]
    check_sample(sample, canvas.shape, canvas.bounds)
    return sample


def _plain(sample: Any) -> Any:
    return sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample


def _drained(rejected: list[AttackResult]) -> Iterator[AttackResult]:
    while rejected:
        yield rejected.pop(0)


def _pool(session: Session, tasks: Iterator[Task], watch: Watch | None) -> Iterator[Finished]:
    assert not isinstance(session.agent, Agent)
    return run_pooled(
        session.agent, session.metered, session.canvas, session.rules, session.run, tasks, session.slots, watch
    )


def _drive(session: Session, tasks: Iterator[Task], watch: Watch | None) -> Iterator[Finished]:
    """Tick until every task is finished, refilling slots as they fall free."""
    agent = session.agent
    assert isinstance(agent, Agent)
    slots = Slots(session.metered, session.canvas, session.rules, session.slots)
    ask_order = getattr(agent, "order", lambda _: None)
    while True:
        for slot, task in zip(slots.where(EMPTY), tasks, strict=False):
            slots.load(int(slot), task)
        active = slots.where(ACTIVE)
        if not len(active) and not len(slots.where(FRESH)):
            return
        proposals: Ints = np.zeros((0, session.canvas.grid.cells), np.int16)
        if len(active):
            proposals = agent.propose(active, slots.observe(active), [slots.rngs[slot] for slot in active])
        tick = slots.tick(active, proposals, ask_order(active) if len(active) else None)
        if watch is not None:
            for slot in (*tick.started, *tick.asked):
                watch(slots.standing(int(slot)))
        if len(tick.asked):
            agent.learn(tick.asked, tick.plans, tick.answers, tick.accepted)
        over = np.intersect1d(tick.finished, active)
        if len(over):
            agent.stop(over)
        if len(tick.started):
            started = tick.started
            agent.start(
                started,
                slots.samples(started),
                slots.references[started],
                slots.answers(started),
                slots.context(started),
            )
        yield from (slots.take(int(slot)) for slot in tick.finished)
