"""What every request passes first: whose name it was sent to, where it comes from, how large it is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["HEADERS", "POLICY", "Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts and styles from this server's own files only, and nothing from anywhere else."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
OVERHEAD = 64 * 1024
"""Bytes of a request beside the file in it."""


class Guard:
    """Middleware, as ASGI has it.

    Args:
        app: what is guarded.
        hosts: names that the server answers to, in lower case and without port: a name that an attacker's DNS lets
            point here is not among them (DNS rebinding).
        largest: bytes of a request's body.
    """

    def __init__(self, app: Any, hosts: frozenset[str], largest: int) -> None:
        self.app, self._hosts, self._largest = app, hosts, largest + OVERHEAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a refusal, or hand on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        counted = _Counted(receive, self._largest)

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with(message.get("headers", ()))
            await send(message)

        try:
            await self.app(scope, counted, sent)
        except _TooLarge:
            await _refuse(send, 413, self._too_large)

    def _refusal(self, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
        if _name_of(headers.get("host", "")) not in self._hosts:
            return 421, "This server does not answer to that name. Open it by the address that it printed."
        if method not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and origin.partition("://")[2] != headers["host"]:
                return 403, "Requests from other sites are refused."
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return 403, "Requests from other sites are refused."
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > self._largest:
                return 413, self._too_large
        return None

    @property
    def _too_large(self) -> str:
        return f"Too large: an upload may have {(self._largest - OVERHEAD) // 2**20} MB."


class _TooLarge(Exception):
    pass


class _Counted:
    """What is received, up to so many bytes: a body may come without its length, or longer than it said."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive, self._left = receive, largest

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLarge
        return message


def _name_of(host: str) -> str:
    """A Host header without its port; names of one machine differ in nothing but case."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _with(headers: Any) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
    return [*headers, *more]


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": _with(head)})
    await send({"type": "http.response.body", "body": body})
