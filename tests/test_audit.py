"""A whole audit: figures that add up, resuming that leaves no trace, demands, exports."""

import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brinkmap import Demands, InputError, Presentation, Run, audit
from brinkmap.cli import main
from brinkmap.store import read_results
from victims_known import CountsSamples, FlipsWhenDark, Linear, RaisesFor, near, samples_for

VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 12)
RUN = Run(agent="random", patch=2, budget=30, refine_budget=10)
ISSUE_KEYS = [
    "samples",
    "clean_accuracy",
    "success_rate",
    "queries_spent_mean",
    "queries_capped_mean",
    "queries_median",
    "steps_mean",
    "l2_mean",
    "linf_mean",
    "queries_total",
    "ledger_total",
    "cache_hits",
    "seconds",
    "victim_seconds",
    "peak_rate",
    "achieved_rate",
]


@pytest.fixture(autouse=True)
def shown(request, monkeypatch):
    """What reports were asked to show; drawing takes its time, so only tests that ask for `drawn` do."""
    views, module = [], importlib.import_module("brinkmap.audit")
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(module, "write_report", lambda folder, view: views.append(view) or folder / "report.html")
    return views


@pytest.fixture
def drawn():
    """Asked for by tests that want the report itself."""


@pytest.mark.usefixtures("drawn")
def test_the_summary_has_every_figure_and_they_add_up(tmp_path):
    victim = CountsSamples(VICTIM)
    labels = np.array([(LABELS[0] + 1) % 3, *LABELS[1:]])
    summary = audit(victim, SAMPLES, labels, RUN, out=tmp_path).summary
    assert set(ISSUE_KEYS) <= summary.keys()
    assert all(isinstance(summary[key], (int, float)) for key in ISSUE_KEYS)
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    results = read_results(tmp_path / "results.parquet")
    assert victim.seen == summary["ledger_total"] == summary["queries_total"] == sum(one.queries for one in results)
    assert summary["queries_lost"] == 0
    assert (summary["samples"], summary["skipped"], summary["attacked"]) == (12, 1, 11)
    assert summary["success_rate"] == sum(one.success for one in results) / 11
    assert summary["seconds"] >= summary["victim_seconds"] > 0
    assert summary["peak_rate"] >= summary["achieved_rate"] > 0
    assert (tmp_path / "report.html").stat().st_size > 1000


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


class Stopped(Exception): ...


def stop_after(count):
    seen = []

    def watch(result, session):
        seen.append(result)
        if len(seen) == count:
            raise Stopped

    return watch


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


def flips_at(distance):
    """Every sample flips at this L2, at the first darkening by one card."""
    cell = np.full((6, 1, 8, 8), 0.5, np.float32)
    return FlipsWhenDark(cell=0, patch=8, fall=distance / 8 - 1e-3), cell


@pytest.mark.parametrize(
    ("demands", "passed"),
    [
        (Demands(), []),
        (Demands(min_robust_l2=2.39), [True]),
        (Demands(min_robust_l2=2.41), [False]),
        (Demands(max_success_rate=1.0), [True]),
        (Demands(max_success_rate=0.99), [False]),
        (Demands(min_robust_l2=0.0, max_success_rate=0.0), [True, False]),
    ],
    ids=repr,
)
def test_demands_are_judged_by_median_distance_and_success_rate(tmp_path, demands, passed):
    victim, samples = flips_at(2.4)  # .3 darker, the strongest level, in 64 values
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=20)
    done = audit(victim, samples, None, run, out=tmp_path, demands=demands)
    assert done.summary["success_rate"] == 1.0
    assert done.summary["l2_median"] == pytest.approx(2.4, abs=1e-3)
    assert [one.passed for one in done.thresholds] == passed
    assert done.passed == done.summary["passed"] == all(passed)


def test_samples_that_never_flip_count_as_infinitely_far(tmp_path):
    victim, samples = flips_at(6.0)
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=9)
    done = audit(victim, samples, None, run, out=tmp_path, demands=Demands(min_robust_l2=100, max_success_rate=0.0))
    assert done.summary["l2_mean"] is None
    assert done.passed


def test_where_nothing_was_attacked_no_demand_is_met(tmp_path):
    demands = Demands(min_robust_l2=0.1, max_success_rate=1.0)
    done = audit(VICTIM, SAMPLES, (LABELS + 1) % 3, RUN, out=tmp_path, demands=demands)
    assert (done.summary["attacked"], done.summary["skipped"], done.summary["success_rate"]) == (0, 12, None)
    assert [(one.measured, one.passed) for one in done.thresholds] == [(None, False)] * 2


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ({"max_success_rate": 20}, "max_success_rate: expected a share from 0 to 1, got 20"),
        ({"max_success_rate": float("nan")}, "max_success_rate: expected a share from 0 to 1, got nan"),
        ({"min_robust_l2": -1}, "min_robust_l2: expected a distance of at least 0, got -1"),
    ],
    ids=str,
)
def test_demands_that_cannot_be_judged_are_refused(demand, said):
    with pytest.raises(InputError, match=said):
        Demands(**demand)


