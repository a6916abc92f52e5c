"""How a service wants to be asked: the contract, and the hook that lets two functions of the user's keep it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, final

from brinkmap.arrays import Array

if TYPE_CHECKING:
    from brinkmap.victims.http.line import Line

__all__ = ["Dialect", "Garbled", "Hook", "Introduction", "Question", "Reply"]

Parts = Mapping[str, Any]
"""What a request carries, in httpx's words: `json`, `content`, `data` or `files`, and `headers`."""


class Garbled(Exception):
    """An answer that cannot be read; the victim adds where it came from."""


@final
@dataclass(frozen=True)
class Reply:
    """What a service answered."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            Garbled: it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            reason = str(error)
        raise Garbled(f"its answer is no JSON: {reason}")  # out here: the parser's own error carries the whole body


@final
@dataclass(frozen=True)
class Question:
    """One request for the scores of some samples."""

    parts: Parts = field(repr=False)
    read: Callable[[Reply], Any]
    """The answer -> scores, one row a sample and in their order; raises Garbled."""


@final
@dataclass(frozen=True, kw_only=True)
class Introduction:
    """How to ask, and what the service tells of itself. None stands for what it does not tell."""

    ask: Callable[[Array], Question]
    url: str = field(repr=False)
    """Where questions are posted; its query may hold a secret."""
    shape: tuple[int, ...] | None = None
    classes: int | None = None
    name: str = ""
    largest_request: int | None = None


class Dialect(Protocol):
    """A way to put samples to a service."""

    def introduce(self, line: Line) -> Introduction:
        """Learn what the service tells of itself; no sample is sent."""


@final
@dataclass(frozen=True)
class Hook:
    """Two functions of the user's, for a service that speaks like no other.

    `encode(batch)` gets (n, c, *extent) float32 and returns what the request carries: `{"json": ...}`, `{"content":
    bytes}`, `{"data": form}` or `{"files": ...}`, and `headers` beside it. `decode(reply)` gets a `Reply` with status,
    headers, body and json(), and returns the scores: (n, classes), or n labels, in the order of the batch.
    """

    encode: Callable[[Array], Parts]
    decode: Callable[[Reply], Any]
    largest_request: int | None = None
    """Samples that one request can carry; None for any number."""

    def introduce(self, line: Line) -> Introduction:
        """Nothing but how to ask."""
        return Introduction(
            ask=lambda batch: Question(self.encode(batch), self.decode),
            url=line.endpoint.url,
            largest_request=self.largest_request,
        )
