"""`Run` as command-line flags and as TOML keys: made from its fields, so that nothing is stated twice."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import tyro

from brinkmap.data.settings_file import read_settings
from brinkmap.errors import InputError
from brinkmap.run import Run

__all__ = ["BenchmarkRunFlags", "ExplainRunFlags", "PoolRunFlags", "RunFlags", "TermFlags", "read_toml", "run_of"]

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
CALLED = {str: "a text", Path: "a text", int: "a whole number", float: "a number", bool: "true or false"}


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


def _flags(name: str, without: tuple[str, ...] = (), **defaults: Any) -> type:
    said = _docstrings(Run)
    fields = [
        (
            field.name,
            Annotated[TYPED.get(field.name, int), tyro.conf.arg(help=said[field.name])],
            dataclasses.field(default=defaults.get(field.name, () if field.name in MANY else field.default)),
        )
        for field in dataclasses.fields(Run)
        if field.name not in without
    ]
    return dataclasses.make_dataclass(name, fields, frozen=True, kw_only=True)


RunFlags: Any = _flags("RunFlags")
"""A dataclass with the fields of `Run` in types that a command line can hold."""
TermFlags: Any = _flags("TermFlags", without=("agent", "seed", "trace"), budget=200)
"""The same without what a comparison says for each of its attacks."""
BenchmarkRunFlags: Any = _flags("BenchmarkRunFlags", without=("trace", "criterion", "max_l2"), budget=300)
"""The same for a test set, whose samples are taken as far as they flip."""
PoolRunFlags: Any = _flags(
    "PoolRunFlags", without=("trace", "criterion", "quantise", "batch_size", "rate_limit", "slots", "seed"), budget=50
)
"""The same for samples to train on."""
ExplainRunFlags: Any = _flags("ExplainRunFlags", without=("trace", "criterion", "max_l2"))
"""The same for the attack that an explanation is read off: one bound, whatever moves the answer."""


def run_of(flags: Any, **more: Any) -> Run:
    """The `Run` behind flags, and what they leave open.

    Raises:
        InputError: a value that cannot work.
    """
    values = {field.name: getattr(flags, field.name) for field in dataclasses.fields(flags)} | more
    for name in ("patch", "max_l2"):
        values[name] = values.get(name) or None
    return Run(**values)


def read_toml(path: Path, known: dict[str, Any]) -> dict[str, Any]:
    """The keys of a TOML file, which are the long flags with _ or - alike.

    Args:
        path: the file.
        known: the keys that may be there and their types; a key that takes several values may have one.

    Raises:
        InputError: it cannot be read, or has a key that is no flag or a value of another type.
    """
    try:
        given = read_settings(path)
    except (OSError, ValueError) as error:
        raise InputError(f"config {path}: {error}.") from error
    values = {key.replace("-", "_"): value for key, value in given.items()}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"config {path}: unknown key {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    return {key: _read(value, known[key], f"config {path}: {key}") for key, value in values.items()}


def _read(value: Any, kind: Any, what: str) -> Any:
    """A TOML value as a flag of this type would hold it; a whole number will do for a number or a text."""
    options = [option for option in get_args(kind) if option is not type(None)]
    if get_origin(kind) is tuple:
        items = value if isinstance(value, list) else [value]
        if options[-1] is not Ellipsis and len(items) != len(options):
            raise InputError(f"{what}: expected {len(options)} values, got {value!r}.")
        return tuple(_read(item, options[0], what) for item in items)
    if options:
        return _read(value, options[0], what)
    if type(value) is kind or (type(value), kind) in ((int, float), (int, str), (str, Path)):
        return kind(value)
    raise InputError(f"{what}: expected {CALLED[kind]}, got {value!r}.")
