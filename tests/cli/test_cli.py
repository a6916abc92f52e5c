"""The `brinkmap` command: exit codes, one line an error, flags and TOML alike."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brinkmap import Run
from brinkmap.cli import main
from brinkmap.registry import KINDS, entries

VICTIM = f"{Path(__file__).parents[1] / 'victims_known.py'}:factory"
SAMPLES = np.random.default_rng(3).uniform(size=(6, 1, 8, 8)).astype(np.float32)
ATTACK = ["--agent", "random", "--patch", "2", "--budget", "25"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory of a command, with data in it."""
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=SAMPLES)
    np.savez("labelled.npz", x=SAMPLES, y=np.zeros(6, np.int64))
    np.savez("out_of_bounds.npz", x=SAMPLES * 3 + 2)
    np.savez("many_labels.npz", x=SAMPLES, y=np.zeros(7, np.int64))
    np.savez("empty.npz", x=SAMPLES[:0])
    np.savez("wide.npz", x=np.zeros((2, 1, 8, 9), np.float32))
    Path("torn.npz").write_bytes(b"PK\x03\x04 torn")
    Path("broken.py").write_text("raise RuntimeError('no weights')\n")
    Path("file").write_text("in the way")
    return tmp_path


def audited(*flags, data="data.npz"):
    return main(["audit", "--victim", VICTIM, "--data", data, *ATTACK, *flags])


def test_a_good_run_exits_0_and_says_what_it_found(folder, capsys):
    assert audited() == 0
    said, summary = capsys.readouterr(), json.loads((folder / "brinkmap-results" / "summary.json").read_text())
    assert "flipped within the budget" in said.out
    assert f"{summary['success_rate']:.1%}" in said.out
    assert said.err.startswith("agent: random\n")
    assert f"6/6 {summary['ledger_total']} queries" in said.err


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--max-success-rate", "1"], 0, "threshold met: success rate at most 1.0"),
        (["--max-success-rate", "0"], 1, "threshold MISSED: success rate at most 0.0"),
        (["--min-robust-l2", "0"], 0, "threshold met: median L2 at flip at least 0.0"),
        (["--min-robust-l2", "1e9", "--budget", "200"], 1, "threshold MISSED: median L2 at flip at least 1000000000.0"),
        (["--min-robust-l2", "0", "--max-success-rate", "0"], 1, "threshold met: median"),
    ],
    ids=str,
)
def test_a_missed_threshold_exits_1(folder, capsys, flags, code, said):
    assert audited(*flags) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--budget", "0"], "budget: expected at least 1 query"),
        (["--slots", "0"], "slots: expected at least 1 sample"),
        (["--max-l2", "-1"], "max_l2: expected a positive number"),
        (["--criterion", "least"], "criterion: expected untargeted"),
        (["--criterion", "topk:9"], "criterion topk:9: expected k from 1 to 2"),
        (["--distortions", "fog"], "unknown distortion 'fog'. Known: bare-detached"),
        (["--agent", "genius"], "unknown agent 'genius'"),
        (["--agent", "square"], "square: needs exactly one bound"),
        (["--patch", "a"], "patch: expected a number such as 4"),
        (["--victim", "nobody"], "unknown victim 'nobody'. Known: abnormal-beats, digits"),
        (["--victim", "missing.py:factory"], "victim: no such file: missing.py"),
        (["--victim", "broken.py:factory"], "victim: broken.py failed to run: RuntimeError: no weights"),
        (["--victim", f"{VICTIM}x"], "has no 'factoryx'"),
        (["--victim", VICTIM.replace("factory", "Linear")], "TypeError"),
        (["--victim", "missing.onnx"], "missing.onnx"),
        (["--victim", VICTIM.replace("factory", "label_factory"), "--agent", "credit"], "answers labels only"),
        (["--data", "nothing.npz"], "no such file or folder: nothing.npz"),
        (["--data", "torn.npz"], "torn.npz cannot be read"),
        (["--data", "empty.npz"], "empty.npz: x: expected at least one sample"),
        (["--data", "many_labels.npz"], "y: expected one label for each of 6 samples"),
        (["--data", "wide.npz"], "samples: expected the victim's shape (1, 8, 8), got (1, 8, 9)"),
        (
            ["--data", "out_of_bounds.npz"],
            "not one of 6 samples could be attacked; the first: sample 0: expected values",
        ),
        (["--limit", "0"], "limit: expected at least 1 sample"),
        (["--export", "gif"], "export: expected png or npy, got 'gif'"),
        (["--max-success-rate", "20"], "max_success_rate: expected a share from 0 to 1, got 20"),
        (["--out", "file"], "file"),
        (["--outputs", "logits"], "keeps its own settings"),
        (["--config", "missing.toml"], "config missing.toml"),
    ],
    ids=lambda value: " ".join(value).replace(VICTIM, "VICTIM") if isinstance(value, list) else "",
)
def test_bad_input_exits_2_with_one_line(folder, capsys, flags, said):
    assert audited(*flags) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("agent:", "attacking "))]
    assert len(lines) == 1
    assert lines[0].startswith("brinkmap: ")
    assert said in lines[0]


