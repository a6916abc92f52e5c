"""What the page offers: victims with what fits each of them, and samples that come with Brinkmap or the operator."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from brinkmap.agents.saved import SUFFIX
from brinkmap.arrays import RANKS, Array, Bounds
from brinkmap.data import DataSet, load_data
from brinkmap.data.known_beats import MV_BOUNDS
from brinkmap.data.load import DIGITS, KNOWN
from brinkmap.distortions import NATURAL, Medium
from brinkmap.distortions.arsenal import members
from brinkmap.errors import BrinkmapError, InputError
from brinkmap.registry import entries
from brinkmap.session import agent_of
from brinkmap.ui.limits import Refused
from brinkmap.ui.shown import shown_sample
from brinkmap.victims import Victim, load_victim
from brinkmap.victims.protocol import unit_of

__all__ = ["Catalogue", "Offer", "SampleSet", "catalogue_of", "given_set"]

FIRST = ("digits-on-textures", "digits", "abnormal-beats", "moving-digits")
"""The victims that come with Brinkmap, in the order that the page lists them; others follow by name."""
SAMPLES = 12
"""Samples of a set that are offered."""
MILLIVOLTS = {"abnormal-beats": MV_BOUNDS}
"""The millivolts that stand at the bounds of victims which are asked in no unit."""


@dataclass(frozen=True, eq=False)
class Offer:
    """One victim, or why it is not to be had."""

    name: str
    about: str
    victim: Victim | None
    problem: str = ""
    class_names: tuple[str, ...] = ()
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """(c, *extent) of its samples, where it says so."""
        return None if self.victim is None or self.victim.shape is None else tuple(self.victim.shape)

    @property
    def millivolts(self) -> Bounds | None:
        """What stands at its bounds, in mV; None where its samples are not known to be millivolts."""
        assert self.victim is not None
        return self.victim.bounds if unit_of(self.victim) == "mV" else MILLIVOLTS.get(self.name)

    def called(self, label: int) -> str:
        """A class by name, or by number where names are not known."""
        return self.class_names[label] if label < len(self.class_names) else f"class {label}"

    @cached_property
    def filters(self) -> list[dict[str, Any]]:
        """The distortions that work on its samples."""
        if self.victim is None or self.shape is None:
            return [{"name": name, "about": "", "natural": True, "usual": True} for name in NATURAL]
        medium = Medium(self.shape, getattr(self.victim, "rate_hz", None))
        found = [(entry, _natural(entry.name, medium)) for entry in entries("distortion")]
        listed = [
            {"name": entry.name, "about": entry.description, "natural": natural, "usual": entry.name in NATURAL}
            for entry, natural in found
            if natural is not None
        ]
        return sorted(listed, key=lambda one: (not one["usual"], not one["natural"]))

    def told(self) -> dict[str, Any]:
        """What the page's list says of it."""
        victim, shape = self.victim, self.shape
        return {
            "name": self.name, "about": self.about, "problem": self.problem, "shape": shape,
            "rank": len(shape) - 1 if shape else None,
            "rate_hz": getattr(victim, "rate_hz", None), "unit": unit_of(victim) if victim is not None else "",
            "millivolts": self.millivolts if victim is not None else None,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Samples that may be picked by number."""

    name: str
    samples: Array
    """(n, c, *extent)."""
    names: tuple[str, ...]
    bounds: Bounds

    @cached_property
    def told(self) -> dict[str, Any]:
        """The samples as the page lists them: clips by their middle frame."""
        thumbs = [
            shown_sample(sample[:, sample.shape[1] // 2] if sample.ndim == 4 else sample, self.bounds)
            for sample in self.samples
        ]
        listed = [{"name": name, "shown": thumb} for name, thumb in zip(self.names, thumbs, strict=True)]
        return {"name": self.name, "samples": listed}


class Catalogue:
    """Victims by name, and sets of samples by name.

    Args:
        offers: the victims.
        sets: the samples.
    """

    def __init__(self, offers: Sequence[Offer], sets: Sequence[SampleSet]) -> None:
        self.offers = {offer.name: offer for offer in offers}
        self.sets = {one.name: one for one in sets}
        self.agents = [entry for entry in entries("agent") if not entry.description.startswith("(not available")]

    def offer(self, name: str) -> Offer:
        """The victim of a name, if it is to be had.

        Raises:
            Refused: it is not.
        """
        offer = self.offers.get(name)
        if offer is None:
            raise Refused(404, "This server offers no such victim.")
        if offer.victim is None:
            raise Refused(422, f"{name}: {offer.problem}")
        return offer

    def sample(self, name: str, index: int) -> tuple[str, str, Array]:
        """One sample of a set: what it is called, where it is from, and its values.

        Raises:
            Refused: there is none.
        """
        found = self.sets.get(name)
        if found is None or not 0 <= index < len(found.samples):
            raise Refused(404, "This server offers no such sample.")
        return found.names[index], f"no. {index} of {found.name}", found.samples[index]

    def fitting(self, offer: Offer) -> dict[str, Any]:
        """What goes with a victim: agents, filters and samples."""
        shape = offer.shape
        sets = [one.told for one in self.sets.values() if shape is None or one.samples.shape[1:] == shape]
        own = sorted(sets, key=lambda one: one["name"] != offer.name)
        agents = [
            {"name": entry.name, "about": entry.description}
            for entry in self.agents
            if shape is None or len(shape) - 1 in _ranks(entry.name)
        ]
        return {"filters": offer.filters, "agents": agents, "sets": own}

    def warm(self) -> None:
        """Find out in advance what takes seconds: some agents import large packages."""
        for offer in self.offers.values():
            self.fitting(offer)


def catalogue_of(
    given: Mapping[str, Victim], class_names: Sequence[str] = (), sets: Sequence[SampleSet] = ()
) -> Catalogue:
    """What comes with Brinkmap and its plug-ins, after what the operator gave.

    Args:
        given: the operator's victims by the name that the page shows.
        class_names: what their classes are called.
        sets: the operator's samples.
    """
    own = [
        Offer(name, "Given by whoever runs this page.", victim, "", tuple(class_names))
        for name, victim in given.items()
    ]
    known = sorted(
        entries("victim"), key=lambda entry: (FIRST.index(entry.name) if entry.name in FIRST else 99, entry.name)
    )
    found: list[SampleSet] = [*sets]
    for entry in known:
        offer, its = _registered(entry.name, entry.description)
        own += [offer] if offer.name not in given else []
        found += [its] if its is not None else []
    return Catalogue(own, found)


def given_set(name: str, data: DataSet, bounds: Bounds) -> SampleSet:
    """The operator's samples as a set."""
    samples = data.stacked(bounds)
    names = tuple(_named(data, row) for row in range(len(samples)))
    return SampleSet(name, samples, names, bounds)


def _registered(name: str, about: str) -> tuple[Offer, SampleSet | None]:
    """A registered victim and the samples of its name, each as far as it is to be had."""
    try:
        victim = load_victim(name)
    except BrinkmapError as error:
        return Offer(name, about, None, " ".join(str(error).split())), None
    if name not in (*DIGITS, *KNOWN):
        return Offer(name, about, victim), None
    try:
        data = load_data(name, limit=SAMPLES)
    except BrinkmapError:  # samples need an extra of their own; the victim takes uploads all the same
        return Offer(name, about, victim), None
    return Offer(name, about, victim, "", data.class_names or ()), given_set(name, data, victim.bounds)


def _named(data: DataSet, row: int) -> str:
    if data.labels is None or data.class_names is None:
        return data.names[row]
    label = data.class_names[int(data.labels[row])]
    return label if data.names[row] == str(row) else f"{data.names[row]} ({label})"


def _natural(name: str, medium: Medium) -> bool | None:
    """Whether a filter is natural; None where it does not fit."""
    try:
        found = members(name, medium)
    except (InputError, ImportError):
        return None
    fits = found and all(len(medium.shape) - 1 in one.ranks for one in found)
    return all(one.natural for one in found) if fits else None


@cache
def _ranks(name: str) -> Sequence[int]:
    """The ranks that an agent may be set on, as far as it says before it has seen a sample."""
    assert not name.endswith(SUFFIX)
    try:
        return tuple(getattr(agent_of(name), "ranks", RANKS))
    except BrinkmapError:
        return ()
