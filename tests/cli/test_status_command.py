"""`brinkmap status` on runs that are finished, dead and under way."""

import subprocess
import sys

import pytest

from brinkmap.cli import main

RUN = ["--victim", "digits", "--data", "digits", "--limit", "30", "--budget", "20", "--agent", "random"]
SICK = """
import numpy as np
from brinkmap.victims import load_victim

def factory():
    digits, seen = load_victim("digits"), []

    class Sick:
        shape, classes, bounds = digits.shape, digits.classes, digits.bounds

        def predict(self, batch):
            answers = digits.predict(batch)
            seen.append(len(batch))
            if len(seen) == 2:
                answers[0] = np.nan
            return answers

    return Sick()
"""
DIES = """
import sys
from brinkmap import audit, Run
from brinkmap.data import digits_heldout
from brinkmap.victims import load_victim

class Dies(Exception):
    pass

def watch(result, session):
    if result.index == 5:
        raise Dies

samples, labels = digits_heldout()
run = Run(agent="random", budget=20, slots=2)
if sys.argv[2] == "die":
    try:
        audit(load_victim("digits"), samples[:30], labels[:30], run, out=sys.argv[1], watch=watch)
    except Dies:
        sys.exit(0)
else:
    audit(load_victim("digits"), samples[:30], labels[:30], run, out=sys.argv[1], watch=lambda *_: (
        print("under way", flush=True), sys.stdin.read()))
"""


def status(folder, capsys, code=0):
    capsys.readouterr()
    assert main(["status", str(folder)]) == code
    said = capsys.readouterr()
    return " ".join((said.out + said.err).split())


def test_a_run_that_is_finished(tmp_path, capsys):
    assert main(["audit", *RUN, "--out", str(tmp_path / "out")]) == 0
    said = status(tmp_path / "out", capsys)
    assert "no: it is finished" in said
    assert "finished samples │ 30" in said
    assert "under way, or lost │ 0" in said


def test_a_run_that_died(tmp_path, capsys):
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path), "die"], check=True)
    said = status(tmp_path, capsys)
    assert "no: it was stopped; the same command goes on" in said
    assert "agent │ random" in said


def test_what_a_killed_run_had_asked_is_known_though_no_part_was_written(tmp_path, capsys):
    killed = DIES.replace("raise Dies", "import os; os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path), "die"]).returncode == -9
    assert not list((tmp_path / "parts").iterdir())
    said = status(tmp_path, capsys)
    asked = int(said.split("queries asked │ ")[1].split()[0])
    assert asked >= 6
    assert f"under way, or lost │ {asked}" in said
    assert "last sign of life │" in said


def test_the_last_failure_is_shown(tmp_path, capsys):
    (tmp_path / "sick.py").write_text(SICK)
    victim = f"{tmp_path / 'sick.py'}:factory"
    assert main(["audit", *RUN, "--victim", victim, "--out", str(tmp_path / "out")]) == 0
    said = status(tmp_path / "out", capsys)
    assert "failed with a reason │ 1" in said
    assert "last failure │ the victim answered NaN" in said


def test_a_run_under_way(tmp_path, capsys):
    command = [sys.executable, "-c", DIES, str(tmp_path), "live"]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "under way\n"
        assert "a process is writing to it" in status(tmp_path, capsys)
        assert main(["audit", *RUN, "--out", str(tmp_path)]) == 2
        assert "another process is writing to it" in capsys.readouterr().err
    finally:
        other.kill()
        other.wait()
    assert "no: it was stopped" in status(tmp_path, capsys)


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"run": 3}'])
def test_what_is_no_run_is_said(tmp_path, capsys, text):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    assert "holds no run: run.json cannot be read" in status(tmp_path, capsys, code=2)
