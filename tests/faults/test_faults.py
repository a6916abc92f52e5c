"""Every fault once or twice; `make faults` does them more often, the kills fifty times, and writes the table."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

sys.path.insert(0, str(Path(__file__).parent))

from bench import Bench
from http_trials import FAULTS
from trials import can_mount, tried

UNNOTICED = [name for name in FAULTS if name.endswith("audit alone")]
COSTLY = ("HTTP", "two processes", "disk full", "clocks", "a file may", "victim hangs")
"""Processes of their own take a second to start: one try of these."""
SLOW = ("HTTP: an answer", "HTTP: service dies, is back", "HTTP: rows shuffled, no ids", "clocks", "victim hangs")
"""Left to `make verify`."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("faults"), samples=24, own_process=False)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        pytest.param(name, seed, marks=[pytest.mark.slow] * name.startswith(SLOW))
        for name in FAULTS
        if name not in UNNOTICED
        for seed in range(1 if name.startswith(COSTLY) else 2)
    ],
)
def test_survived(bench, name, seed):
    if name == "disk full" and not can_mount(bench.folder / "mount"):
        pytest.skip("no small file system can be mounted here: needs root")
    outcome = tried(bench, name, seed)
    assert outcome.survived, outcome.why
    assert (outcome.unreported, outcome.double) == (0, 0)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith(SLOW)) for name in UNNOTICED]
)
def test_what_no_audit_can_notice_is_known(bench, name):
    """If this fails, one can: then the documents are wrong."""
    outcome = tried(bench, name, 0)
    assert outcome.why == "the results are wrong and the audit did not notice; "
    assert (outcome.unreported, outcome.double) == (0, 0)
