"""What a test set's folder says it holds: one JSON file, written last, that claims nothing which is not there."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from brinkmap.errors import InputError
from brinkmap.files import write_json

__all__ = ["Manifest", "Part", "checksum_of", "read_manifest", "write_manifest"]

NAME = "manifest.json"
KIND = "brinkmap-benchmark"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a file of the set may be called: nothing that leads out of its folder."""


@dataclass(frozen=True)
class Part:
    """One file of samples."""

    file: str
    """Its name beside the manifest."""
    sha256: str
    rows: int
    distortion: str
    """Empty for the clean samples."""
    severity: str
    """Empty likewise."""
    content: str = ""
    """SHA-256 of the samples' own bits, however the file packs them."""


@dataclass(frozen=True)
class Manifest:
    """A test set: where it is from, how it was made, and its files with their checksums."""

    name: str
    made_with: str
    """The version of Brinkmap."""
    source: str
    source_sha256: str
    licence: str
    victim: str
    """Whom the samples were flipped on."""
    victim_sha256: str
    agent: str
    agent_sha256: str
    settings: dict[str, Any]
    """Budget, patch, seed and what else the attacks ran under."""
    shape: tuple[int, ...]
    bounds: tuple[float, float]
    classes: tuple[str, ...] | None
    samples: int
    left_out: dict[str, str]
    """Samples by index that are not in it, each with the reason."""
    queries: int
    """What the making cost."""
    parts: tuple[Part, ...]
    rate_hz: float | None = None
    """Of signals."""
    plans_sha256: str = ""
    """Of `plans.npz`, which the set can be rendered from again; empty for sets of older versions."""

    @property
    def distortions(self) -> tuple[str, ...]:
        """By name, in order."""
        return tuple(dict.fromkeys(part.distortion for part in self.parts if part.distortion))

    @property
    def severities(self) -> tuple[str, ...]:
        """By name, in order."""
        return tuple(dict.fromkeys(part.severity for part in self.parts if part.severity))


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """The manifest, once all of its files are there and hold what it says.

    Raises:
        InputError: one of them is not.
    """
    for part in manifest.parts:
        path = folder / part.file
        if not path.is_file() or checksum_of(path) != part.sha256:
            raise InputError(f"{path}: not there, or not as it was written. Make the set again in another folder.")
    write_json(folder / NAME, {"kind": KIND, **asdict(manifest)})
    return folder / NAME


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; that its files are as it says is seen to when they are read.

    Raises:
        InputError: there is none, or it is none of ours.
    """
    path = folder / NAME
    try:
        told = json.loads(path.read_text())
        if told.pop("kind") != KIND:
            raise KeyError("kind")
        told["parts"] = tuple(Part(**part) for part in told["parts"])
        for name, kind in (("shape", int), ("bounds", float), ("classes", str)):
            told[name] = None if told[name] is None else tuple(kind(one) for one in told[name])
        known = [field.name for field in fields(Manifest) if field.name in told or field.default is MISSING]
        manifest = Manifest(**{name: told[name] for name in known})
        _check_types(manifest)
    except FileNotFoundError:
        raise InputError(
            f"{folder}: no {NAME} in it, so it is no test set, or its making did not end. Run the same command again."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise InputError(f"{path}: no manifest of a test set: {type(error).__name__}: {error}.") from error
    for part in manifest.parts:
        if not PLAIN.fullmatch(part.file) or (folder / part.file).resolve().parent != folder.resolve():
            raise InputError(f"{path}: names the file {part.file!r}, which is not beside it. Do not use this set.")
    return manifest


def _check_types(manifest: Manifest) -> None:
    """That texts are texts and numbers are numbers, since everything that follows takes them for such."""
    every: list[Manifest | Part] = [manifest, *manifest.parts]
    for told in every:
        for field in fields(told):
            wanted = {"str": str, "int": int}.get(str(field.type))
            if wanted and not isinstance(getattr(told, field.name), wanted):
                raise TypeError(f"{field.name}: expected {field.type}, got {getattr(told, field.name)!r}")
    if manifest.shape is None or manifest.bounds is None or len(manifest.bounds) != 2:
        raise ValueError(f"expected a shape and two bounds, got {manifest.shape} and {manifest.bounds}")
    if all(part.distortion for part in manifest.parts):
        raise ValueError("expected parts, a clean one among them")


def checksum_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
