"""Suites as TOML files, and `brinkmap compare` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from brinkmap.cli import main
from brinkmap.compare.suite_file import read_suite
from brinkmap.data import digits_heldout
from brinkmap.errors import InputError

SUITES = sorted((Path(__file__).resolve().parents[2] / "benchmarks" / "suites").glob("*.toml"))
GOOD = """
title = "Two"
against = "square"
samples = 5
[run]
budget = 20
max_l2 = [1.0]
[[victim]]
name = "digits CNN"
victim = "digits"
data = "digits"
[[attack]]
agent = "square"
[[attack]]
name = "by hand"
agent = "random"
distortions = ["tint"]
patch = 1
max_l2 = 2.0
"""


def written(tmp_path, text):
    path = tmp_path / "suite.toml"
    path.write_text(text)
    return path


def test_a_suite_says_who_meets_whom_on_which_terms(tmp_path):
    suite = read_suite(written(tmp_path, GOOD))
    cells = [(cell.contender.name, cell.bound, cell.run.budget) for cell in suite.cells()]
    assert cells == [("square", "L2 <= 1", 20), ("by hand", "L2 <= 2", 20)]
    assert suite.reference == "square"


def test_files_are_named_relative_to_the_suite(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from victims_known import *\ndef data():\n    return samples_for(factory(), 6)\n"
    )
    text = GOOD.replace('victim = "digits"', 'victim = "mine.py:factory"').replace(
        'data = "digits"', 'data = "mine.py:data"'
    )
    victim, samples, labels = read_suite(written(tmp_path, text)).targets[0].load()
    assert (victim.shape, len(samples), len(labels)) == ((1, 8, 8), 6, 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("samples = 5", "sample = 5"), "unknown key sample. Known: against"),
        (('data = "digits"', ""), r"a \[\[victim\]\] without data"),
        (('agent = "square"', ""), r"an \[\[attack\]\] without agent"),
        (("budget = 20", "budget = 0"), "attack 'square': budget: expected at least 1"),
        (("patch = 1", "pitch = 1"), "unknown key pitch in attack"),
        (('title = "Two"', "title = "), "suite .*suite.toml: "),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_suite_that_cannot_work_names_file_and_key(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        read_suite(written(tmp_path, GOOD.replace(*change)))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_the_suites_of_the_benchmarks_can_be_read(path):
    suite = read_suite(path)
    assert len(list(suite.cells())) >= len(suite.contenders)


def test_the_command_runs_a_suite_and_names_its_report(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["compare", "--suite", str(written(tmp_path, GOOD)), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.rstrip().endswith(f"Report: {out / 'report.html'}")
    rows = json.loads((out / "compare.json").read_text())["rows"]
    assert [row["attack"] for row in rows] == ["square", "by hand"]


def test_the_command_compares_by_names_alone(tmp_path, capsys):
    given = ["--attacks", "random", "credit", "--samples", "4", "--budget", "10", "--out", str(tmp_path)]
    assert main(["compare", *given]) == 0
    assert "natural, no bound" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--attacks", "genius"], "unknown agent 'genius'"),
        (["--suite", "nowhere.toml"], "suite nowhere.toml: "),
        (["--victim", "nowhere.onnx"], "nowhere.onnx"),
        (["--budget", "0"], "budget: expected at least 1 query"),
        (["--samples", "0"], "samples: expected at least 1, got 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(given, said, tmp_path, capsys):
    assert main(["compare", *given, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_other_data_are_another_comparison(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    samples, labels = digits_heldout()
    for name, part in (("one", slice(0, 20)), ("two", slice(20, 40))):
        np.savez(f"{name}.npz", x=samples[part], y=labels[part])
    flags = ["compare", "--victim", "digits", "--attacks", "random", "--samples", "3", "--budget", "5", "--out", "out"]
    assert main([*flags, "--data", "one.npz"]) == 0
    assert main([*flags, "--data", "one.npz"]) == 0
    assert main([*flags, "--data", "two.npz"]) == 2
    assert "holds another comparison" in capsys.readouterr().err
