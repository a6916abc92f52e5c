"""The same audit again, whole, stopped or killed: it goes on to the same bytes and asks nothing twice."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import audited
from audited import LABELS, RUN, SAMPLES, VICTIM, Stopped, stop_after
from brinkmap import InputError, Presentation, Run, audit
from brinkmap.cli import main
from brinkmap.rows import read_results
from victims_known import AnswersNaNFor, CountsSamples, near, samples_for

shown = audited.shown  # a fixture for every test here


def test_the_same_call_again_asks_nothing_and_changes_nothing(tmp_path):
    first = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path).summary
    before = (tmp_path / "results.parquet").read_bytes()
    victim = CountsSamples(VICTIM)
    again = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path).summary
    assert victim.seen == 0
    assert (tmp_path / "results.parquet").read_bytes() == before
    timed = {"seconds", "victim_seconds", "peak_rate", "achieved_rate"}
    assert {key: again[key] for key in again.keys() - timed} == {key: first[key] for key in first.keys() - timed}


def test_slots_and_batch_size_leave_the_bytes_alone(tmp_path):
    for name, changes in {"a": {}, "b": {"slots": 3}, "c": {"batch_size": 2, "rate_limit": 1e6}}.items():
        audit(VICTIM, SAMPLES, LABELS, Run(**vars(RUN) | changes), out=tmp_path / name)
    files = {(tmp_path / name / "results.parquet").read_bytes() for name in "abc"}
    assert len(files) == 1


@pytest.mark.parametrize("agent", ["random", "square"])
@pytest.mark.parametrize("slots", [2, 256])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes_and_counts_what_it_lost(tmp_path, agent, slots):
    run = Run(**vars(RUN) | {"agent": agent, "slots": slots, "max_l2": (0.8, 1.2)})
    audit(VICTIM, SAMPLES, LABELS, run, out=tmp_path / "whole")
    victim = CountsSamples(VICTIM)
    for count in (3, 5):
        with pytest.raises(Stopped):
            audit(victim, SAMPLES, LABELS, run, out=tmp_path / "parts", watch=stop_after(count))
    done = audit(victim, SAMPLES, LABELS, run, out=tmp_path / "parts")
    assert (tmp_path / "parts/results.parquet").read_bytes() == (tmp_path / "whole/results.parquet").read_bytes()
    assert done.summary["ledger_total"] == victim.seen
    assert done.summary["queries_lost"] == victim.seen - done.summary["queries_total"] > 0


def test_what_the_victim_failed_on_is_tried_again(tmp_path):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "whole")
    sick = CountsSamples(AnswersNaNFor(VICTIM, near(SAMPLES[3])))
    first = audit(sick, SAMPLES, LABELS, RUN, out=tmp_path / "again").summary
    assert first["errors"] == 1
    well = CountsSamples(VICTIM)
    second = audit(well, SAMPLES, LABELS, RUN, out=tmp_path / "again").summary
    assert second["errors"] == 0 < well.seen < sick.seen
    assert (tmp_path / "again/results.parquet").read_bytes() == (tmp_path / "whole/results.parquet").read_bytes()
    assert second["ledger_total"] == sick.seen + well.seen == second["queries_total"] + second["queries_lost"]


def test_what_a_resumed_run_shows_are_the_same_pictures(tmp_path, shown):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "whole")
    with pytest.raises(Stopped):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "parts", watch=stop_after(6))
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "parts")
    whole, parts = ([(case.index, case.modified.tobytes(), case.filters) for case in view.cases] for view in shown)
    assert whole == parts != []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": Run(**vars(RUN) | {"seed": 1})}, "seed was 0, is 1"),
        ({"run": Run(**vars(RUN) | {"patch": 4})}, r"patch was \['2x2'\], is \['4x4'\]"),
        ({"source": {"data_sha256": "f00"}}, "data_sha256 was None, is 'f00'"),
        ({"presentation": Presentation(export="npy")}, "export was None, is 'npy'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_run_is_refused_before_the_first_query(tmp_path, changes, said):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path)
    before = (tmp_path / "results.parquet").read_bytes()
    victim = CountsSamples(VICTIM)
    with pytest.raises(InputError, match=said):
        audit(victim, SAMPLES, LABELS, **({"run": RUN, "out": tmp_path} | changes))
    assert victim.seen == 0
    assert (tmp_path / "results.parquet").read_bytes() == before


def test_results_so_far_are_kept_when_the_data_break(tmp_path):
    def broken():
        yield from SAMPLES[:5]
        raise InputError("cat.png cannot be read")

    with pytest.raises(InputError, match=r"^cat.png cannot be read"):
        audit(VICTIM, broken(), None, Run(**vars(RUN) | {"slots": 1}), out=tmp_path)
    parts = sorted((tmp_path / "parts").iterdir())
    assert [one.index for part in parts for one in read_results(part)] == [0, 1, 2, 3, 4]


WRAPPER = """
import signal
import sys
import brinkmap.store
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
brinkmap.store.PART_ROWS = 4
from brinkmap.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def command(tmp_path):
    """The words of `brinkmap audit` of 60 samples into a folder."""
    victim = Path(__file__).with_name("victims_known.py")
    samples, labels = samples_for(VICTIM, 60)
    np.savez(tmp_path / "data.npz", x=samples, y=labels)
    (tmp_path / "wrapper.py").write_text(WRAPPER)

    def words(out, *more):
        flags = ["--agent", "random", "--patch", "2", "--budget", "30", "--slots", "4", "--out", str(out), *more]
        what = ["audit", "--victim", f"{victim}:factory", "--data", str(tmp_path / "data.npz")]
        return [*what, *flags]

    return words


def interrupted(words, folder, by):
    """The exit code of a run in a process of its own that gets a signal once its first part is written."""
    out = folder / "killed"
    slowly = [sys.executable, str(folder / "wrapper.py"), *words, "--rate-limit", "300"]
    process = subprocess.Popen(slowly, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while not (out / "parts" / "part-000000.parquet").exists():
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"it ended by itself: {process.communicate()[1]}")
        process.send_signal(by)
        return process.wait(30), process.communicate()[1]
    finally:
        process.kill()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_the_same_command_after_a_kill_ends_with_the_same_bytes(tmp_path, command, by):
    code, said = interrupted(command(tmp_path / "killed"), tmp_path, by)
    assert code == (-9 if by == signal.SIGKILL else 130)
    if by == signal.SIGINT:
        assert said.splitlines()[-1].startswith("brinkmap: interrupted; what is finished is kept")
    kept = len(list((tmp_path / "killed" / "parts").glob("*.parquet")))
    assert not (tmp_path / "killed" / "results.parquet").exists()
    for out in ("killed", "whole"):
        assert main(command(tmp_path / out)) == 0
    killed, whole = ((tmp_path / out / "results.parquet").read_bytes() for out in ("killed", "whole"))
    assert killed == whole
    assert len(list((tmp_path / "killed" / "parts").glob("*.parquet"))) > kept >= 1
    after, straight = (json.loads((tmp_path / out / "summary.json").read_text()) for out in ("killed", "whole"))
    assert after["queries_lost"] > 0 == straight["queries_lost"]
    assert after["ledger_total"] == after["queries_total"] + after["queries_lost"]
