"""Runs of `brinkmap audit` that faults are done to, and what the ledger and the victim's own count say of each."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from faulty import Faulty

from brinkmap.cli import main
from brinkmap.victims.metered import FAILURES_IN_A_ROW
from brinkmap.victims.tally import read_tally
from victims_known import samples_for

HERE = Path(__file__).resolve().parent
VICTIM = f"{HERE / 'faulty.py'}:factory"
SLOTS = 8
PART_ROWS = 4


@dataclass
class Outcome:
    """How one try went."""

    fault: str
    seed: int
    survived: bool = True
    why: str = ""
    """Why not."""
    asked: int = 0
    """Samples that the victim counted for itself."""
    repeated: int = 0
    """Queries that were asked and had to be asked again, as the ledger reports them."""
    in_flight: int = 0
    """Queries that the ledger counts as asked, in batches that a kill stopped on their way to the victim."""
    unreported: int = 0
    """Queries that the victim counted and the ledger did not."""
    double: int = 0
    """Queries that the ledger counted and the victim did not, those in flight at a kill left out."""

    def expect(self, holds: bool, why: str) -> None:
        if not holds:
            self.survived, self.why = False, f"{self.why}{why}; "


@dataclass
class Bench:
    """A folder with data, and a run of them that nothing has disturbed.

    Args:
        folder: for data, counts and runs.
        samples: how many are attacked.
        own_process: every command in a process of its own; else only those that a fault is done to, the others here
            and without drawing the report.
    """

    folder: Path
    samples: int = 40
    own_process: bool = True
    runs: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        victim = Faulty()
        x, y = samples_for(victim, self.samples)
        np.savez(self.folder / "data.npz", x=x, y=y)
        began = time.monotonic()
        code, said = self.run(self.folder / "calm")
        assert code == 0, said
        self.seconds = time.monotonic() - began
        self.calm: bytes = (self.folder / "calm" / "results.parquet").read_bytes()
        self.sizes = [path.stat().st_size for path in (self.folder / "calm").rglob("*") if path.is_file()]
        self.queries = int(costs(self.folder / "calm")["ledger_total"])

    def next_folder(self) -> Path:
        self.runs += 1
        return self.folder / f"run-{self.runs}"

    def words(self, out: Path, victim: str = VICTIM, *more: str) -> list[str]:
        what = ["audit", "--victim", victim, "--data", str(self.folder / "data.npz"), "--out", str(out)]
        return [*what, "--agent", "random", "--patch", "2", "--budget", "40", "--slots", str(SLOTS), *more]

    def environment(self, out: Path, fault: str, **more: str) -> dict[str, str]:
        return {"FAULTS_COUNT": str(count_of(out)), "FAULTS_WITH": fault, "FAULTS_PART_ROWS": str(PART_ROWS)} | more

    def start(
        self, out: Path, fault: str = "none:0", victim: str = VICTIM, *more: str,
        environment: dict[str, str] | None = None, before: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """The command in a process of its own, under way."""
        told = {**os.environ, **self.environment(out, fault, **(environment or {}))}
        return launched(self.words(out, victim, *more), told, before)

    def run(self, out: Path, fault: str = "none:0", victim: str = VICTIM, *more: str) -> tuple[int, str]:
        """The command's exit code and what it said on standard error."""
        if self.own_process:
            return ended(self.start(out, fault, victim, *more), 300)
        return self._here(self.words(out, victim, *more), out, fault)

    def check(self, out: Path, samples: int, fault: str, victim: str = VICTIM) -> tuple[int, str]:
        """`brinkmap check`: its exit code and what it said."""
        words = ["check", "--victim", victim, "--data", str(self.folder / "data.npz"), "--samples", str(samples)]
        if self.own_process:
            process = launched(words, {**os.environ, **self.environment(out, fault)})
            said, more = process.communicate(timeout=300)
            return process.returncode, said + more
        return self._here(words, out, fault)

    def _here(self, words: list[str], out: Path, fault: str) -> tuple[int, str]:
        said = io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment(out, fault)),
            mock.patch("brinkmap.store.PART_ROWS", PART_ROWS),
            mock.patch("brinkmap.victims.metered.FAILURES_IN_A_ROW", min(self.samples, FAILURES_IN_A_ROW) // 2),
            mock.patch("brinkmap.audit.write_report", lambda folder, view: folder / "report.html"),  # a second each
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(said),
        ):
            return main(words), said.getvalue()

    def is_calm(self, out: Path) -> bool:
        """Whether the results are those of the undisturbed run, byte for byte."""
        path = out / "results.parquet"
        return path.is_file() and path.read_bytes() == self.calm

    def heals(self, outcome: Outcome, out: Path, victim: str = VICTIM) -> None:
        """The same command once more, undisturbed, ends with the undisturbed results."""
        code, said = self.run(out, "none:0", victim)
        outcome.expect(code == 0, f"the same command again ended with {code}: {said[-300:]}")
        outcome.expect(self.is_calm(out), "the results are not those of the undisturbed run")


def launched(
    words: list[str], environment: dict[str, str], before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """`brinkmap` in a process of its own."""
    command = [sys.executable, str(HERE / "launch.py"), *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before
    )


def count_of(out: Path) -> Path:
    """The victim's own count."""
    return out.with_name(out.name + ".count")


def received(out: Path) -> int:
    """How many samples the victim says it was given."""
    return sum(batches(out))


def batches(out: Path) -> list[int]:
    try:
        lines = count_of(out).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [int(line[2:]) for line in lines if line.startswith("r ")]


def costs(out: Path) -> dict[str, float]:
    """What the run has cost as its folder tells it."""
    try:
        kept = json.loads((out / "run.json").read_text()).get("costs", {})
    except (OSError, ValueError):
        kept = {}
    asked, sent = read_tally(out / "queries")
    return {
        "ledger_total": max(asked, kept.get("ledger_total", 0)),
        "ledger_sent": max(sent, kept.get("ledger_sent", 0)),
    }


def ended(process: subprocess.Popen[str], seconds: float) -> tuple[int, str]:
    """A process's exit code and what it said, once it is over; it is killed if it does not end in time."""
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return -99, process.communicate()[1] + " (did not end)"
    return process.returncode, said


@contextlib.contextmanager
def accounted(outcome: Outcome, out: Path, killed: bool = False) -> Iterator[None]:
    """Compare what the ledger and the victim's own count add up to while a command runs."""
    ledger, own = costs(out)["ledger_total"], received(out)
    yield
    gap = int(costs(out)["ledger_total"] - ledger) - (received(out) - own)
    outcome.unreported += max(0, -gap)
    if killed and 0 < gap <= SLOTS:
        outcome.in_flight += gap
    else:
        outcome.double += max(0, gap)


def close(outcome: Outcome, out: Path) -> Outcome:
    """The sums of a try that is over."""
    outcome.asked = received(out)
    summary = out / "summary.json"
    if summary.is_file():
        outcome.repeated = json.loads(summary.read_text())["queries_lost"] - outcome.in_flight
    outcome.expect(not outcome.unreported, f"{outcome.unreported} queries are in no ledger")
    outcome.expect(not outcome.double, f"{outcome.double} queries are counted twice")
    return outcome


def until(holds: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 300.0) -> bool:
    """Wait for something while a process runs; whether it came about before the process ended."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if holds():
            return True
        if process.poll() is not None:
            return holds()
        time.sleep(0.001)
    return False
