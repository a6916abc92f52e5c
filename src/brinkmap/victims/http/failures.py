"""Which failures pass and which stay, whether a request had left by then, and what the user can do about it."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import final

import httpx

from brinkmap.victims.http.dialect import Reply

__all__ = ["TOO_LARGE", "TOO_MANY", "Passing", "TooLarge", "is_passing", "never_left", "refusal", "retry_after"]

TOO_LARGE, TOO_MANY = 413, 429
EARLY = {408, 425, TOO_MANY}
LASTING = {501, 505}
MENDS = {
    400: "The request does not suit the service: check shape, template or input name.",
    401: "Name the variable that holds the token: auth_env=.",
    403: "The token in auth_env= is not allowed this.",
    404: "Check the URL, the model's name and its version.",
    TOO_LARGE: "One sample alone is too large for it.",
    422: "The request does not suit the service: check shape, template or input name.",
}


@final
class Passing(Exception):
    """A failure that another attempt may not meet.

    Args:
        reason: what happened, as a sentence.
        retry_after: seconds the service asked to wait; None where it did not.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@final
class TooLarge(Exception):
    """The service takes no request of this size."""


def is_passing(failure: int | httpx.HTTPError) -> bool:
    """Whether a status or a broken exchange is worth another attempt."""
    if isinstance(failure, int):
        return failure in EARLY or (failure >= 500 and failure not in LASTING)
    lasting = isinstance(failure, httpx.LocalProtocolError | httpx.UnsupportedProtocol)
    return isinstance(failure, httpx.TransportError) and not lasting and not _is_distrust(failure)


def never_left(error: httpx.HTTPError) -> bool:
    """Whether the exchange broke before a byte of the request had been sent."""
    early = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    return isinstance(error, (*early, httpx.LocalProtocolError, httpx.UnsupportedProtocol))


def refusal(failure: int | httpx.HTTPError) -> str:
    """What the user can do about a failure that stays."""
    if not isinstance(failure, int):
        return "Give the service's own authority as ca=." if _is_distrust(failure) else "The service cannot be used so."
    if 300 <= failure < 400:
        return "Redirects are not followed: give the final URL."
    return MENDS.get(failure, "Check the URL and the settings.")


def retry_after(reply: Reply) -> float | None:
    """How many seconds the service asks to wait, by number or by date; None where it does not say so intelligibly.

    A date is read by the service's own clock where it tells it.
    """
    stated = reply.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        until = parsedate_to_datetime(stated).timestamp()
    except (TypeError, ValueError):
        return None
    try:
        now = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        now = time.time()
    return max(0.0, until - now)


def _is_distrust(error: httpx.HTTPError) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
