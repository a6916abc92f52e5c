"""`Run` as command-line flags and as TOML keys: made from its fields, so that nothing is stated twice."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import tomllib
from pathlib import Path
from typing import Annotated, Any

import tyro

from brinkmap.errors import InputError
from brinkmap.run import Run

__all__ = ["RunFlags", "read_toml", "run_of"]

TYPED = {
    "agent": str,
    "distortions": tuple[str, ...],
    "patch": tuple[str, ...],
    "max_l2": tuple[float, ...],
    "max_linf": float | None,
    "criterion": str,
    "quantise": int | None,
    "batch_size": int | None,
    "rate_limit": float | None,
    "trace": bool,
}
"""What the fields of `Run` are on a command line; those left out are integers."""
MANY = ("distortions", "patch", "max_l2")
"""Fields that take several values; none given is an empty tuple."""


def _docstrings(of: type) -> dict[str, str]:
    """The string that stands below each field of a dataclass."""
    [body] = [node for node in ast.parse(textwrap.dedent(inspect.getsource(of))).body if isinstance(node, ast.ClassDef)]
    pairs = zip(body.body, body.body[1:], strict=False)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairs
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }  # fmt: skip


def _flags() -> type:
    said = _docstrings(Run)
    fields = [
        (
            field.name,
            Annotated[TYPED.get(field.name, int), tyro.conf.arg(help=said[field.name])],
            dataclasses.field(default=() if field.name in MANY else field.default),
        )
        for field in dataclasses.fields(Run)
    ]
    return dataclasses.make_dataclass("RunFlags", fields, frozen=True, kw_only=True)


RunFlags: Any = _flags()
"""A dataclass with the fields of `Run` in types that a command line can hold."""


def run_of(flags: Any) -> Run:
    """The `Run` behind flags.

    Raises:
        InputError: a value that cannot work.
    """
    values = {field.name: getattr(flags, field.name) for field in dataclasses.fields(Run)}
    values["patch"] = values["patch"] or None
    values["max_l2"] = values["max_l2"] or None
    return Run(**values)


def read_toml(path: Path, known: dict[str, type]) -> dict[str, Any]:
    """The keys of a TOML file, which are the long flags with _ or - alike.

    Args:
        path: the file.
        known: the keys that may be there and their types; a key that takes several values may have one.

    Raises:
        InputError: it cannot be read, or has a key that is no flag.
    """
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"config {path}: {error}.") from error
    values = {key.replace("-", "_"): value for key, value in given.items()}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"config {path}: unknown key {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    return {key: _typed(path, key, value, key in MANY) for key, value in values.items()}


def _typed(path: Path, key: str, value: Any, many: bool) -> Any:
    if isinstance(value, dict):
        raise InputError(f"config {path}: {key} is a table; keys stand at the top level.")
    if not many:
        return value
    items = value if isinstance(value, list) else [value]
    return tuple(float(item) if key == "max_l2" else str(item) for item in items)