def test_bad_input_that_is_seen_before_the_first_query_shows_no_bar(folder, capsys):
    assert audited("--distortions", "fog") == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [["audit", "--data", "data.npz"], ["audit", "--budget", "x"], ["nonsense"], ["demo", "--no-such-flag"]],
    ids=str,
)
def test_what_is_no_command_line_exits_2(folder, capsys, args):
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
    assert capsys.readouterr().err


def test_another_runs_folder_is_refused(folder, capsys):
    assert audited() == 0
    assert audited("--seed", "1") == 2
    assert "holds another run (seed was 0, is 1)" in capsys.readouterr().err
    np.savez("data.npz", x=SAMPLES[::-1])
    assert audited() == 2
    assert "data_sha256 was" in capsys.readouterr().err


def test_every_setting_of_a_run_has_a_flag_with_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["audit", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    flags = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Run)]
    assert [flag for flag in flags if not re.search(rf"{flag}[ ,]", shown)] == []
    assert "Queries a sample may cost until it flips, the first clean look included." in shown


def figures(out):
    timed = {"seconds", "victim_seconds", "peak_rate", "achieved_rate"}
    summary = json.loads((out / "summary.json").read_text())
    return {key: value for key, value in summary.items() if key not in timed}, (out / "results.parquet").read_bytes()


TOML = f"""
victim = "{VICTIM}"
data = "labelled.npz"
out = "from-toml"
limit = 5
min-robust-l2 = 0
export = "npy"
agent = "credit"
distortions = ["illuminate", "gaussian-blur"]
patch = [2, "4x2"]
budget = 20
refine_budget = 5
max_l2 = [1, 2.5]
max_linf = 0.5
criterion = "confidence:0.4"
slots = 3
seed = 7
quantise = 8
trace = true
batch_size = 2
rate_limit = 100000
"""


def test_a_toml_file_does_what_the_flags_do(folder):
    Path("audit.toml").write_text(TOML)
    assert main(["audit", "--config", "audit.toml"]) == 0
    flags = """--data labelled.npz --out from-flags --limit 5 --min-robust-l2 0 --export npy --agent credit
        --distortions illuminate gaussian-blur --patch 2 4x2 --budget 20 --refine-budget 5 --max-l2 1 2.5 --max-linf 0.5
        --criterion confidence:0.4 --slots 3 --seed 7 --quantise 8 --trace --batch-size 2 --rate-limit 1e5"""
    assert main(["audit", "--victim", VICTIM, *flags.split()]) == 0
    assert figures(folder / "from-toml") == figures(folder / "from-flags")
    runs = [json.loads((folder / out / "run.json").read_text())["run"] for out in ("from-toml", "from-flags")]
    assert runs[0] == runs[1]
    assert len(list((folder / "from-toml" / "trace").iterdir())) == 1


def test_every_setting_of_a_run_may_stand_in_a_toml_file():
    assert all(f"\n{field.name} = " in TOML for field in dataclasses.fields(Run))


