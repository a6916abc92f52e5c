"""Text files that are whole, or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["put", "write_json", "write_text"]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """A file of JSON with its keys in order, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """A text file under its final name only once it is whole and on disk."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    put(temporary, path)


def put(temporary: Path, path: Path) -> None:
    """Give a finished file its final name, both on disk before this returns."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
