"""`brinkmap harden`: a model that audits take, one line an error, nothing lost."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from brinkmap.cli import main

QUICK = ["--limit", "200", "--epochs", "2", "--check-every", "1", "--batch", "64"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("unlabelled.npz", x=rng.uniform(size=(20, 1, 8, 8)).astype(np.float32))
    two = np.repeat([0, 1], 20)
    np.savez("signals.npz", x=rng.normal(0, 0.3, (40, 1, 16)).astype(np.float32) + two[:, None, None], y=two)
    (tmp_path / "nets.py").write_text(
        "import torch\n"
        "def net():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
        "def no_net():\n    return lambda batch: batch\n"
    )
    return tmp_path


def hardened(*flags, data="digits-train"):
    return main(["harden", "--data", data, *QUICK, *flags])


@pytest.mark.parametrize("method", ["cross-entropy", "policy-gradient"])
def test_what_it_writes_can_be_audited(folder, capsys, method):
    assert hardened("--method", method, "--test-data", "digits", "--out", "out") == 0
    said = capsys.readouterr().out
    assert "test: accuracy" in said
    assert "against FGSM" in said
    for name in ("model.safetensors", "history.csv", "curve.png", "summary.json", "checkpoint.safetensors"):
        assert (folder / "out" / name).stat().st_size > 0, name
    assert json.loads((folder / "out" / "summary.json").read_text())["picked"]["epoch"] in (1, 2)
    audit = ["audit", "--victim", "out/model.safetensors", "--data", "digits", "--limit", "4", "--budget", "5"]
    assert main(audit) == 0


def test_the_same_command_goes_on_and_another_one_is_refused(folder, capsys):
    assert hardened("--optimiser", "published", "--out", "out") == 0
    before = (folder / "out" / "model.safetensors").read_bytes()
    assert hardened("--optimiser", "published", "--out", "out") == 0
    assert (folder / "out" / "model.safetensors").read_bytes() == before
    assert hardened("--optimiser", "published", "--epochs", "3", "--out", "out") == 0
    assert len((folder / "out" / "history.csv").read_text().splitlines()) == 4
    assert hardened("--optimiser", "published", "--epsilon", "0.2", "--out", "out") == 2
    assert "was begun with" in capsys.readouterr().err


def test_signals_on_bounds_of_their_own(folder, capsys):
    flags = ["--bounds", "-3", "4", "--no-layer-norm", "--adversary", "none", "--out", "out"]
    assert main(["harden", "--data", "signals.npz", "--epochs", "30", "--rate", "0.003", *flags]) == 0
    assert "validation: accuracy 100.0%" in capsys.readouterr().out
    audit = ["audit", "--victim", "out/model.safetensors", "--data", "signals.npz", "--limit", "4", "--budget", "5"]
    assert main(audit) == 0


@pytest.mark.parametrize("pool", ["attack", "distorted"])
def test_attacked_samples_and_what_they_came_to(folder, capsys, pool):
    assert hardened("--adversary", "none", "--out", "plain") == 0
    flags = ["--pool", pool, "--every", "1", "--max-l2", "2", "--patch", "2", "--budget", "10", "--agent", "random"]
    start = ["--network", "plain/model.safetensors", "--adversary", "none", "--audit", "8", "--tolerance", "0.5"]
    assert hardened(*start, *flags, "--test-data", "digits", "--out", "out") == 0
    assert "8 of 540 test samples attacked by random, budget 10, L2 at most 2" in capsys.readouterr().out
    found = json.loads((folder / "out" / "before-after.json").read_text())
    assert sorted(found) == ["before", "hardened"]
    assert found["before"]["samples"] == found["hardened"]["samples"] == 8


def test_plans_of_its_own_and_the_attack_that_judges_them(folder, capsys):
    flags = ["--adversary", "planned", "--epsilon", "0.1", "--max-l2", "1", "--budget", "10", "--audit", "8"]
    assert hardened(*flags, "--out", "out") == 0
    assert "against the attack" in capsys.readouterr().out
    assert "Planned(max_l2=1.0" in json.loads((folder / "out" / "summary.json").read_text())["recipe"]


def test_a_network_of_the_users_own(folder, capsys):
    assert hardened("--network", "nets.py:net", "--out", "out") == 0
    assert "load its weights into nets.py:net" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--method", "magic"], "method: expected one of cross-entropy, policy-gradient, got 'magic'"),
        (["--adversary", "cw"], "adversary: expected one of none, fgsm, pgd, planned, got 'cw'"),
        (["--adversary", "planned"], "--adversary planned needs one distance to plan within, got 0"),
        (["--rewards", "sweets"], "rewards: expected one of constant, repeated, balanced, got 'sweets'"),
        (["--baseline", "x"], "baseline: expected one of none, mean, expected, got 'x'"),
        (["--epsilon", "8"], "epsilon: expected a distance above 0 and up to 1, got 8.0"),
        (["--epochs", "0"], "epochs: expected at least 1, got 0"),
        (["--data", "unlabelled.npz"], "unlabelled.npz has no labels, which training needs"),
        (["--data", "signals.npz"], "sample 0: expected values within the victim's bounds 0 to 1"),
        (["--network", "resnet"], "a name of `brinkmap list` or path/to/file.py:factory, got 'resnet'"),
        (["--network", "none.safetensors"], "none.safetensors"),
        (["--pool", "x"], "pool: expected none, attack or distorted, got 'x'"),
        (["--pool", "attack", "--every", "3"], "check_every: expected a multiple of the pool's 3 epochs"),
        (["--network", "nets.py:no_net"], "only a torch module can be trained here"),
        (["--data", "signals.npz", "--bounds", "-3", "4"], "always +1 and -1, so that nothing can be learned"),
        (["--judge", "x"], "judge: expected one of attack, fgsm, pgd, got 'x'"),
        (["--judge", "attack"], "judge: an attack without a bound flips nearly everything. Give max_l2 or max_linf"),
        (["--easiest", "0.5"], "easiest: only the bound of --pool attack grows"),
        (["--patience", "0"], "patience: expected at least 1, got 0"),
        (["--audit", "-1", "--pool", "distorted", "--every", "1"], "audit: expected 0 samples or more, got -1"),
        (["--frames", "4"], "frames: digits-train holds no videos"),
        (["--leads", "II"], "signals: digits-train comes ready to use"),
        (["--baselines", "none", "cw"], "baselines: expected some of none, random, fgsm, pgd, square, simba, got 'cw'"),
        (["--baselines", "pgd", "--optimiser", "modern"], "Give --optimiser steady or published"),
        (["--baselines", "square"], "square searches at a distance. Give either --max-l2 or --max-linf"),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_exit_2(folder, capsys, flags, said):
    assert hardened("--out", "out", *flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"no safetensors at all"], ids=len)
def test_a_victim_file_that_is_none_is_said_so(folder, capsys, content):
    (folder / "model.safetensors").write_bytes(content)
    assert main(["audit", "--victim", "model.safetensors", "--data", "digits", "--limit", "2"]) == 2
    assert "model.safetensors" in capsys.readouterr().err


def test_an_agents_file_is_no_victim(folder, capsys):
    from brinkmap.agents.shipped import WEIGHTS

    assert main(["audit", "--victim", str(WEIGHTS / "digits.safetensors"), "--data", "digits", "--limit", "2"]) == 2
    assert "no classifier of ours" in capsys.readouterr().err
