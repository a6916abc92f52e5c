"""From what a user names to the distortions an attack may use."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from brinkmap.distortions.lift import lift
from brinkmap.distortions.protocol import Distortion, Family, Medium
from brinkmap.errors import InputError
from brinkmap.registry import entries, resolve

__all__ = ["NATURAL", "arsenal", "members"]

NATURAL = ("gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate")
"""What is used where nothing is said: the four filters of the RLAB papers."""


def arsenal(wanted: Sequence[str | Distortion | Family | Callable[..., Any]], medium: Medium) -> tuple[Distortion, ...]:
    """The distortions behind names and objects, families spelt out for this medium.

    Args:
        wanted: registered names, members of families by name (`tint+-+`, `powerline-50`), references, or distortions
            themselves: objects, classes that need no argument, functions of (content, level, rng) or (sample, level,
            rng, grid).
        medium: what the samples are.

    Raises:
        InputError: an unknown name, an object that is no distortion, one that does not work on this rank, or the
            same name twice, or one that needs a sampling rate that the victim does not say.
    """
    found: list[Distortion] = []
    for item in wanted:
        found += members(item, medium)
    rank = len(medium.shape) - 1
    for distortion in found:
        if rank not in distortion.ranks:
            raise InputError(
                f"distortion {distortion.name!r} works on samples of rank {distortion.ranks}, these are of rank {rank} "
                f"(shape {medium.shape}). Leave it out."
            )
    names = [distortion.name for distortion in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"distortions: {twice} given more than once. Give each name once.")
    if not found:
        raise InputError("distortions: expected at least one, got none.")
    return tuple(found)


def members(item: Any, medium: Medium) -> tuple[Distortion, ...]:
    """What one name or object stands for: the distortions of a family, or the one that it is.

    Raises:
        InputError: nothing goes by that name, or it is no distortion.
    """
    if isinstance(item, str):
        signs = re.fullmatch(r"(\w+?)([+\-0]*[+\-][+\-0]*)", item)
        if signs:
            return (_member(item, members(signs[1], medium), medium.shape),)
        named = None if ":" in item else _member_of_any_family(item, medium)
        item = resolve("distortion", item) if named is None else named
    if isinstance(item, Family):
        return item.members(medium)
    if isinstance(item, type):
        item = item()
    if not isinstance(item, Distortion) and callable(item):
        item = lift(item)
    if not isinstance(item, Distortion):
        raise InputError(
            f"distortion: expected an object with name, levels, ranks, natural and paint(), or a function, got "
            f"{item!r}. See brinkmap.testing.check_distortion."
        )
    return (item,)


def _member_of_any_family(name: str, medium: Medium) -> Distortion | None:
    """The member of a registered family that goes by this name, such as `powerline-50`; None where none does."""
    names = [entry.name for entry in entries("distortion")]
    if name in names:
        return None
    for one in names:
        with contextlib.suppress(InputError):  # a family of signals where there is no rate, or one that does not load
            family = resolve("distortion", one)
            found = family.members(medium) if isinstance(family, Family) else ()
            for member in found:
                if member.name == name:
                    return member
    return None


def _member(name: str, members: Sequence[Distortion], shape: tuple[int, ...]) -> Distortion:
    for member in members:
        if member.name == name:
            return member
    known = ", ".join(member.name for member in members)
    raise InputError(f"distortion {name!r} does not fit {shape[0]} channels. Those that do: {known}.")
