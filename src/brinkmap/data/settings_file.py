"""TOML from a stranger, read within bounds of size and depth: what it means is for the caller to say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

__all__ = ["read_settings"]

MOST_BYTES = 2**18
"""Beyond 256 kB it is no file of settings."""
MOST_DOTS = 1000
"""In a line: tomllib takes time with the square of a key's parts."""


def read_settings(path: Path) -> dict[str, Any]:
    """The keys of a TOML file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no TOML, or beyond all measure.
    """
    if path.exists() and not path.is_file():
        raise ValueError("no file")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.stat().st_size:,} bytes are more than settings need")
    text = path.read_text(encoding="utf-8")
    if max((line.count(".") for line in text.splitlines()), default=0) > MOST_DOTS:
        raise ValueError(f"a line with more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
