"""Each failed request is an event, and none of them tells a secret."""

import logging

import pytest

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Clock, Model, breaks_off, serving, status

from brinkmap.events import LOGGER, figures_of
from brinkmap.victims.http import Endpoint, HttpVictim, JsonTemplate
from victims_known import Linear, samples_for

KNOWN = Linear((1, 3, 4))
SAMPLES, _ = samples_for(KNOWN, 4)
TOKEN, QUERY = "t0k3n-of-nobody", "s3cr3t-in-the-query"


@pytest.fixture
def told(monkeypatch):
    records = []

    class Keeps(logging.Handler):
        def emit(self, record):
            records.append(record)

    handler = Keeps()
    LOGGER.addHandler(handler)
    yield records
    LOGGER.removeHandler(handler)


def test_what_failed_is_told_once_an_attempt(told, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", TOKEN)
    faults = [status(429, f"not with {TOKEN}".encode(), Retry_After="3"), breaks_off, status(500), None]
    with serving(Model(KNOWN), faults=faults) as service:
        clock = Clock()
        place = Endpoint(f"{service.base}/plain?key={QUERY}", auth_env="SOME_TOKEN", concurrency=1)
        template = JsonTemplate('{"instances": "{batch}"}', "outputs.0.scores")
        HttpVictim(place, template, clock=clock, sleep=clock.sleep).predict(SAMPLES)
    assert [record.getMessage() for record in told] == ["request failed"] * 3
    figures = [figures_of(record) for record in told]
    assert {one["where"] for one in figures} == {f"POST {service.base}/plain"}
    assert {one["samples"] for one in figures} == {4}
    assert [one["reason"].split(":")[0] for one in figures] == ["status 429", "RemoteProtocolError", "status 500"]
    assert figures[0]["retry_after_s"] == 3
    assert not any(secret in repr(vars(record)) for record in told for secret in (TOKEN, QUERY))
