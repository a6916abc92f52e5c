"""The victim, samples and run of most audits, a stand-in for their reports, and a way to stop one half-way."""

import importlib

import pytest

from brinkmap import Run
from victims_known import Linear, samples_for

VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 12)
RUN = Run(agent="random", patch=2, budget=30, refine_budget=10)


@pytest.fixture(autouse=True)
def shown(request, monkeypatch):
    """What reports were asked to show; drawing takes its time, so only tests that ask for `drawn` do."""
    views, module = [], importlib.import_module("brinkmap.audit")
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(module, "write_report", lambda folder, view: views.append(view) or folder / "report.html")
    return views


class Stopped(Exception): ...


def stop_after(count):
    seen = []

    def watch(result, session):
        seen.append(result)
        if len(seen) == count:
            raise Stopped

    return watch
