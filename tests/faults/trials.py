"""One function a fault: it does the fault to a run and says how that ended. `FAULTS` has them all."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from bench import SLOTS, Bench, Outcome, accounted, close, count_of, ended, received, until

Trial = Callable[[Bench, Outcome, random.Random], None]


@dataclass(frozen=True)
class Fault:
    """A row of the table."""

    trial: Trial
    tries: int
    """In the full run."""
    ends: str
    """What is promised: how a run that meets it ends."""


def tried(bench: Bench, name: str, seed: int) -> Outcome:
    """One try."""
    outcome = Outcome(name, seed)
    FAULTS[name].trial(bench, outcome, random.Random(f"{name} {seed}"))
    return outcome


def kill(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """At a random query, or (each third time) at a random moment from start to report."""
    out = bench.next_folder()
    with accounted(outcome, out, killed=True):
        process = bench.start(out)
        if rng.random() < 1 / 3:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0.1, 0.9) * bench.seconds)
        else:
            at = rng.randint(1, bench.queries - SLOTS)
            until(lambda: received(out) >= at, process)
            time.sleep(rng.uniform(0, 0.01))
        process.send_signal(signal.SIGKILL)
        ended(process, 60)
    with accounted(outcome, out):
        bench.heals(outcome, out)
    close(outcome, out)


def interrupted_twice(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    at = rng.randint(1, bench.queries - 10 * SLOTS)
    with accounted(outcome, out, killed=True):
        process = bench.start(out)
        until(lambda: received(out) >= at, process)
        process.send_signal(signal.SIGINT)
        time.sleep(rng.choice([0, 0.001, 0.01, 0.1]) * rng.random())
        process.send_signal(signal.SIGINT)
        code, said = ended(process, 120)
    outcome.expect(code in (130, -signal.SIGINT), f"it ended with {code}: {said[-300:]}")
    outcome.expect("Traceback" not in said, f"it said {said[-300:]}")
    with accounted(outcome, out):
        bench.heals(outcome, out)
    close(outcome, out)


def two_at_once(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        first = bench.start(out, "slow:0")
        until(lambda: received(out) > rng.randint(0, bench.queries // 4), first)
        code, said = ended(bench.start(out), 300)
        outcome.expect(first.poll() is None, "the first was over before the second was")
        outcome.expect(code == 2 and "another process is writing" in said, f"the second ended with {code}: {said}")
        code, said = ended(first, 300)
    outcome.expect(code == 0, f"the first ended with {code}: {said[-300:]}")
    outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
    close(outcome, out)


def clock(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        code, said = ended(bench.start(out, environment={"FAULTS_CLOCK": str(rng.randrange(10**6))}), 300)
    outcome.expect(code == 0, f"it ended with {code}: {said[-300:]}")
    outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
    close(outcome, out)


def can_mount(folder: Path) -> bool:
    """Whether a small file system can be made here."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]).returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


