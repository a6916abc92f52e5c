"""A run as it is seen from outside: JSON lines, counters for Prometheus, and nothing where nobody asked."""

import json
import logging
import urllib.request

import pytest

from brinkmap import InputError, Run, audit
from brinkmap.cli import main
from brinkmap.events import LOGGER, tell
from brinkmap.observing import observed
from victims_known import AnswersNaNFor, CountsSamples, Linear, near, samples_for

VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 8)
RUN = Run(agent="random", patch=2, budget=20, slots=2)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_tells_what_happened_and_its_counters_are_the_ledgers(tmp_path, monkeypatch):
    monkeypatch.setattr("brinkmap.recorded.TOLD_EVERY_S", 0.0)
    victim = CountsSamples(VICTIM)
    with observed(log=tmp_path / "logs" / "run.jsonl", run="night"):
        summary = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path / "out").summary
    said = lines(tmp_path / "logs" / "run.jsonl")
    assert [said[0]["event"], said[-1]["event"], said[-1]["how"]] == ["run began", "run ended", "finished"]
    assert {"progress", "part written"} <= {one["event"] for one in said}
    queries = [one["queries"] for one in said]
    assert queries == sorted(queries)
    assert queries[-1] == summary["ledger_total"] == victim.seen
    assert (said[-1]["finished"], said[-1]["failed"]) == (8, 0)
    assert said[-1]["flipped"] == round(summary["success_rate"] * summary["attacked"])
    assert len({one["run"] for one in said}) == 1
    assert said[0]["run"].startswith("night ")


def test_a_run_that_goes_on_counts_on_in_the_same_file(tmp_path):
    class Stop(Exception):
        pass

    def stop(result, session):
        raise Stop

    log = tmp_path / "run.jsonl"
    with pytest.raises(Stop), observed(log=log):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "out", watch=stop)
    first = lines(log)
    assert first[-1]["how"] == "stopped"
    with observed(log=log):
        summary = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "out").summary
    said = lines(log)
    assert said[: len(first)] == first
    assert said[len(first)]["queries"] == first[-1]["queries"] > 0
    assert said[-1]["queries"] == summary["ledger_total"]
    assert said[-1]["run"] != first[-1]["run"]


def test_a_sample_that_fails_is_told_as_a_warning(tmp_path):
    sick = AnswersNaNFor(VICTIM, near(SAMPLES[3], but_clean=True))
    with observed(log=tmp_path / "run.jsonl"):
        audit(sick, SAMPLES, LABELS, RUN, out=tmp_path / "out")
    [failed] = [one for one in lines(tmp_path / "run.jsonl") if one["event"] == "sample failed"]
    assert (failed["level"], failed["index"]) == ("warning", 3)
    assert "NaN" in failed["error"]


def test_counters_are_served_on_loopback_while_it_runs(tmp_path, monkeypatch):
    pytest.importorskip("prometheus_client")
    from brinkmap.observing.prometheus import Counters

    monkeypatch.setattr("brinkmap.recorded.TOLD_EVERY_S", 0.0)
    served, counters = [], []
    monkeypatch.setattr(Counters, "__init__", remember(Counters.__init__, counters))

    def watch(result, session):
        with urllib.request.urlopen(f"http://127.0.0.1:{counters[0].port}/metrics") as answer:
            served.append(figures(answer.read().decode()))

    with observed(metrics_port=0):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path, watch=watch)
    assert len(served) == 8
    asked = [one["brinkmap_queries_total"] for one in served]
    assert asked == sorted(asked)
    assert asked[-1] > asked[0] >= 2
    assert served[-1]["brinkmap_failed_total"] == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{counters[0].port}/metrics", timeout=2)


def remember(init, made):
    def wrapped(self, *args):
        init(self, *args)
        made.append(self)

    return wrapped


def figures(text):
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_a_taken_port_and_a_file_that_cannot_be_are_named(tmp_path):
    pytest.importorskip("prometheus_client")
    from brinkmap.observing.prometheus import Counters

    taken = Counters(0)
    try:
        with (
            pytest.raises(InputError, match=f"metrics_port: {taken.port} cannot be listened on"),
            observed(metrics_port=taken.port),
        ):
            pass
    finally:
        taken.close()
    with pytest.raises(InputError, match=r"log: .* cannot be written"), observed(log=tmp_path):
        pass


def test_a_log_on_a_full_disk_says_so_once_and_the_run_goes_on(tmp_path, capsys):
    with observed(log=tmp_path / "full"):
        [handler] = [one for one in LOGGER.handlers if not isinstance(one, logging.NullHandler)]
        handler._file.close()
        handler._file = open("/dev/full", "w", buffering=1)  # noqa: SIM115
        tell("one")
        tell("two")
    assert capsys.readouterr().err.count("no more is logged: [Errno 28]") == 1


def test_nobody_listens_unasked(capsys):
    handlers, level = list(LOGGER.handlers), LOGGER.level
    with observed():
        tell("nothing")
    assert (list(LOGGER.handlers), LOGGER.level) == (handlers, level)
    assert capsys.readouterr() == ("", "")


def test_the_command_line_has_both(tmp_path):
    words = ["audit", "--victim", "digits", "--data", "digits", "--limit", "4", "--budget", "5", "--agent", "random"]
    assert main([*words, "--out", str(tmp_path / "out"), "--log", str(tmp_path / "log.jsonl")]) == 0
    assert lines(tmp_path / "log.jsonl")[-1]["finished"] == 4
