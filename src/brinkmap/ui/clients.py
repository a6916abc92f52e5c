"""Sessions of visitors: who they are, what they have spent, what they run, and when they are forgotten."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from brinkmap.ui.limits import Limits, Refused
from brinkmap.ui.live import LiveAttack, Plan
from brinkmap.ui.uploads import Sampled

__all__ = ["Client", "Clients"]

UPLOADS = 3
"""Uploads of a session that are held; the oldest goes first."""


@dataclass(eq=False)
class Client:
    """One session."""

    token: str
    address: str
    seen: float
    spent: int = 0
    promised: int = 0
    """Queries that running attacks may still spend."""
    starting: int = 0
    running: dict[str, LiveAttack] = field(default_factory=dict)
    last: LiveAttack | None = None
    """The attack that ended last: its replay may be fetched."""
    uploads: OrderedDict[str, Sampled] = field(default_factory=OrderedDict)

    def attack(self, name: str) -> LiveAttack:
        """One of its own attacks, running or the last.

        Raises:
            Refused: there is none.
        """
        found = self.running.get(name) or (self.last if self.last is not None and self.last.id == name else None)
        if found is None:
            raise Refused(404, "No such attack in this session.")
        return found

    def keep(self, sampled: Sampled) -> str:
        """Hold an upload; returns the name to ask for it by."""
        name = secrets.token_urlsafe(12)
        self.uploads[name] = sampled
        while len(self.uploads) > UPLOADS:
            self.uploads.popitem(last=False)
        return name


class Clients:
    """All sessions.

    Args:
        limits: what each, and all together, may ask for.
        clock: seconds, for tests.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._clock = limits, clock
        self._all: dict[str, Client] = {}
        self._changed = threading.RLock()

    def open(self, address: str) -> Client:
        """A new session.

        Raises:
            Refused: there are too many.
        """
        with self._changed:
            self._forget()
            if len(self._all) >= self.limits.sessions:
                raise Refused(503, f"All {self.limits.sessions} places are taken. Try again in a few minutes.")
            if sum(client.address == address for client in self._all.values()) >= self.limits.sessions_each:
                raise Refused(429, f"{self.limits.sessions_each} sessions are open from your address. Close some.")
            client = Client(secrets.token_urlsafe(32), address, self._clock())
            self._all[client.token] = client
            return client

    def of(self, token: str | None) -> Client:
        """The session behind a token.

        Raises:
            Refused: it is unknown, or was forgotten.
        """
        with self._changed:
            self._forget()
            client = self._all.get(token or "")
            if client is None:
                raise Refused(401, f"This session has ended; sessions do after {self.limits.idle_s} seconds unused.")
            client.seen = self._clock()
            return client

    def begin(self, client: Client, plan: Plan) -> LiveAttack:
        """An attack set going, if there is room for it.

        Raises:
            Refused: too many run, or it might cost more than the session has left.
            InputError: settings that do not go together.
        """
        cost, name = plan.run.budget + plan.run.refine_budget, secrets.token_urlsafe(16)
        with self._changed:
            self._check(client, cost)
            client.promised += cost
            client.starting += 1
        try:
            attack = self._made(client, plan, name, cost)  # an agent's weights may take seconds to load
        except BaseException:
            with self._changed:
                client.promised -= cost
                client.starting -= 1
            raise
        with self._changed:
            client.starting -= 1
            client.running[name] = attack
        attack.start()
        return attack

    @property
    def running(self) -> list[LiveAttack]:
        """All attacks that run."""
        with self._changed:
            return [attack for client in self._all.values() for attack in client.running.values()]

    def close(self) -> None:
        """End all attacks."""
        for attack in self.running:
            attack.gate.stop("closed")

    def _made(self, client: Client, plan: Plan, name: str, cost: int) -> LiveAttack:
        left = [cost]

        def spent(queries: int) -> None:
            with self._changed:
                client.spent += queries
                client.promised -= min(queries, left[0])
                left[0] -= min(queries, left[0])

        def over() -> None:
            with self._changed:
                client.promised -= left[0]
                client.last = client.running.pop(name)
                client.seen = self._clock()

        return LiveAttack(plan, self.limits, spent, over, id=name)

    def _check(self, client: Client, cost: int) -> None:
        limits = self.limits
        if len(client.running) + client.starting >= limits.attacks_each:
            raise Refused(429, f"{limits.attacks_each} of your attacks are running. Stop one first.")
        if len(self.running) + sum(one.starting for one in self._all.values()) >= limits.attacks:
            raise Refused(429, f"All {limits.attacks} places for attacks are taken. Try again in a moment.")
        left = limits.queries - client.spent - client.promised
        if cost > left:
            raise Refused(
                429, f"This may cost {cost:,} queries, and your session has {left:,} of {limits.queries:,} left. "
                "Lower the budget."
            )  # fmt: skip

    def _forget(self) -> None:
        now = self._clock()
        for token, client in list(self._all.items()):
            if not (client.running or client.starting) and now - client.seen > self.limits.idle_s:
                del self._all[token]
