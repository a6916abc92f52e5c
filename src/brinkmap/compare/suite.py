"""What is compared: attacks by name, victims with their samples, and the cells that the two make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brinkmap.arrays import Array, Ints, as_samples, check_bounds
from brinkmap.errors import InputError
from brinkmap.run import Run
from brinkmap.victims.metered import Metered
from brinkmap.victims.protocol import Victim

__all__ = ["Cell", "Contender", "Loaded", "Suite", "Target"]

CHUNK = 64
"""Samples of a batch when the ones that a victim gets right are looked for."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """An attack and how it is run: bound and budget are those of all, filters and patches its own."""

    name: str
    """In tables and curves."""
    run: Run
    note: str = ""
    """What a reader has to know beside its figures: training queries, a surrogate, a departure from its paper."""


@dataclass(frozen=True)
class Loaded:
    """A victim with the samples on which all attacks are compared."""

    victim: Victim
    samples: Array
    """(n, c, *extent) float32."""
    labels: Ints
    """(n,)."""
    clean_accuracy: float
    """Share of the samples looked at that it gets right."""
    selection_queries: int
    """What looking at them has cost, once for all attacks together."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A victim, and the samples it is attacked on."""

    name: str
    load: Callable[[], tuple[Victim, Any, Any]]
    """Makes victim, samples and labels; called when it is their turn."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a table shows of it: kind, parameters, licence."""
    source: str = ""
    """What victim and data are, as they were named: cells of another source belong to another comparison."""

    def loaded(self, count: int | None) -> Loaded:
        """The victim, and of its samples the first `count` that it gets right; all samples for None.

        Raises:
            InputError: there are no labels, or it gets not one sample right.
        """
        victim, given, labels = self.load()
        samples = as_samples(np.asarray(given), check_bounds(victim.bounds))
        if labels is None:
            raise InputError(f"victim {self.name!r}: its data have no labels, and attacks are compared on samples "
                             "that it gets right. Give labels.")  # fmt: skip
        labels = np.asarray(labels)
        right, queries = _right(victim, samples, labels, count)
        if not right.any():
            raise InputError(f"victim {self.name!r}: it gets not one of {len(right)} samples right.")
        chosen = np.flatnonzero(right)[:count] if count is not None else np.arange(len(right))
        return Loaded(victim, samples[chosen], labels[chosen], float(right.mean()), queries)


def _right(victim: Victim, samples: Array, labels: Ints, count: int | None) -> tuple[np.ndarray, int]:
    """(k,) bool: whether it gets the first k samples right, no more than it takes to find `count`; and the queries."""
    metered, right = Metered(victim, largest_batch=CHUNK, batch_size=CHUNK), np.zeros(0, bool)
    for begin in range(0, len(samples), CHUNK):
        part = slice(begin, min(begin + CHUNK, len(samples)))
        answers = metered.ask_once(range(part.start, part.stop), samples[part].copy())
        found = answers.probabilities.argmax(axis=1) == labels[part]
        found[list(answers.failed)] = False
        right = np.append(right, found)
        if count is not None and right.sum() >= count:
            break
    return right, metered.ledger.total


@dataclass(frozen=True)
class Cell:
    """One attack on one victim under one bound with one seed."""

    target: Target
    contender: Contender
    run: Run
    """With a single bound and this seed."""

    @property
    def bound(self) -> str:
        """The bound in words: what is compared with one another has the same."""
        l2 = self.run.l2_bounds[0]
        said = [f"L2 <= {l2:g}"] if l2 is not None else []
        said += [f"Linf <= {self.run.max_linf:g}"] if self.run.max_linf is not None else []
        return ", ".join(said) or "no bound"

    @property
    def folder(self) -> str:
        """Where its results are kept, within the comparison's folder."""
        parts = (self.target.name, self.contender.name, self.bound.replace("<= ", ""), f"seed {self.run.seed}")
        return "/".join("".join(char if char.isalnum() or char in ".-" else "_" for char in part) for part in parts)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Attacks, victims and the terms that all of them meet on.

    Raises:
        InputError: nothing to compare, a name given twice, or a reference that is not among the attacks.
    """

    title: str
    targets: Sequence[Target]
    contenders: Sequence[Contender]
    seeds: Sequence[int] = (0,)
    """Each attack is run with every one of these."""
    samples: int | None = 100
    """So many samples that the victim gets right; None for all its samples, misclassified ones skipped."""
    against: str | None = None
    """The attack that paired differences are taken to; none given means the first."""
    note: str = ""
    """Shown above the tables."""

    def __post_init__(self) -> None:
        for what, named in (("victim", self.targets), ("attack", self.contenders)):
            names = [one.name for one in named]
            if not names:
                raise InputError(f"suite {self.title!r}: expected at least one {what}, got none.")
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise InputError(f"suite {self.title!r}: {what} {', '.join(twice)} given twice. Name each once.")
        if not self.seeds:
            raise InputError(f"suite {self.title!r}: expected at least one seed, got none.")
        if self.samples is not None and self.samples < 1:
            raise InputError(f"samples: expected at least 1, got {self.samples}.")
        self.only("attack", [self.against] if self.against else [])

    @property
    def reference(self) -> str:
        """The attack that differences are taken to."""
        return self.against or self.contenders[0].name

    def cells(self) -> Iterator[Cell]:
        """Every cell, victim by victim."""
        for target in self.targets:
            for contender in self.contenders:
                for bound in contender.run.l2_bounds:
                    for seed in self.seeds:
                        yield Cell(target, contender, dataclasses.replace(contender.run, max_l2=bound, seed=seed))

    def only(self, what: str, names: Sequence[str]) -> Suite:
        """The same with only these victims or attacks; all of them where none is named.

        Raises:
            InputError: one of them is not there.
        """
        field_name = {"victim": "targets", "attack": "contenders"}[what]
        there = getattr(self, field_name)
        unknown = sorted(set(names) - {one.name for one in there})
        if unknown:
            known = ", ".join(one.name for one in there)
            raise InputError(f"suite {self.title!r}: no {what} {', '.join(unknown)}. It has: {known}.")
        kept = [one for one in there if not names or one.name in names]
        changes: dict[str, Any] = {field_name: kept}
        if what == "attack" and self.against not in {one.name for one in kept}:
            changes["against"] = None
        return self if len(kept) == len(there) else dataclasses.replace(self, **changes)
