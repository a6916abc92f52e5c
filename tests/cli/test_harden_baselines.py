"""`brinkmap harden` before and after and against baselines: trained, attacked alike, reported, and taken up again."""

import json
import shutil
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.cli import main  # noqa: E402
from brinkmap.harden import BASELINES, Labelled, Recipe, Steady, fit, split  # noqa: E402
from brinkmap.victims.networks import SmallVGG, load_classifier, save_classifier  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three classes, each bright in a place of its own, and a network that has learned them."""
    folder = tmp_path_factory.mktemp("made")
    for name, count, seed in (("train", 90, 0), ("test", 30, 1)):
        rng = np.random.default_rng(seed)
        y = np.resize([0, 1, 2], count)
        x = rng.uniform(0.2, 0.4, (count, 1, 8, 8)).astype(np.float32)
        for row, label in enumerate(y):
            x[row, 0, 2 * label : 2 * label + 2] += 0.3
        np.savez(folder / f"{name}.npz", x=x, y=y)
    torch.manual_seed(0)
    net = SmallVGG((1, 8, 8), 3, (8, 16), 32)
    held = np.load(folder / "train.npz")
    train, validation = split(Labelled(held["x"], held["y"]))
    fitted = fit(net, train, validation, Recipe(optimiser=Steady(5e-3, warm_up=5), epochs=15))
    assert fitted.best.natural["validation"] > 0.8
    save_classifier(fitted.net, folder / "net.safetensors")
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in made.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


START = ["harden", "--network", "net.safetensors", "--data", "train.npz", "--adversary", "none", "--epochs", "2",
         "--check-every", "1", "--every", "1", "--max-l2", "1", "--budget", "6", "--patch", "2"]  # fmt: skip


NEW = ["--network", "small-vgg"]


def hardened(*flags):
    return main([*START, "--judge", "fgsm", *flags, "--out", "out"])


def found(folder):
    return json.loads((folder / "out" / "before-after.json").read_text())


def test_every_baseline_is_trained_as_long_attacked_alike_and_shown(folder, capsys):
    flags = ["--pool", "attack", "--test-data", "test.npz", "--audit", "5", "--baselines", *reversed(BASELINES)]
    assert hardened(*flags) == 0
    told = found(folder)
    assert sorted(told) == sorted(["before", "hardened", *BASELINES])
    seconds = told["hardened"]["seconds"]
    assert "seconds" not in told["before"]
    for name in BASELINES:
        assert told[name]["seconds"] >= seconds
        assert told[name]["ended"] == "seconds"
        assert told[name]["samples"] == told["before"]["samples"] == 5
        summary = json.loads((folder / "out" / "baselines" / name / "summary.json").read_text())
        assert summary["max_seconds"] == seconds
        assert summary["epochs"] == told[name]["epochs"]
    assert (told["random"]["training_queries"] > 0) == (told["none"]["training_queries"] == 0)
    page = (folder / "out" / "report.md").read_text()
    assert "| figure | before | hardened | none | random | fgsm | pgd | square | simba |" in page
    for row in ("clean accuracy", "flipped within", "queries, failures", "L2 of", "CPU seconds", "epochs of training"):
        assert f"| {row}" in page, row
    said = capsys.readouterr().out
    assert all(f"\n {name} " in said or f"\n{name} " in said for name in BASELINES)


def test_a_baseline_is_what_the_command_trains_without_a_pool_for_as_many_epochs(folder):
    assert hardened("--pool", "attack", "--baselines", "none", "--audit", "0") == 0
    every = json.loads((folder / "out" / "baselines" / "none" / "pace.json").read_text())["check_every"]
    steady = ["--optimiser", "steady", "--audit", "0", "--judge", "fgsm", "--out", "alone"]
    assert main([*START, *steady, "--epochs", str(found(folder)["none"]["epochs"]), "--check-every", str(every)]) == 0
    nets = [load_classifier(folder / path / "model.safetensors") for path in ("out/baselines/none", "alone")]
    one, other = (victim.function.module.state_dict() for victim in nets)
    assert all(torch.equal(values, other[name]) for name, values in one.items())


def test_the_same_command_trains_and_attacks_nothing_twice(folder, monkeypatch):
    flags = ["--pool", "attack", "--audit", "4", "--baselines", "random", "fgsm"]
    assert hardened(*flags) == 0
    kept = (path for path in (folder / "out").rglob("*") if path.suffix in (".json", ".safetensors"))
    first = {path: path.read_bytes() for path in kept}
    (folder / "out" / "baselines" / "fgsm" / "model.safetensors").unlink()
    monkeypatch.setattr(sys.modules["brinkmap.harden.fit"]._Training, "epoch", None)
    monkeypatch.setattr("brinkmap.harden.look_every", None)
    monkeypatch.setattr("brinkmap.cli.harden_audit.attack", None)
    assert hardened(*flags) == 0
    assert {path: path.read_bytes() for path in first} == first


def test_a_command_stopped_in_a_baseline_goes_on_there(folder, monkeypatch):
    flags = ["--pool", "attack", "--audit", "4", "--baselines", "none", "pgd"]
    from brinkmap.harden import PGD

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PGD, "__call__", interrupted)
        assert hardened(*flags) == 130
    kept = (folder / "out" / "baselines" / "none" / "checkpoint.safetensors").read_bytes()
    assert hardened(*flags) == 0
    assert (folder / "out" / "baselines" / "none" / "checkpoint.safetensors").read_bytes() == kept
    assert sorted(found(folder)) == ["before", "hardened", "none", "pgd"]


def test_the_network_that_was_given_is_the_one_before(folder):
    assert hardened("--pool", "attack", "--test-data", "test.npz", "--agent", "random") == 0
    before = found(folder)["before"]
    audit = ["audit", "--victim", "net.safetensors", "--data", "test.npz", "--agent", "random", "--max-l2", "1",
             "--budget", "6", "--patch", "2", "--out", "audited"]  # fmt: skip
    assert main(audit) == 0
    summary = json.loads((folder / "audited" / "summary.json").read_text())
    for name in ("clean_accuracy", "success_rate", "queries_capped_mean"):
        assert before[name] == pytest.approx(summary[name]), name
    assert before["samples"] == 30  # as many as there are
    assert before["l2_mean"] == pytest.approx(summary["l2_mean"])


@pytest.mark.parametrize(
    ("flags", "audited"),
    [(["--pool", "distorted"], 9), ([], 9), (["--pool", "distorted", "--audit", "0"], 0), (NEW, 0)],
    ids=str,
)
def test_before_and_after_come_unasked_where_there_was_something_before(folder, flags, audited):
    assert hardened(*flags) == 0
    path = folder / "out" / "before-after.json"
    assert path.exists() == bool(audited)
    assert ("No attack was made before and after" in (folder / "out" / "report.md").read_text()) == (not audited)
    if audited:
        assert found(folder)["hardened"]["samples"] == audited


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--pool", "attack"], "against the attack"),
        (["--pool", "attack", "--judge", "pgd"], "against PGD"),
        (["--adversary", "pgd"], "against PGD"),
        (["--adversary", "pgd", "--judge", "attack"], "against the attack"),
    ],
    ids=str,
)
def test_checkpoints_are_judged_by_the_pools_attack_unless_told(folder, capsys, flags, said):
    assert main([*START, *flags, "--audit", "0", "--out", "out"]) == 0
    assert "validation: accuracy" in (told := capsys.readouterr().out)
    assert said in told
    recipe = json.loads((folder / "out" / "summary.json").read_text())["recipe"]
    assert ("judge=UnderAttack" in recipe) == ("judged=100" in recipe) == (said == "against the attack")


def test_patience_is_stated(folder, capsys):
    assert hardened("--epochs", "30", "--patience", "2", "--audit", "0") == 0
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert (summary["ended"], summary["patience"]) == ("patience", 2)
    assert summary["epochs"] == summary["picked"]["epoch"] + 2 < 30
    assert "by patience 2" in capsys.readouterr().out
    assert "after 2 looks without a better one" in (folder / "out" / "report.md").read_text()
