"""Names to objects, at the edge: entry points, `package.module:name` and `path/to/file.py:name`.

Nothing here imports a plug-in until it is asked for by name, so lower layers never import upward.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from brinkmap.errors import BrinkmapError, InputError

__all__ = ["Entry", "entries", "is_registered", "resolve"]

KINDS = {kind: f"brinkmap.{kind}s" for kind in ("agent", "distortion", "explainer", "victim")}


@dataclass(frozen=True)
class Entry:
    """One registered name with the line that describes it."""

    name: str
    description: str


def entries(kind: str) -> list[Entry]:
    """Every registered `agent`, `distortion`, `explainer` or `victim`, by name; one whose import fails says why."""
    found = []
    for point in sorted(_points(kind).values(), key=lambda point: point.name):
        try:
            text = (point.load().__doc__ or "").strip().splitlines()
        except Exception as error:
            text = [f"(not available: {error})"]
        found.append(Entry(point.name, text[0] if text else ""))
    return found


def is_registered(kind: str, name: str) -> bool:
    """Whether a plug-in goes by this name; it is not imported."""
    return name in _points(kind)


def resolve(kind: str, name: str) -> Any:
    """The object that a name stands for.

    Args:
        kind: `agent`, `distortion`, `explainer` or `victim`.
        name: a registered name, `package.module:name` or `path/to/file.py:name`.

    Raises:
        InputError: nothing goes by that name (the message lists what does), or loading what does failed.
    """
    if ":" in name:
        return _from_reference(kind, name)
    points = _points(kind)
    if name not in points:
        known = ", ".join(sorted(points))
        raise InputError(
            f"unknown {kind} {name!r}. Known: {known}. "
            "Your own is given as package.module:name or path/to/file.py:name."
        )
    try:
        return points[name].load()
    except BrinkmapError:
        raise
    except Exception as error:
        raise InputError(f"{kind} {name!r} cannot be loaded: {type(error).__name__}: {error}.") from error


def _points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=KINDS[kind])}


def _from_reference(kind: str, reference: str) -> Any:
    place, _, attribute = reference.rpartition(":")
    module = _module_from_file(kind, Path(place)) if place.endswith(".py") else _module_by_name(kind, place)
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            names = ", ".join(name for name in vars(module) if not name.startswith("_"))
            raise InputError(f"{kind} {reference!r}: {place} has no {attribute!r}. It has: {names}.")
        value = getattr(value, part)
    return value


def _module_by_name(kind: str, name: str) -> Any:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{kind}: cannot import {name!r}: {reason}. Give package.module:name.") from error


def _module_from_file(kind: str, path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{kind}: no such file: {path}. Give path/to/file.py:name.")
    name = f"brinkmap_plugin_{path.stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{kind}: {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(name, None)
        raise InputError(f"{kind}: {path} failed to run: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module
