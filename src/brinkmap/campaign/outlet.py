"""A folder of results somewhere else: any place that fsspec reaches, kept up to date from a folder here."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brinkmap.errors import BrinkmapError, InputError, MissingExtra

__all__ = ["Outlet", "is_url", "working_folder"]

OWNER = "owner"
FILES = ("run.json", "campaign.json", "summary.json")
FIRST = (*FILES, "ledger", "trace", "parts")
"""The order in which files go: costs before the results that they paid for."""
LEFT_OUT = (".lock", "queries")
"""Files that mean something in a folder of this machine only."""


def is_url(out: str | Path) -> bool:
    """Whether results are to go to a place that fsspec reaches, rather than to a folder."""
    return "://" in str(out)


@contextlib.contextmanager
def working_folder(out: str | Path) -> Iterator[tuple[Path, Outlet | None]]:
    """The folder to write to, and the outlet that it is to be published through, where `out` is a URL.

    Raises:
        InputError: nothing can be kept there.
        MissingExtra: fsspec, or what it needs for such a URL, is not installed.
    """
    if not is_url(out):
        yield Path(out), None
        return
    with tempfile.TemporaryDirectory(prefix="brinkmap-") as name:
        folder, outlet = Path(name), Outlet(str(out))
        outlet.claim()
        outlet.restore(folder)
        yield folder, outlet


class Outlet:
    """A place that fsspec reaches, with what a run has kept there.

    A file is put under another name and then moved, so what has its final name is whole. Such a place has no locks:
    the campaign that was started last takes it over, and one before it ends with an error at its next part.

    Args:
        url: such as s3://bucket/night, file:///mnt/night or memory://night.

    Raises:
        InputError: nothing can be kept there.
        MissingExtra: fsspec, or what it needs for such a URL, is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtra(f"results at {url}", "ray") from error
        self.url = url.rstrip("/")
        self._token = secrets.token_hex(8)
        self._sent: dict[str, tuple[int, int]] = {}
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:  # s3fs, gcsfs ...
            raise MissingExtra(f"results at {url}", "ray", str(error)) from error
        except Exception as error:  # each kind of place raises its own
            raise InputError(f"out: {url} cannot be opened: {type(error).__name__}: {error}") from error

    def claim(self) -> None:
        """Take the place over from a campaign before, which may still be at work.

        Raises:
            InputError: nothing can be kept there.
        """
        try:
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(self._at(OWNER), self._token.encode())
        except Exception as error:  # each kind of place raises its own
            raise InputError(f"out: nothing can be kept at {self.url}: {type(error).__name__}: {error}") from error

    def restore(self, folder: Path) -> None:
        """Bring back what the run has kept so far."""
        with self._told("read"):
            parts = (name for below in FIRST if below not in FILES for name in self._below(below))
            for name in (*FILES, *parts):
                if self._files.exists(self._at(name)):
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    self._files.get_file(self._at(name), str(folder / name))
                    self._sent[name] = _state(folder / name)

    def publish(self, folder: Path) -> None:
        """Put everything that is new or has changed.

        Raises:
            BrinkmapError: the place cannot be written to, or another campaign has taken it over.
        """
        with self._told("written"):
            if self._files.cat_file(self._at(OWNER)) != self._token.encode():
                raise BrinkmapError(f"{self.url}: another campaign has taken it over. This one has stopped.")
            for path in sorted(_files_of(folder), key=lambda path: _rank(path.relative_to(folder))):
                name, state = path.relative_to(folder).as_posix(), _state(path)
                if self._sent.get(name) != state:
                    self._files.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
                    self._files.pipe_file(self._at(name + ".tmp"), path.read_bytes())
                    self._files.mv(self._at(name + ".tmp"), self._at(name))
                    self._sent[name] = state

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _below(self, folder: str) -> list[str]:
        if not self._files.isdir(self._at(folder)):
            return []
        names = (str(path).rpartition("/")[2] for path in self._files.ls(self._at(folder), detail=False))
        return [f"{folder}/{name}" for name in sorted(names) if not name.endswith(".tmp")]

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except BrinkmapError:
            raise
        except Exception as error:  # each kind of place raises its own
            raise BrinkmapError(
                f"{self.url} cannot be {what}: {type(error).__name__}: {error}. What is there is kept; the same "
                "command goes on from it."
            ) from error


def _files_of(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".tmp" and p.name not in LEFT_OUT]


def _rank(name: Path) -> tuple[int, Any]:
    return (FIRST.index(name.parts[0]) if name.parts[0] in FIRST else len(FIRST), name)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
