"""Campaigns in one process: the same bytes for any number of workers, under a total, after deaths and stops."""

import importlib
import json
from collections import deque

import fsspec
import numpy as np
import pytest

import audited
from audited import LABELS, SAMPLES, VICTIM, Stopped
from brinkmap import Demands, InputError, MissingExtra, Presentation, Run, audit
from brinkmap.campaign import Scale, campaign, with_workers
from brinkmap.campaign.crew import Died, InProcess, Ready
from brinkmap.cli import main
from brinkmap.errors import BrinkmapError, VictimError
from brinkmap.victims.tally import read_tally
from victims_known import CountsSamples, Linear, RaisesFor, near, samples_for

shown = audited.shown  # a fixture for every test here
MORE, MORE_LABELS = samples_for(VICTIM, 40)
RUN = Run(agent="random", patch=2, budget=30, refine_budget=10, slots=4)
TOTALS = (3 * 40, 500)


def many(workers, **more):
    """A crew of so many workers that take turns."""
    return lambda: type("Many", (InProcess,), {"cpus": workers} | more)()


def run_of(out, *, workers=1, samples=MORE, labels=MORE_LABELS, run=RUN, victim=VICTIM, crew=None, **more):
    scale = {name: more.pop(name) for name in ("total_queries",) if name in more}
    return campaign(
        lambda: victim, samples, labels, run, Scale(workers=workers, **scale), out=out,
        crew=crew or many(workers), **more,
    )  # fmt: skip


def merged(folder):
    return (folder / "results.parquet").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same by an ordinary audit."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            importlib.import_module("brinkmap.audit"), "write_report", lambda folder, _: folder / "report.html"
        )
        done = audit(VICTIM, MORE, MORE_LABELS, RUN, out=folder)
    return merged(folder), done.summary


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_bytes_and_the_figures_are_those_of_an_audit(tmp_path, whole, workers):
    victim = CountsSamples(VICTIM)
    done = run_of(tmp_path, workers=workers, victim=victim)
    timed = {"seconds", "victim_seconds", "peak_rate", "achieved_rate", "batch_size"}
    assert merged(tmp_path) == whole[0]
    assert {key: done.summary[key] for key in whole[1].keys() - timed} == {
        key: value for key, value in whole[1].items() if key not in timed
    }
    assert done.summary["ledger_total"] == victim.seen


@pytest.mark.parametrize("agent", ["credit", "square"])
def test_bounds_and_attacks_that_own_their_loop(tmp_path, agent):
    run = Run(**vars(RUN) | {"agent": agent, "max_l2": (0.8, 1.2)})
    audit(VICTIM, SAMPLES, LABELS, run, out=tmp_path / "a")
    run_of(tmp_path / "b", workers=3, samples=SAMPLES, labels=LABELS, run=run)
    assert merged(tmp_path / "a") == merged(tmp_path / "b")


def test_traces_are_kept(tmp_path):
    run = Run(**vars(RUN) | {"trace": True})
    audit(VICTIM, SAMPLES, LABELS, run, out=tmp_path / "a")
    run_of(tmp_path / "b", workers=2, samples=SAMPLES, labels=LABELS, run=run)
    assert merged(tmp_path / "a") == merged(tmp_path / "b")
    steps = [sum(path.stat().st_size > 0 for path in (tmp_path / name / "trace").iterdir()) for name in "ab"]
    assert min(steps) >= 1


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_total_gives_the_same_bytes_for_any_number_of_workers_and_is_not_exceeded(tmp_path, whole, total, workers):
    victim = CountsSamples(VICTIM)
    done = run_of(tmp_path / "many", workers=workers, victim=victim, total_queries=total).summary
    run_of(tmp_path / "one", total_queries=total)
    assert merged(tmp_path / "many") == merged(tmp_path / "one") != whole[0]
    assert done["ledger_total"] == victim.seen <= total
    assert done["queries_total"] + done["queries_dropped"] == done["ledger_total"]
    assert done["samples"] + done["samples_dropped"] == len(MORE)
    assert done["queries_lost"] == 0


