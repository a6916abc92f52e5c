"""Suites as TOML files: victims, data and attacks by name, paths relative to the file.

title = "Digits under L2"
against = "square"
samples = 100
seeds = [0, 1]

[run]                    # for all attacks, in the words of `brinkmap audit`
budget = 200
max_l2 = [1.0, 2.0]

[[victim]]
name = "digits CNN"
victim = "digits"        # as `brinkmap audit --victim` takes it
data = "digits"          # as --data takes it, or file.py:function returning samples and labels

[[attack]]
name = "square"
agent = "square"         # any key of [run] may stand here too
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brinkmap.compare.suite import Contender, Suite, Target
from brinkmap.data import load_data
from brinkmap.data.settings_file import read_settings
from brinkmap.errors import InputError
from brinkmap.registry import resolve
from brinkmap.run import Run
from brinkmap.victims import load_victim

__all__ = ["read_suite", "target_of"]

TOP = {"title", "note", "against", "samples", "seeds", "run", "victim", "attack"}
VICTIM = {"name", "victim", "data", "mean", "std", "bounds", "outputs", "rate_hz", "unit", "facts"}
WRAPPED = ("mean", "std", "bounds", "outputs", "rate_hz", "unit")
OWN = {"name", "note"}
"""Keys of an attack that are not settings of its run."""


def read_suite(path: Path) -> Suite:
    """The suite that a TOML file states.

    Raises:
        InputError: it cannot be read, has a key that nothing reads, or settings that cannot work.
    """
    try:
        given = read_settings(path)
    except (OSError, ValueError) as error:
        raise InputError(f"suite {path}: {error}.") from error
    _check_keys(path, "", given, TOP)
    common = given.get("run", {})
    return Suite(
        title=given.get("title", path.stem),
        note=given.get("note", ""),
        targets=[_target(path, one) for one in given.get("victim", [])],
        contenders=[_contender(path, common, one) for one in given.get("attack", [])],
        seeds=given.get("seeds", [0]),
        samples=given.get("samples", 100),
        against=given.get("against"),
    )


def _target(path: Path, given: Mapping[str, Any]) -> Target:
    _check_keys(path, "victim", given, VICTIM)
    for key in ("victim", "data"):
        if key not in given:
            raise InputError(f"suite {path}: a [[victim]] without {key}. State victim and data.")
    stated = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items() if key in WRAPPED}
    return target_of(
        given.get("name", given["victim"]),
        _placed(given["victim"], path.parent),
        _placed(given["data"], path.parent),
        stated,
        given.get("facts", {}),
        source=f"{given['victim']}, {given['data']}",
    )


def target_of(
    name: str, victim: str, data: str, stated: Mapping[str, Any] | None = None, facts: Mapping[str, Any] | None = None,
    *, source: str = "",
) -> Target:  # fmt: skip
    """A victim and its data from what is typed on a command line.

    Args:
        name: in tables.
        victim: as `load_victim` takes it.
        data: as `load_data` takes it, or file.py:function and package.module:function returning samples and labels.
        stated: further arguments of `load_victim`.
        facts: what a table shows of it.
        source: what tells it from other victims and data; none given means both as they are named here.
    """

    def load() -> tuple[Any, Any, Any]:
        made = load_victim(victim, **(stated or {}))
        if ":" in data:
            return (made, *resolve("data", data)())
        held = load_data(data)
        return made, [*held], held.labels

    named = [source or f"{victim}, {data}", *(f"{key}={value}" for key, value in (stated or {}).items())]
    return Target(name=name, load=load, facts=facts or {}, source=", ".join(named))


def _contender(path: Path, common: Mapping[str, Any], given: Mapping[str, Any]) -> Contender:
    known = OWN | set(Run.__dataclass_fields__)
    _check_keys(path, "attack", given, known)
    settings = {**common, **{key: value for key, value in given.items() if key not in OWN}}
    _check_keys(path, "run", settings, known)
    if "agent" not in settings:
        raise InputError(f"suite {path}: an [[attack]] without agent. Name one of `brinkmap list`.")
    agent = settings["agent"]
    settings["agent"] = _placed(agent, path.parent)
    for bound in ("max_l2", "max_linf"):
        if settings.get(bound) == 0:  # TOML knows no null: 0 takes back a bound of [run]
            settings[bound] = None
    try:
        return Contender(name=given.get("name", agent), run=Run(**settings), note=given.get("note", ""))
    except InputError as error:
        raise InputError(f"suite {path}: attack {given.get('name', agent)!r}: {error}") from error


def _placed(reference: str, folder: Path) -> str:
    """A file named relative to the suite, as a path that holds from anywhere; other names as they are."""
    place, colon, rest = reference.partition(":")
    path = folder / place
    return f"{path}{colon}{rest}" if path.exists() and place not in ("", "digits") else reference


def _check_keys(path: Path, where: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, Mapping):
        raise InputError(f"suite {path}: expected a table {where}, got {given!r}.")
    unknown = sorted(set(given) - known)
    if unknown:
        place = f" in {where}" if where else ""
        raise InputError(f"suite {path}: unknown key {', '.join(unknown)}{place}. Known: {', '.join(sorted(known))}.")
