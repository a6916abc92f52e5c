"""Attacks of other packages by name: built for every sample anew, with what the run says about distance and budget.

Where a package's loop ends before the budget does, it begins again. What its authors recommend is left as it is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brinkmap.arrays import RANKS, Array
from brinkmap.compare import from_art, from_autoattack, from_foolbox, from_torchattacks
from brinkmap.compare.foreign import Door, Foreign
from brinkmap.compare.lent import begun_again, distance_of
from brinkmap.errors import InputError, MissingExtra

__all__ = [
    "boundary",
    "geoda",
    "hopskipjump",
    "one_pixel_torchattacks",
    "pixle",
    "signopt",
    "simba_art",
    "square_art",
    "square_autoattack",
    "square_torchattacks",
]

WITHOUT_DEPENDENCIES = "pip install --no-deps torchattacks"
"""Its own ask for torchvision, which it does not use."""
SIMBA_STEP = 0.2
"""Of the paper, arXiv:1905.07121; the package has 0.1."""
START_STEPS = 50
"""Of the search for a first point, as foolbox has it where none is given."""
ONE_BY_ONE = 1
"""Questions at once, where a package has batches: what is left of one after a flip would be paid for nothing."""
EVERY: Mapping[int, tuple[int, ...]] = {}
SQUARE = {2: (10, 10)}
"""Extents that stand for those an attack takes, where it takes only some."""
GEODA_PLANS = range(251, 10**6)
"""ART has no plan for fewer than 251 queries."""


def _decides(factory: Callable[[], Foreign]) -> Callable[[], Foreign]:
    """Says of a factory that labels are enough for what it makes, so that it is named where labels are all there is."""
    factory.needs_scores = False  # type: ignore[attr-defined]
    return factory


def square_autoattack() -> Foreign:
    """Square of pyautoattack, its schedule set to the budget, at max_l2 or max_linf; pictures only."""
    square = _loaded("pyautoattack.square", "square-autoattack").SquareAttack

    def once(door: Door) -> Array:
        order, distance = distance_of(door, "square-autoattack")
        attack = square(None, norm=from_autoattack.NORMS[order], eps=distance, n_queries=door.run.budget)
        return from_autoattack.attacked(attack, door, "square-autoattack")

    return _foreign("square-autoattack", once, ranks=(2,), bounded=True, extents=SQUARE)


def square_art() -> Foreign:
    """Square of ART, its schedule set to the budget, at max_l2 or max_linf; square pictures only."""
    square = _loaded("art.attacks.evasion", "square-art").SquareAttack

    def once(door: Door) -> Array:
        _check_square(door, "square-art")
        order, distance = distance_of(door, "square-art")
        settings = {"norm": order, "eps": distance, "max_iter": door.run.budget, "verbose": False}
        return from_art.attacked(lambda estimator, _: square(estimator, **settings), door, "square-art")

    return _foreign("square-art", once, ranks=(2,), bounded=True, extents=SQUARE)


def square_torchattacks() -> Foreign:
    """Square of torchattacks, its schedule set to the budget, at max_l2 or max_linf; square pictures only."""
    square = _loaded("torchattacks", "square-torchattacks", WITHOUT_DEPENDENCIES).Square

    def once(door: Door) -> Array:
        _check_square(door, "square-torchattacks")
        order, distance = distance_of(door, "square-torchattacks")
        settings = {"norm": from_autoattack.NORMS[order], "eps": distance, "n_queries": door.run.budget}
        return from_torchattacks.attacked(square(_nobody(), **settings), door, "square-torchattacks")

    return _foreign("square-torchattacks", once, ranks=(2,), bounded=True, extents=SQUARE)


def simba_art() -> Foreign:
    """SimBA of ART, single values in random order, steps of 0.2; both signs are asked of every value."""
    simba = _loaded("art.attacks.evasion", "simba-art").SimBA

    def once(door: Door) -> Array:
        settings = {"attack": "px", "epsilon": SIMBA_STEP, "max_iter": door.run.budget, "verbose": False}
        return from_art.attacked(lambda estimator, _: simba(estimator, **settings), door, "simba-art")

    return _foreign("simba-art", once)


def pixle() -> Foreign:
    """Pixle of torchattacks: pixels copied over others at random, few of them but far; square pictures only."""
    made = _loaded("torchattacks", "pixle", WITHOUT_DEPENDENCIES).Pixle

    def once(door: Door) -> Array:
        _check_square(door, "pixle")
        return from_torchattacks.attacked(made(_nobody(), restarts=door.run.budget), door, "pixle")

    return _foreign("pixle", once, ranks=(2,), extents=SQUARE)


def one_pixel_torchattacks() -> Foreign:
    """One-pixel attack of torchattacks, by differential evolution; pictures only."""
    made = _loaded("torchattacks", "one-pixel-torchattacks", WITHOUT_DEPENDENCIES).OnePixel

    def once(door: Door) -> Array:
        attack = made(_nobody(), inf_batch=ONE_BY_ONE)
        return from_torchattacks.attacked(attack, door, "one-pixel-torchattacks")

    return _foreign("one-pixel-torchattacks", once, ranks=(2,))


@_decides
def hopskipjump() -> Foreign:
    """HopSkipJump of foolbox: labels only; nearer and nearer in L2, or in Linf where only that is bounded."""
    attacks = _loaded("foolbox.attacks", "hopskipjump")

    def once(door: Door) -> Array:
        attack = attacks.HopSkipJumpAttack(_start(attacks, door), steps=door.run.budget, constraint=_norm(door).lower())
        return from_foolbox.attacked(attack, door, "hopskipjump")

    return _foreign("hopskipjump", once, needs_scores=False)


@_decides
def boundary() -> Foreign:
    """Boundary attack of foolbox: labels only; a random walk along the boundary, nearer and nearer in L2."""
    attacks = _loaded("foolbox.attacks", "boundary")

    def once(door: Door) -> Array:
        return from_foolbox.attacked(attacks.BoundaryAttack(_start(attacks, door)), door, "boundary")

    return _foreign("boundary", once, needs_scores=False)


@_decides
def geoda() -> Foreign:
    """GeoDA of ART: labels only; normals of the boundary from low frequencies; square pictures only."""
    made = _loaded("art.attacks.evasion", "geoda").GeoDA

    def once(door: Door) -> Array:
        norm = {"L2": 2, "Linf": np.inf}[_norm(door)]

        def make(estimator: Any, _: Door) -> Any:
            return _planned(made, estimator, _queries(door), norm)

        return from_art.attacked(make, door, "geoda")

    return _foreign("geoda", once, needs_scores=False, ranks=(2,), extents=SQUARE)


@_decides
def signopt() -> Foreign:
    """Sign-OPT of ART: labels only; the direction in which the boundary is nearest in L2, from signs."""
    made = _loaded("art.attacks.evasion", "signopt").SignOPTAttack

    def once(door: Door) -> Array:
        settings = {"targeted": False, "max_iter": _queries(door), "query_limit": _queries(door)}
        return from_art.attacked(lambda estimator, _: made(estimator, **settings), door, "signopt")

    return _foreign("signopt", once, needs_scores=False)


def _foreign(
    name: str,
    once: Callable[[Door], Array],
    *,
    needs_scores: bool = True,
    ranks: tuple[int, ...] = tuple(RANKS),
    bounded: bool = False,
    extents: Mapping[int, tuple[int, ...]] = EVERY,
) -> Foreign:
    return Foreign(name, begun_again(once), needs_scores=needs_scores, ranks=ranks, bounded=bounded, extents=extents)


def _loaded(module: str, name: str, command: str | None = None) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"the attack {name}", "compare", command) from error


def _nobody() -> Any:
    """A torch module to build an attack with that is lent to the door before it asks anybody."""
    from torch import nn

    return nn.Linear(1, 1)


def _queries(door: Door) -> int:
    return door.run.budget + door.run.refine_budget


def _norm(door: Door) -> str:
    """What a search without a bound of its own comes nearer in."""
    return "Linf" if door.max_l2 is None and door.max_linf is not None else "L2"


def _start(attacks: Any, door: Door) -> Any:
    """The search for a first point, which gives up only with the budget."""
    return attacks.LinearSearchBlendedUniformNoiseAttack(directions=_queries(door), steps=START_STEPS)


def _check_square(door: Door, name: str) -> None:
    """That both sides of a picture are equal; what the package would say otherwise is about arrays."""
    height, width = door.clean.shape[1:]
    if height != width:
        raise InputError(f"{name}: attacks square pictures, got {height} x {width}.")


def _planned(made: Any, estimator: Any, queries: int, norm: float) -> Any:
    """GeoDA with a plan for so many queries, or for the next number that ART finds one for."""
    for number in GEODA_PLANS[max(0, queries - GEODA_PLANS.start) :]:
        try:
            return made(estimator, norm=norm, max_iter=number, batch_size=ONE_BY_ONE, verbose=False)
        except RecursionError:  # two lengths of the plan are tried in turn for ever
            continue
    raise InputError(f"geoda: no plan for {queries} queries.")