@pytest.mark.parametrize("first", TOTALS)
def test_a_total_may_be_raised_or_lifted_later_and_asks_nothing_when_repeated(tmp_path, whole, first):
    victim = CountsSamples(VICTIM)
    before = run_of(tmp_path, workers=2, victim=victim, total_queries=first).summary
    bytes_before, seen = merged(tmp_path), victim.seen
    again = run_of(tmp_path, workers=3, victim=victim, total_queries=first).summary
    assert victim.seen == seen
    assert merged(tmp_path) == bytes_before
    assert again["queries_dropped"] == before["queries_dropped"]
    last = run_of(tmp_path, victim=victim).summary
    assert merged(tmp_path) == whole[0]
    assert last["ledger_total"] == victim.seen == last["queries_total"] + last["queries_dropped"]


def test_a_total_may_be_lowered_later(tmp_path):
    run_of(tmp_path / "a", total_queries=500)
    victim = CountsSamples(VICTIM)
    done = run_of(tmp_path / "a", total_queries=150, victim=victim).summary
    run_of(tmp_path / "b", total_queries=150)
    assert victim.seen == 0
    assert merged(tmp_path / "a") == merged(tmp_path / "b")
    assert done["queries_total"] + done["queries_dropped"] == done["ledger_total"]


def test_a_total_too_small_for_one_sample_is_said(tmp_path):
    with pytest.raises(InputError, match="total_queries: 2 are too few for the first sample, on which 2 were spent"):
        run_of(tmp_path, total_queries=2)


class Mortal(InProcess):
    """Workers of which the first to do a step dies of it, after its queries have gone out."""

    cpus = 2
    deaths = 1

    def wait(self):
        event = self._events[0]
        if isinstance(event, Ready) or not self.deaths:
            return super().wait()
        self.deaths -= 1
        super().wait()
        return self.bury(event[0], "killed")

    def bury(self, worker, why):
        self._events = deque(one for one in self._events if one[0] != worker)
        return Died(worker, why)


@pytest.mark.parametrize("total", [None, 900])
def test_a_dead_worker_loses_queries_but_no_result_and_each_is_counted_once(tmp_path, total):
    victim = CountsSamples(VICTIM)
    done = run_of(tmp_path / "mortal", workers=2, victim=victim, crew=Mortal, total_queries=total).summary
    run_of(tmp_path / "one", total_queries=total)
    assert merged(tmp_path / "mortal") == merged(tmp_path / "one")
    assert done["worker_deaths"] == 1
    assert done["queries_lost"] > 0
    assert done["ledger_total"] == victim.seen == sum(done[f"queries_{kind}"] for kind in ("total", "lost", "dropped"))
    assert done["queries_unseen_at_most"] == 0


def test_where_a_workers_count_cannot_be_seen_the_most_it_can_have_been_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("brinkmap.campaign.worker.Tally", lambda path: type("Elsewhere", (), {"write": lambda *_: 0})())
    victim = CountsSamples(VICTIM)
    done = run_of(tmp_path, workers=2, victim=victim, crew=Mortal).summary
    assert 0 < victim.seen - done["ledger_total"] <= done["queries_unseen_at_most"]


class Doomed(Mortal):
    """Every worker dies at once."""

    def wait(self):
        event = self._events[0]
        return super().wait() if isinstance(event, Ready) else self.bury(event[0], "out of memory")


def test_workers_that_die_over_and_over_end_the_campaign(tmp_path):
    with pytest.raises(VictimError, match=r"3 workers have died, .*: out of memory. What is finished is kept"):
        run_of(tmp_path, workers=2, crew=Doomed)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_campaign_goes_on_with_another_number_of_workers_to_the_same_bytes(tmp_path, whole, workers):
    victim = CountsSamples(VICTIM)

    def stop(progressed):
        raise Stopped

    for number in (2, 3):
        with pytest.raises(Stopped):
            run_of(tmp_path, workers=number, victim=victim, watch=stop)
    done = run_of(tmp_path, workers=workers, victim=victim).summary
    assert merged(tmp_path) == whole[0]
    assert done["ledger_total"] == victim.seen == done["queries_total"] + done["queries_lost"]


