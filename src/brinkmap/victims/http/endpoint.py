"""Where a service is and on what terms it is asked; secrets are named here, never held."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import httpx

from brinkmap.errors import InputError
from brinkmap.victims.http.redaction import Secrets

__all__ = ["Endpoint"]


@final
@dataclass(frozen=True, repr=False)
class Endpoint:
    """A service's address and the patience one has with it.

    Raises:
        InputError: a value that cannot work; no message repeats a secret.
    """

    url: str
    """http or https, without user and password. A query is sent along, and shown nowhere."""
    auth_env: str | None = None
    """The environment variable that holds the service's token; read when the victim is made."""
    auth_header: str = "Authorization: Bearer {}"
    """The header the token goes into, `{}` standing for it: "X-API-Key: {}" where the service wants that."""
    ca: str | Path | None = None
    """A file of certificates (PEM) to verify the service with, in place of the public authorities'."""
    connect_s: float = 5.0
    """How long a connection may take to open."""
    timeout_s: float = 60.0
    """How long an answer may take, from the last byte sent to the last one read."""
    attempts: int = 5
    """How often one request is tried at most, with growing waits between."""
    longest_wait_s: float = 120.0
    """A service that asks for a longer wait (Retry-After) than this is given up."""
    breaker: int = 8
    """So many failed requests in a row, and the victim asks no more until `rest_s` has passed."""
    rest_s: float = 30.0
    """How long a failed service is left alone before one request tries it again."""
    concurrency: int | None = None
    """Requests under way at once for one batch; None: found by doubling while the rate grows."""
    largest_request: int | None = None
    """Samples in one request at most; None: what the service takes (it says so by status 413)."""

    def __post_init__(self) -> None:
        _check_url(self.url)
        for name in ("connect_s", "timeout_s", "longest_wait_s", "rest_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise InputError(f"{name}: expected a positive number of seconds, got {value!r}.")
        for name in ("attempts", "breaker", "concurrency", "largest_request"):
            value = getattr(self, name)
            optional = name in ("concurrency", "largest_request")
            if not (optional and value is None) and (type(value) is not int or value < 1):
                raise InputError(f"{name}: expected at least 1, got {value!r}.")
        name, colon, form = self.auth_header.partition(":")
        if not colon or not name.strip() or form.count("{}") != 1:
            raise InputError("auth_header: expected 'Name: value' with one {} where the token goes.")
        if self.ca is not None and not Path(self.ca).is_file():
            raise InputError(f"ca: no such file: {self.ca}. Give a PEM file of certificates.")

    def __repr__(self) -> str:
        return f"Endpoint({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address as messages give it: without its query."""
        return _bare(self.url)

    def token(self) -> str | None:
        """What the environment variable holds; None where none is named.

        Raises:
            InputError: it is not set, or holds what no header can carry.
        """
        if self.auth_env is None:
            return None
        token = os.environ.get(self.auth_env, "").strip()
        if not token:
            raise InputError(f"auth_env: the environment variable {self.auth_env} is not set. Export the token first.")
        if not (token.isascii() and token.isprintable()):
            raise InputError(f"auth_env: {self.auth_env} holds characters that no header can carry. Check for breaks.")
        return token

    def auth(self, token: str | None) -> dict[str, str]:
        """The header that carries the token."""
        if token is None:
            return {}
        name, _, form = self.auth_header.partition(":")
        return {name.strip(): form.strip().replace("{}", token)}

    def secrets(self, token: str | None) -> Secrets:
        """What no message may show: the token, and the values in the query of the address."""
        return Secrets([token or "", *(value for _, value in httpx.URL(self.url).params.multi_items())])


def _check_url(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise InputError("url: expected http://host:port/path or https://..., got what is no URL.") from None
    if parsed.userinfo:
        raise InputError("url: expected no user and password in it. Put them into a variable and name it: auth_env=.")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"url: expected http://host:port/path or https://..., got {_bare(url)!r}.")


def _bare(url: str) -> str:
    return str(httpx.URL(url).copy_with(query=None, fragment=None, userinfo=b""))
