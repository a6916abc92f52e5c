"""A page over small victims whose answers are known, in the test's own process or behind a real socket."""

import contextlib
import json
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

import httpx
import uvicorn
from fastapi.testclient import TestClient

from brinkmap.ui.app import create_app
from brinkmap.ui.catalogue import Catalogue, Offer, SampleSet
from brinkmap.ui.limits import Limits
from victims_known import CountsSamples, Linear, samples_for

SHAPES = {1: (1, 250), 2: (1, 8, 8), 3: (1, 4, 6, 6)}
NAMES = {1: "signal", 2: "picture", 3: "clip"}
EVIL = '<img src=x onerror="window.hit=1">'
"""A class name that would run if it were taken for markup."""


class Slow(CountsSamples):
    """Takes its time for every answer."""

    seconds = 0.01

    def predict(self, batch):
        time.sleep(self.seconds)
        return super().predict(batch)


def counting(rank, kind=CountsSamples):
    """A victim of a rank that counts what it is asked."""
    made = kind(Linear(SHAPES[rank], gain=0.004))
    made.unit, made.rate_hz = ("mV", 125.0) if rank == 1 else ("", None)
    return made


def catalogue(kind=CountsSamples):
    """One victim of each rank, and a few samples of each."""
    offers = [Offer(NAMES[rank], "Known.", counting(rank, kind), "", ("one", EVIL, "three")) for rank in SHAPES]
    sets = []
    for offer in offers:
        samples, _ = samples_for(Linear(offer.shape, gain=0.004), 4)
        sets.append(SampleSet(offer.name, samples, ("a", "b", "c", "d"), (0.0, 1.0)))
    return Catalogue(offers, sets)


def opened(offered, **limits):
    """A visitor with a session, on a server in this process."""
    app = create_app(offered, Limits(**limits), frozenset(["testserver"]))
    visitor = TestClient(app)
    visitor.post("/api/hello").raise_for_status()
    return visitor


def order(rank=2, **changes):
    return {
        "victim": NAMES[rank],
        "set": NAMES[rank],
        "index": 1,
        "agent": "credit",
        "budget": 40,
        "refine": 10,
    } | changes


def told(lines):
    """(kind, data) of each event in the lines of a stream."""
    kind = None
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def watched(visitor, **changes):
    """All events of one attack to its end."""
    answer = visitor.post("/api/attacks", json=order(**changes))
    assert answer.status_code == 200, answer.text
    return list(told(answer.text.splitlines()))


@contextlib.contextmanager
def served(offered, **limits):
    """A server on a free port of this machine: its address, and its sessions."""
    app = create_app(offered, Limits(**limits), frozenset(["127.0.0.1"]))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    until(lambda: server.started)
    try:
        yield address, app.state.clients
    finally:
        server.should_exit = True
        thread.join(10)


@contextlib.contextmanager
def visitor_of(address):
    with httpx.Client(base_url=address, timeout=20) as visitor:
        visitor.post("/api/hello").raise_for_status()
        yield visitor


def until(ready, seconds=10.0):
    """Wait for what another thread brings about."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def seen(offered, rank=2):
    """How many samples a victim was asked about, by its own count."""
    return offered.offers[NAMES[rank]].victim.seen


def values(shown):
    from brinkmap.ui.shown import unpacked

    return unpacked(shown["values"], "f4").reshape(shown["leads"], shown["length"]).astype(np.float32)