def test_flags_go_before_the_toml_file(folder):
    Path("audit.toml").write_text(f'victim = "{VICTIM}"\ndata = "data.npz"\npatch = 2\nbudget = 5\nseed = 1\n')
    assert main(["audit", "--config", "audit.toml", "--budget", "9", "--patch", "4", "2", "--agent", "random"]) == 0
    run = json.loads((folder / "brinkmap-results" / "run.json").read_text())["run"]
    assert (run["budget"], run["patch"], run["seed"], run["agent"]) == (9, ["4x4", "2x2"], 1, "random")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bugdet = 5", "config audit.toml: unknown key bugdet. Known: after_s, agent"),
        ("config = 'other.toml'", "unknown key config"),
        ("[run]\nbudget = 5", "unknown key run"),
        ("budget = '5'", "config audit.toml: budget: expected a whole number, got '5'"),
        ("budget = 5.5", "budget: expected a whole number, got 5.5"),
        ("budget = true", "budget: expected a whole number, got True"),
        ("limit = [5]", "limit: expected a whole number, got [5]"),
        ("max_l2 = 'near'", "max_l2: expected a number, got 'near'"),
        ("max_linf = [1]", "max_linf: expected a number, got [1]"),
        ("trace = 1", "trace: expected true or false, got 1"),
        ("criterion = 0.5", "criterion: expected a text, got 0.5"),
        ("bounds = 1", "bounds: expected 2 values, got 1"),
        ("mean = ['a']", "mean: expected a number, got 'a'"),
        ("agent = {name = 'random'}", "agent: expected a text, got {'name': 'random'}"),
        ("budget = ", "config audit.toml: Invalid value"),
    ],
)
def test_a_toml_file_that_cannot_be_used_exits_2(folder, capsys, line, said):
    Path("audit.toml").write_text(f'victim = "{VICTIM}"\ndata = "data.npz"\n{line}\n')
    assert main(["audit", "--config", "audit.toml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("brinkmap: ")
    assert said in error
    assert error.count("\n") == 1


def test_list_names_everything_that_is_registered(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for kind in KINDS:
        found = entries(kind)
        assert found
        assert all(f"{entry.name} " in shown and entry.description in shown for entry in found)


def test_list_prints_descriptions_as_they_are(capsys, monkeypatch):
    described = "Needs values in [0, 1] and [/bold] nerves."
    monkeypatch.setattr(
        "brinkmap.cli.list_command.entries", lambda kind: [dataclasses.replace(entries(kind)[0], description=described)]
    )
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list"]) == 0
    assert described in capsys.readouterr().out


HOSTILE = [
    "<script>alert(1)</script>",
    r"$\frac{",
    "{{ 7 * 7 }}{% raw %}",
    "[/bold][red]",
    "naïve 猫\u202e",
    "a\"b'c&d",
    "%s %d",
]


def test_hostile_class_names_never_break_the_report(folder):
    rows = ["file,label"]
    for place, name in enumerate(HOSTILE):
        pixels = np.random.default_rng(place).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{place}.png")
        quoted = name.replace('"', '""')
        rows.append(f'{place}.png,"{quoted}"')
    Path("table.csv").write_text("\n".join(rows), encoding="utf-8")
    Path("seven.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(VICTIM).parent)!r})\nfrom victims_known import Linear\n"
        "def factory():\n    return Linear((1, 8, 8), classes=7)\n"
    )
    flags = ["--victim", "seven.py:factory", "--data", "table.csv", *ATTACK, "--criterion", "confidence:1"]
    assert main(["audit", *flags]) == 0
    page = (folder / "brinkmap-results" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "{{ 7 * 7 }}{% raw %}" in page
    assert (folder / "brinkmap-results" / "pictures.png").stat().st_size > 0


def test_data_of_rank_1_and_3(folder):
    Path("other.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(VICTIM).parent)!r})\nfrom victims_known import Linear\n"
        "def signal():\n    return Linear((2, 24))\ndef clip():\n    return Linear((1, 3, 8, 8))\n"
    )
    for name, shape in {"signal": (2, 24), "clip": (1, 3, 8, 8)}.items():
        np.savez(f"{name}.npz", x=np.random.default_rng(0).uniform(size=(3, *shape)).astype(np.float32))
        flags = ["--victim", f"other.py:{name}", "--data", f"{name}.npz", "--out", name, "--budget", "5"]
        assert main(["audit", *flags]) == 0
        assert json.loads((folder / name / "summary.json").read_text())["attacked"] == 3


def test_the_demo_flips_more_than_half_of_fifty_digits(folder):
    pytest.importorskip("torch")
    assert main(["demo", "--samples", "54", "--budget", "60", "--refine-budget", "0"]) == 0
    summary = json.loads((folder / "demo-results" / "summary.json").read_text())
    assert summary["attacked"] >= 50
    assert summary["success_rate"] > 0.5
    assert (folder / "demo-results" / "pictures.png").exists()


TRAIN = ["train", "--victim", VICTIM, "--distortions", "illuminate", "--patch", "4"]


def test_train_writes_an_agent_that_audit_takes(folder, capsys):
    pytest.importorskip("torch")
    assert main([*TRAIN, "--queries", "300", "--data", "data.npz", "--out", "trained"]) == 0
    said = capsys.readouterr().out
    assert "training queries: 300" in said
    assert "agent: trained/agent.safetensors" in said
    assert (folder / "trained" / "learning-curve.png").is_file()
    assert main(["audit", "--victim", VICTIM, "--data", "data.npz", "--agent", "trained/agent.safetensors"]) == 0
    assert capsys.readouterr().err.startswith("agent: trained/agent.safetensors")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data", "data.npz", "--kind", "dqn"], "kind: expected response or ppo, got 'dqn'"),
        (["--data", "data.npz", "--labels"], "has none. Leave --labels out"),
        (["--data", "data.npz", "--queries", "3"], "queries: expected at least 64"),
        (["--data", "nothing.npz"], "no such file"),
        (["--data", "wide.npz"], "shape"),
    ],
    ids=str,
)
def test_bad_training_is_one_line_and_exit_code_2(folder, capsys, flags, said):
    pytest.importorskip("torch")
    assert main([*TRAIN, *flags]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_agent_file_that_is_none_is_one_line(folder, capsys):
    pytest.importorskip("torch")
    assert audited("--agent", "torn.safetensors") == 2
    assert "agent: no such file: torn.safetensors" in capsys.readouterr().err