def test_one_bad_sample_is_a_row_and_all_bad_ones_are_an_error(tmp_path):
    samples = SAMPLES.copy()
    samples[3] += 2
    done = audit(VICTIM, samples, LABELS, RUN, out=tmp_path / "one")
    assert (done.summary["errors"], done.summary["samples"]) == (1, 12)
    with pytest.raises(
        InputError, match="not one of 12 samples could be attacked; the first: sample 0: expected values"
    ):
        audit(VICTIM, SAMPLES + 2, LABELS, RUN, out=tmp_path / "all")
    assert len(read_results(tmp_path / "all" / "results.parquet")) == 12


@pytest.mark.parametrize("kind", ["png", "npy"])
@pytest.mark.parametrize("channels", [1, 3])
def test_exported_files_survive_and_their_queries_are_counted(tmp_path, kind, channels):
    victim = CountsSamples(Linear((channels, 8, 8), bounds=(-1.0, 1.0)))
    run = Run(**vars(RUN) | {"quantise": 8})
    done = audit(
        victim, *samples_for(victim.victim, 12), run, out=tmp_path, presentation=Presentation(export=kind)
    ).summary
    assert done["export"] == {"files": done["successes"], "survived": done["successes"], "queries": done["successes"]}
    assert done["successes"] >= 3
    assert done["ledger_total"] == victim.seen == done["queries_total"] + done["export"]["queries"]
    assert done["queries_lost"] == 0
    names = {f"{one.index:06d}.{kind}" for one in read_results(tmp_path / "results.parquet") if one.success}
    assert {path.name for path in (tmp_path / "adversarial").iterdir()} == names


def test_scoring_files_again_is_paid_for_again(tmp_path):
    victim = CountsSamples(VICTIM)
    for times in (1, 2):
        done = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path, presentation=Presentation(export="npy")).summary
        assert done["export"]["queries"] == times * done["successes"]
        assert done["ledger_total"] == victim.seen
        assert done["queries_lost"] == 0


def test_a_stopped_run_still_exports_every_success(tmp_path):
    presentation = Presentation(export="npy")
    with pytest.raises(Stopped):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path, presentation=presentation, watch=stop_after(6))
    done = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path, presentation=presentation).summary
    assert done["export"]["files"] == done["export"]["survived"] == done["successes"] > 3


def test_files_that_do_not_survive_are_not_counted_as_if_they_did(tmp_path):
    """Without `quantise` the nearest flips are lost in 8 bits."""
    victim, samples = FlipsWhenDark(cell=0, patch=8, level=0.503, fall=0.2999), np.full((1, 1, 8, 8), 0.503, np.float32)
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=20)
    done = audit(victim, samples, None, run, out=tmp_path, presentation=Presentation(export="png")).summary
    assert (done["export"]["files"], done["export"]["survived"]) == (1, 0)


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        ((1, 8, 8), "gif", "export: expected png or npy, got 'gif'"),
        (
            (2, 8, 8),
            "png",
            r"export png: expected pictures of 1 or 3 channels, got samples of shape \(2, 8, 8\). Use npy",
        ),
        ((1, 16), "png", "export png: expected pictures"),
    ],
    ids=str,
)
def test_an_export_that_cannot_work_is_refused_and_leaves_no_folder(tmp_path, shape, kind, said):
    victim = CountsSamples(Linear(shape))
    with pytest.raises(InputError, match=said):
        audit(victim, *samples_for(victim.victim, 2), RUN, out=tmp_path / "new", presentation=Presentation(export=kind))
    assert victim.seen == 0
    assert not (tmp_path / "new").exists()


def test_several_bounds_are_summarised_each(tmp_path):
    run = Run(**vars(RUN) | {"max_l2": (0.8, 1.5)})
    done = audit(VICTIM, SAMPLES, LABELS, run, out=tmp_path, presentation=Presentation(export="npy")).summary
    assert [part["max_l2"] for part in done["by_bound"]] == [0.8, 1.5]
    assert done["samples"] == 12
    assert done["ledger_total"] == done["queries_total"] + done["export"]["queries"]
    assert done["export"]["files"] == sum(part["successes"] for part in done["by_bound"])
    assert len(list((tmp_path / "adversarial").iterdir())) == done["export"]["survived"] == done["export"]["files"]


def test_results_so_far_are_kept_when_the_data_break(tmp_path):
    def broken():
        yield from SAMPLES[:5]
        raise InputError("cat.png cannot be read")

    with pytest.raises(InputError, match=r"^cat.png cannot be read"):
        audit(VICTIM, broken(), None, Run(**vars(RUN) | {"slots": 1}), out=tmp_path)
    parts = sorted((tmp_path / "parts").iterdir())
    assert [one.index for part in parts for one in read_results(part)] == [0, 1, 2, 3, 4]


def test_a_victim_that_raises_for_one_sample_leaves_a_row_with_the_reason(tmp_path):
    victim = CountsSamples(RaisesFor(VICTIM, near(SAMPLES[4])))
    done = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path).summary
    [failed] = [one for one in read_results(tmp_path / "results.parquet") if one.error]
    assert (failed.index, failed.error) == (4, "the victim raised RuntimeError: no answer to that")
    assert done["ledger_total"] == victim.seen == done["queries_total"]


WRAPPER = """
import sys
import brinkmap.store
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