def test_an_audit_and_a_campaign_go_on_from_each_other(tmp_path, whole):
    victim = CountsSamples(VICTIM)
    with pytest.raises(Stopped):
        audit(victim, MORE, MORE_LABELS, RUN, out=tmp_path, watch=audited.stop_after(9))
    with pytest.raises(Stopped):
        run_of(tmp_path, workers=2, victim=victim, watch=lambda _: (_ for _ in ()).throw(Stopped))
    done = audit(victim, MORE, MORE_LABELS, RUN, out=tmp_path).summary
    assert merged(tmp_path) == whole[0]
    assert done["ledger_total"] == victim.seen == done["queries_total"] + done["queries_lost"]


def test_what_a_killed_driver_had_not_written_is_in_the_workers_counts(tmp_path):
    victim = CountsSamples(VICTIM)
    with pytest.raises(Stopped):
        run_of(tmp_path, workers=2, victim=victim, watch=lambda _: (_ for _ in ()).throw(Stopped))
    state = json.loads((tmp_path / "run.json").read_text())
    for name in ("ledger_total", "tallied"):  # as if the last that the driver wrote had been at the start
        state["costs"][name] = 0
    (tmp_path / "run.json").write_text(json.dumps(state))
    assert with_workers(state["costs"], tmp_path)["ledger_total"] == victim.seen
    assert sum(read_tally(path)[0] for path in (tmp_path / "ledger").iterdir()) == victim.seen
    assert run_of(tmp_path, victim=victim).summary["ledger_total"] == victim.seen


def test_bad_samples_are_results_with_their_error(tmp_path):
    samples = MORE.copy()
    samples[[3, 17]] = np.nan
    audit(VICTIM, samples, MORE_LABELS, RUN, out=tmp_path / "a")
    run_of(tmp_path / "b", workers=3, samples=samples)
    assert merged(tmp_path / "a") == merged(tmp_path / "b")


def test_a_victim_that_fails_altogether_ends_it_and_what_is_finished_is_kept(tmp_path, whole):
    victim = RaisesFor(VICTIM, near(MORE[30]))

    def raised(batch):
        if victim.kind is not None and any(victim.kind(row) for row in batch):
            raise VictimError("the service is down")
        return VICTIM.predict(batch)

    victim.predict = raised
    with pytest.raises(VictimError, match="the service is down"):
        run_of(tmp_path, workers=2, victim=victim)
    assert list((tmp_path / "parts").iterdir())
    victim.kind = None
    run_of(tmp_path, workers=2, victim=victim)
    assert merged(tmp_path) == whole[0]


def test_what_is_shown_is_what_an_audit_shows(tmp_path, shown):
    audit(VICTIM, MORE, MORE_LABELS, RUN, out=tmp_path / "a")
    run_of(tmp_path / "b", workers=3)
    one, other = ([(case.index, case.modified.tobytes(), case.filters) for case in view.cases] for view in shown)
    assert one == other != []


def test_exported_files_are_those_of_an_audit(tmp_path):
    presentation = Presentation(export="npy")
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "a", presentation=presentation)
    done = run_of(tmp_path / "b", workers=2, samples=SAMPLES, labels=LABELS, presentation=presentation)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name / "adversarial").iterdir()} for name in "ab"]
    assert files[0] == files[1] != {}
    assert done.summary["export"]["files"] == len(files[0])


def test_demands_are_judged(tmp_path):
    assert not run_of(tmp_path, demands=Demands(max_success_rate=0.0)).passed


def test_results_go_to_a_url_and_go_on_from_there(tmp_path, whole):
    files, url = fsspec.filesystem("memory"), f"memory://{tmp_path.name}/night"
    victim = CountsSamples(VICTIM)
    with pytest.raises(Stopped):
        run_of(url, workers=2, victim=victim, watch=lambda _: (_ for _ in ()).throw(Stopped))
    done = run_of(url, workers=3, victim=victim)
    assert files.cat(f"{url}/results.parquet") == whole[0]
    assert done.summary["ledger_total"] == victim.seen
    assert (done.directory, done.report) == (url, f"{url}/report.html")
    assert json.loads(files.cat(f"{url}/summary.json"))["ledger_total"] == victim.seen


