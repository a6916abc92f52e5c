"""The line to a service: one request at a time, tried again where that makes sense, every attempt counted.

A request is made again after a failed connection, a broken or late answer, 408, 425, 429 and 5xx. What may have been
queries is counted as sent, once an attempt.
"""

from __future__ import annotations

import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any, final

import httpx
import numpy as np
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from brinkmap.errors import InputError, VictimError
from brinkmap.events import warn
from brinkmap.victims.http.dialect import Parts, Reply
from brinkmap.victims.http.endpoint import Endpoint
from brinkmap.victims.http.failures import (
    TOO_LARGE,
    TOO_MANY,
    Passing,
    TooLarge,
    is_passing,
    never_left,
    refusal,
    retry_after,
)
from brinkmap.victims.http.traffic import Breaker, Pause, Traffic

__all__ = ["Line", "bare"]

FIRST_WAIT_S, LAST_WAIT_S = 0.5, 30.0
LARGEST_ANSWER = 2**28
"""Bytes: a service that sends more than this is not answering the question."""
CARRIED = {"json", "content", "data", "files", "headers"}


@final
class Line:
    """One service, spoken to over kept connections, from any number of threads.

    Args:
        endpoint: where, and on what terms.
        clock, sleep: the time source, for tests; without `sleep` a wait ends when the line is abandoned.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        token = endpoint.token()
        self.endpoint = endpoint
        self.traffic = Traffic()
        self.secrets = endpoint.secrets(token)
        self.breaker = Breaker(endpoint.breaker, endpoint.rest_s, clock)
        self._headers = lambda: endpoint.auth(token)  # a function: a token in no attribute is in no dump of them
        self._abandoned = threading.Event()
        self._clock, self._sleep = clock, sleep or self._abandoned.wait
        self._pause = Pause(clock, self._sleep)
        self._jitter = np.random.default_rng()  # moves nothing but the moment of a retry
        # Not a Client: that one logs whole URLs, follows redirects with the token and keeps cookies.
        self._transport = httpx.HTTPTransport(
            verify=_trust(endpoint),
            proxy=_proxy_for(endpoint.url),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0),
        )

    def get(self, url: str) -> Reply:
        """What the service tells at an address, whatever the status.

        Raises:
            VictimError: no answer came.
        """
        return self._persist("GET", url, {}, 0)

    def post(self, url: str, parts: Parts, rows: int) -> Reply:
        """The answer to a request that carries so many samples.

        Raises:
            TooLarge: they are too many for one request.
            VictimError: no answer came, or a refusal.
        """
        if not set(parts) <= CARRIED:
            raise VictimError(f"encode: expected {', '.join(sorted(CARRIED))} in a request, got {', '.join(parts)}.")
        reply = self._persist("POST", url, parts, rows)
        if reply.status == TOO_LARGE:
            raise TooLarge(self._said(reply))
        if not 200 <= reply.status < 300:
            raise VictimError(f"POST {bare(url)}: {self._said(reply)} {refusal(reply.status)}")
        return reply

    def complaint(self, url: str, reply: Reply, reason: str) -> VictimError:
        """The error for an answer that came and cannot be used."""
        said = self.secrets.quote(reply.body)
        return VictimError(f"POST {bare(url)}: {self.secrets.hide(reason)}. Status {reply.status}, it said: {said}.")

    def abandon(self) -> None:
        """End all waits, and let no thread begin another attempt until `resume`."""
        self._abandoned.set()

    def resume(self) -> None:
        """Allow attempts again."""
        self._abandoned.clear()

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def _persist(self, method: str, url: str, parts: Parts, rows: int) -> Reply:
        where = f"{method} {bare(url)}"
        retrying = Retrying(
            stop=stop_after_attempt(self.endpoint.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: isinstance(error, Passing) and self.breaker.closed),
            sleep=self._rest,
            reraise=True,
        )
        try:
            return retrying(self._attempt, where, method, url, parts, rows)
        except Passing as error:
            tries = retrying.statistics["attempt_number"]
            raise VictimError(
                f"{where}: given up after {tries} attempt{'s' * (tries > 1)}, the last ended with {error} "
                "See whether the service is up and not overloaded, then ask again."
            ) from error

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Passing) and error.retry_after is not None:
            return error.retry_after
        longest = min(FIRST_WAIT_S * 2 ** (state.attempt_number - 1), LAST_WAIT_S)
        return longest * float(self._jitter.uniform(0.5, 1.0))

    def _rest(self, seconds: float) -> None:
        self._sleep(seconds)

    def _attempt(self, where: str, method: str, url: str, parts: Parts, rows: int) -> Reply:
        self._pause.wait()
        self.breaker.check(where)
        if self._abandoned.is_set():
            raise VictimError(f"{where}: not asked, another request for the same batch failed.")
        request = self._request(method, url, parts)
        self.traffic.add(sent=rows)  # before it goes: an interrupt in the middle must not lose it
        try:
            reply = self._exchange(request)
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__}: {self.secrets.hide(str(error)) or 'no words'}."
            if never_left(error):
                self.traffic.add(sent=-rows)
            self.breaker.failed(reason)
            warn("request failed", where=where, samples=rows, reason=reason)
            if is_passing(error):
                raise Passing(reason) from None  # httpx keeps the request, and with it the token, in the exception
            raise VictimError(f"{where}: {reason} {refusal(error)}") from None
        self._judge(where, reply, rows)
        return reply

    def _judge(self, where: str, reply: Reply, rows: int) -> None:
        if 400 <= reply.status < 500:
            self.traffic.add(refused=rows)
        if not is_passing(reply.status):
            self.breaker.worked()  # it lives, whatever it thinks of the request
            return
        said = self._said(reply)
        asked = retry_after(reply)
        warn("request failed", where=where, samples=rows, reason=f"status {reply.status}", retry_after_s=asked)
        if asked is not None and asked > self.endpoint.longest_wait_s:
            raise VictimError(
                f"{where}: {said} It asks to wait {asked:.0f} s, longer than longest_wait_s="
                f"{self.endpoint.longest_wait_s:g}. Come back later, or allow for that."
            )
        if asked is not None:
            self._pause.ask_for(asked)
        if reply.status != TOO_MANY:
            self.breaker.failed(said)
        raise Passing(said, asked)

    def _said(self, reply: Reply) -> str:
        return f"status {reply.status}, it said: {self.secrets.quote(reply.body)}."

    def _request(self, method: str, url: str, parts: Parts) -> httpx.Request:
        timeout = httpx.Timeout(self.endpoint.timeout_s, connect=self.endpoint.connect_s)
        headers = {"User-Agent": "brinkmap", **parts.get("headers", {}), **self._headers()}
        return httpx.Request(method, url, **{**parts, "headers": headers}, extensions={"timeout": timeout.as_dict()})

    def _exchange(self, request: httpx.Request) -> Reply:
        until = self._clock() + self.endpoint.timeout_s
        response = self._transport.handle_request(request)
        body: list[bytes] = []
        try:
            for chunk in response.iter_bytes():
                body.append(chunk)
                if self._clock() > until:
                    raise httpx.ReadTimeout("the answer was not complete in time")
                if sum(map(len, body)) > LARGEST_ANSWER:
                    raise httpx.DecodingError(f"the answer is larger than {LARGEST_ANSWER} bytes")
        finally:
            response.close()
        return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, b"".join(body))


def bare(url: str) -> str:
    """The address without its query, as messages give it."""
    return str(httpx.URL(url).copy_with(query=None))


def _trust(endpoint: Endpoint) -> Any:
    if endpoint.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=endpoint.ca)
    except ssl.SSLError as error:
        raise InputError(f"ca: {endpoint.ca} holds no certificates ({error.reason}). Give a PEM file.") from error


def _proxy_for(url: str) -> str | None:
    """What HTTP_PROXY and its like say, as for any program."""
    parsed = httpx.URL(url)
    if urllib.request.proxy_bypass(parsed.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parsed.scheme) or proxies.get("all")
