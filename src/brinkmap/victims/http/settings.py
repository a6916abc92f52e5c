"""Victims behind HTTP from what is typed or kept in a file: a URL, or `victim.toml`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from brinkmap.data.settings_file import read_settings
from brinkmap.errors import InputError, VictimError
from brinkmap.victims.http.dialect import Dialect
from brinkmap.victims.http.endpoint import Endpoint
from brinkmap.victims.http.open_inference import OpenInference
from brinkmap.victims.http.template import JsonTemplate
from brinkmap.victims.http.victim import HttpVictim

__all__ = ["victim_at", "victim_from_file"]

PLACE = [one.name for one in fields(Endpoint)]
READING = ["shape", "classes", "bounds", "outputs", "mean", "std", "unit", "rate_hz"]
DIALECTS: dict[str, tuple[type[OpenInference] | type[JsonTemplate], list[str]]] = {
    "oip": (OpenInference, ["input", "output", "tensors"]),
    "json": (JsonTemplate, ["template", "scores", "ids"]),
}


def victim_at(url: str, **stated: Any) -> HttpVictim:
    """The model at a URL that speaks the Open Inference Protocol.

    Args:
        url: `http://host:port/v2/models/NAME`, without a query: what is typed ends up in reports and histories.
        stated: as `HttpVictim` takes it.

    Raises:
        InputError: the URL has a query, or is no model's.
        VictimError: the service does not answer.
    """
    if "?" in url:
        raise InputError("url: expected none with a query on a command line. Put it into a victim.toml: url = ...")
    return HttpVictim(url, OpenInference(), **stated)


def victim_from_file(path: str | Path, **stated: Any) -> HttpVictim:
    """The model that a TOML file describes.

    Args:
        path: the file. `protocol` is "oip" (the default) or "json"; the other keys are the arguments of `Endpoint`,
            of `OpenInference` or `JsonTemplate`, and of `HttpVictim`. `ca` is relative to the file.
        stated: as `HttpVictim` takes it; goes before the file.

    Raises:
        InputError: no such file, no TOML, an unknown key, or a value that cannot work.
        VictimError: the service does not answer.
    """
    path = Path(path)
    try:
        given = read_settings(path)
    except OSError as error:
        raise InputError(f"victim {path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"victim {path}: not a TOML file: {error}.") from None
    try:
        return _made(path.parent, given, stated)
    except (InputError, VictimError) as error:
        raise type(error)(f"victim {path}: {error}") from error


def _made(folder: Path, given: dict[str, Any], stated: dict[str, Any]) -> HttpVictim:
    protocol = given.pop("protocol", "oip")
    if protocol not in DIALECTS:
        raise InputError(f"protocol: expected {' or '.join(DIALECTS)}, got {protocol!r}. Others are asked from Python.")
    kind, own = DIALECTS[protocol]
    unknown = sorted(set(given) - {*PLACE, *READING, *own})
    if unknown:
        known = ", ".join(sorted(["protocol", *PLACE, *READING, *own]))
        raise InputError(f"unknown key {', '.join(unknown)} for protocol {protocol}. Known: {known}.")
    needed = ["url", *(("template", "scores") if protocol == "json" else ())]
    for key in needed:
        if not isinstance(given.get(key), str):
            raise InputError(f"{key}: expected a text, got {given.get(key)!r}. State it.")
    if isinstance(given.get("ca"), str):
        given["ca"] = folder / given["ca"]
    for key in ("shape", "bounds"):
        if isinstance(given.get(key), list):
            given[key] = tuple(given[key])
    dialect: Dialect = kind(**{key: given[key] for key in own if key in given})
    endpoint = Endpoint(**{key: given[key] for key in PLACE if key in given})
    return HttpVictim(endpoint, dialect, **({key: given[key] for key in READING if key in given} | stated))