def test_the_campaign_that_was_started_last_takes_a_url_over(tmp_path):
    url = f"memory://{tmp_path.name}/taken"

    def start_another(progressed):
        run_of(url, run=RUN)

    with pytest.raises(BrinkmapError, match="another campaign has taken it over"):
        run_of(url, watch=start_another)


@pytest.mark.parametrize(
    ("out", "error", "said"),
    [
        ("nope://x", InputError, "nope://x cannot be opened: .*nope"),
        ("/dev/null/x", OSError, "Not a directory"),
        ("file:///dev/null/x", InputError, "nothing can be kept at file:///dev/null/x"),
    ],
)
def test_a_place_that_takes_no_results_is_said(out, error, said):
    with pytest.raises(error, match=said):
        run_of(out)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (Scale(workers=0), "workers: expected at least 1, got 0"),
        (Scale(total_queries=0), "total_queries: expected at least 1 query, got 0"),
    ],
)
def test_a_scale_that_cannot_work_is_said(tmp_path, scale, said):
    with pytest.raises(InputError, match=said):
        campaign(lambda: VICTIM, MORE, MORE_LABELS, RUN, scale, out=tmp_path)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no cluster answers at '127.0.0.1:1': .*leave --ray out"),
        ("elsewhere", "expected HOST:PORT, ray://HOST:PORT or auto, got 'elsewhere'"),
    ],
)
def test_a_cluster_that_does_not_answer_is_said(tmp_path, address, said):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=said):
        campaign(lambda: VICTIM, MORE, MORE_LABELS, RUN, Scale(ray=address), out=tmp_path)


@pytest.mark.parametrize(("module", "scale", "out"), [("ray", Scale(workers=2), "here"), ("fsspec", Scale(), "s3://x")])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, module, scale, out):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingExtra, match=r"pip install 'brinkmap\[ray\]'"):
        campaign(lambda: VICTIM, MORE, MORE_LABELS, RUN, scale, out=out)


def test_the_rate_limit_is_shared_out(tmp_path):
    crew, recipes = many(4)(), []
    start = crew.start
    crew.start = lambda worker, recipe, tally: (recipes.append(recipe), start(worker, recipe, tally))
    run_of(tmp_path, workers=4, run=Run(**vars(RUN) | {"rate_limit": 8e6}), crew=lambda: crew)
    assert [recipe.run.rate_limit for recipe in recipes] == [2e6] * 4


def test_the_batch_size_that_was_settled_on_first_is_used_by_all(tmp_path):
    done = run_of(tmp_path, workers=3, samples=np.tile(MORE, (5, 1, 1, 1)), labels=np.tile(MORE_LABELS, 5))
    state = json.loads((tmp_path / "run.json").read_text())
    assert state["batch_size"] == done.summary["batch_size"] is not None


COMMAND = ["audit", "--victim", "digits", "--data", "digits", "--limit", "20", "--budget", "20", "--agent", "random"]


def test_the_command_line_with_a_total_and_its_status(tmp_path, capsys):
    pytest.importorskip("torch")
    out = str(tmp_path / "out")
    assert main([*COMMAND, "--out", out, "--total-queries", "150"]) == 0
    capsys.readouterr()
    assert main(["status", out]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "total of queries │ 150" in said
    assert "workers │ 1" in said
    assert "queries asked │ 150" in said
    assert "of these spent past the total │" in said


def test_the_command_line_with_a_url_and_its_status(tmp_path, capsys):
    pytest.importorskip("torch")
    url = f"memory://{tmp_path.name}/cli"
    (tmp_path / "audit.toml").write_text(f'out = "{url}"\ntotal_queries = 150\n')
    assert main([*COMMAND, "--config", str(tmp_path / "audit.toml")]) == 0
    assert f"Report: {url}/report.html" in capsys.readouterr().out.replace("\n", "")
    assert main(["status", url]) == 0
    assert "finished samples" in capsys.readouterr().out


def test_linear_is_exact_in_any_batch():
    """What all of this rests on."""
    victim = Linear((1, 8, 8))
    assert np.array_equal(victim.predict(MORE), np.concatenate([victim.predict(one[None]) for one in MORE]))