@contextlib.contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def disk_full(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """A file system with room for some of the run; then it is enlarged."""
    number = bench.next_folder()
    pages = sum(-(-size // 4096) for size in bench.sizes)
    with small_disk(number, 4 * int(rng.uniform(0.1, 0.8) * pages)) as disk:
        out = disk / "out"
        elsewhere = {"FAULTS_COUNT": str(count_of(number))}
        with accounted_at(outcome, out, number):
            code, said = ended(bench.start(out, environment=elsewhere), 300)
        outcome.expect(code == 2 and "No space left on device" in said, f"it ended with {code}: {said[-300:]}")
        outcome.expect("Traceback" not in said, f"it said {said[-300:]}")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        with accounted_at(outcome, out, number):
            code, said = ended(bench.start(out, environment=elsewhere), 300)
        outcome.expect(code == 0, f"the same command again ended with {code}: {said[-300:]}")
        outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
        close(outcome, out)
    outcome.asked = received(number)


@contextlib.contextmanager
def accounted_at(outcome: Outcome, out: Path, counted: Path) -> Iterator[None]:
    """As `accounted`, where the victim's count does not lie beside the run."""
    out.parent.mkdir(parents=True, exist_ok=True)
    link = count_of(out)
    if not link.is_symlink():
        count_of(counted).touch()
        link.symlink_to(count_of(counted))
    with accounted(outcome, out):
        yield


def file_too_large(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """The system lets no file grow beyond a size: what a quota does."""
    out = bench.next_folder()
    size = int(rng.uniform(0.2, 0.95) * max(bench.sizes))
    with accounted(outcome, out):
        process = bench.start(out, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        code, said = ended(process, 300)
    outcome.expect(code == 2 and "File too large" in said, f"it ended with {code}: {said[-300:]}")
    with accounted(outcome, out):
        bench.heals(outcome, out)
    close(outcome, out)


def part_truncated(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        bench.run(out, f"wrong-shape:{bench.queries * 2 // 3}")
        part = rng.choice(sorted((out / "parts").glob("*.parquet")))
        with open(part, "rb+") as file:
            file.truncate(rng.randrange(part.stat().st_size))
        code, said = bench.run(out)
        outcome.expect(code == 2 and part.name in said, f"it ended with {code}: {said[-300:]}")
        part.unlink()  # as the message says
        bench.heals(outcome, out)
    close(outcome, out)


def state_truncated(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        bench.run(out, f"wrong-shape:{bench.queries // 2}")
        state = out / "run.json"
        state.write_bytes(state.read_bytes()[: rng.randrange(state.stat().st_size - 2)])
        code, said = bench.run(out)
        outcome.expect(code == 2 and "delete that file" in said, f"it ended with {code}: {said[-300:]}")
        state.unlink()  # as the message says
        bench.heals(outcome, out)
    close(outcome, out)


def results_truncated(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        bench.run(out)
        merged = out / "results.parquet"
        merged.write_bytes(merged.read_bytes()[: rng.randrange(merged.stat().st_size)])
        bench.heals(outcome, out)
    close(outcome, out)


def raises(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """One batch; the run goes on, and its rows pay once more."""
    out = bench.next_folder()
    with accounted(outcome, out):
        code, said = bench.run(out, f"raise:{rng.randrange(bench.queries - SLOTS)}")
    outcome.expect(code == 0, f"it ended with {code}: {said[-300:]}")
    theirs, ours = (pd.read_parquet(folder / "results.parquet") for folder in (out, bench.folder / "calm"))
    touched = [row for row in range(len(ours)) if not _same(theirs.iloc[row], ours.iloc[row])]
    outcome.expect(len(touched) <= SLOTS, f"{len(touched)} samples have other results")
    outcome.expect(theirs["error"].isna().all(), "a sample failed")
    close(outcome, out)


def _same(one: pd.Series, other: pd.Series) -> bool:
    return repr(one.to_dict()) == repr(other.to_dict())


def ends_with(fault: str, code: int, words: str, last: float = 1.0) -> Trial:
    """The victim fails from a random query on, before that share of all: the command ends so, and heals."""

    def trial(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
        out = bench.next_folder()
        with accounted(outcome, out):
            got, said = bench.run(out, f"{fault}:{rng.randrange(int(last * bench.queries) - 2 * SLOTS)}")
        outcome.expect(got == code and words in said, f"it ended with {got}: {said[-300:]}")
        with accounted(outcome, out):
            bench.heals(outcome, out)
        close(outcome, out)

    return trial


def slow(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    out = bench.next_folder()
    with accounted(outcome, out):
        code, said = bench.run(out, "slow:0")
    outcome.expect(code == 0 and bench.is_calm(out), f"it ended with {code}: {said[-300:]}")
    close(outcome, out)


def hangs(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """In the same process nobody can end it but the user, with Ctrl-C."""
    out = bench.next_folder()
    with accounted(outcome, out):
        process = bench.start(out, f"hang:{rng.randrange(bench.queries // 2)}")
        until(lambda: count_of(out).is_file() and "h" in count_of(out).read_text(), process)
        process.send_signal(signal.SIGINT)
        code, said = ended(process, 120)
    outcome.expect(code == 130, f"it ended with {code}: {said[-300:]}")
    with accounted(outcome, out):
        bench.heals(outcome, out)
    close(outcome, out)


def unchecked(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """Nothing in the answers of an audit tells that their order is wrong."""
    out = bench.next_folder()
    with accounted(outcome, out):
        bench.run(out, "shuffle:0")
    outcome.expect(bench.is_calm(out), "the results are wrong and the audit did not notice")
    close(outcome, out)


def checked(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """`brinkmap check` asks the same samples in several orders."""
    out = bench.next_folder()
    samples = rng.randint(3, 8)
    code, said = bench.check(out, samples, "shuffle:0")
    outcome.expect(code == 1 and "another answer" in said, f"it ended with {code}: {said[-300:]}")
    outcome.asked = received(out)
    outcome.unreported, outcome.double = (
        max(0, outcome.asked - 4 * samples - 2),
        max(0, 4 * samples + 2 - outcome.asked),
    )


FAULTS = {
    "kill -9": Fault(kill, 50, "at once; the same command goes on"),
    "SIGINT twice": Fault(interrupted_twice, 6, "exit code 130; the same command goes on"),
    "two processes on one folder": Fault(two_at_once, 3, "the second: exit code 2; the first goes on unharmed"),
    "disk full": Fault(disk_full, 6, "exit code 2; the same command goes on once there is room"),
    "a file may grow no further": Fault(file_too_large, 3, "exit code 2; the same command goes on"),
    "clocks jump": Fault(clock, 3, "as if nothing were"),
    "a part truncated": Fault(part_truncated, 5, "exit code 2 names the file; deleted, its samples are run again"),
    "run.json truncated": Fault(state_truncated, 3, "exit code 2 names the file; deleted, what is finished is kept"),
    "results.parquet truncated": Fault(results_truncated, 3, "written anew from the parts"),
    "victim raises, one batch": Fault(raises, 3, "the rows are asked alone, and pay once more; all others as ever"),
    "victim raises for good": Fault(
        ends_with("raise-for-good", 2, "samples in a row", 0.2), 5,
        "exit code 2 after 64 failures in a row; the same command tries all that failed again",
    ),
    "victim hangs": Fault(hangs, 3, "Ctrl-C ends it; the same command goes on"),
    "victim slow": Fault(slow, 3, "as if nothing were"),
    "victim answers NaN, some rows": Fault(
        ends_with("nan", 0, ""), 5, "these samples end with an error; the same command tries them again"
    ),
    "victim answers NaN for good": Fault(
        ends_with("nan-for-good", 2, "samples in a row", 0.2), 5,
        "exit code 2 after 64 failures in a row; the same command tries all that failed again",
    ),
    "victim answers a wrong shape": Fault(
        ends_with("wrong-shape", 2, "classes"), 5, "exit code 2; the same command goes on"
    ),
    "victim answers half a batch": Fault(
        ends_with("half", 2, "expected an answer of shape"), 5, "exit code 2; the same command goes on"
    ),
    "victim shuffles its rows, `brinkmap check`": Fault(checked, 3, "exit code 1 says so, for 4 n + 2 queries"),
    "victim shuffles its rows, audit alone": Fault(unchecked, 3, "**not noticed**: the results are wrong"),
}  # fmt: skip
