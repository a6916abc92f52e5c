"""Recordings and videos go into every command that attacks: cut by the same flags, for the victim's shape."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

for place in ("ecg", "video"):
    sys.path.insert(0, str(Path(__file__).parents[1] / "data" / place))

from ecg_records import annotate, waves, write_wfdb  # noqa: E402
from video_files import save_video  # noqa: E402

from brinkmap.cli import main  # noqa: E402

VICTIM = """
import numpy as np

def says(batch):
    chance = 1 / (1 + np.exp(-20 * batch.reshape(len(batch), -1).std(axis=1)))
    return np.stack([chance, 1 - chance], axis=1).astype(np.float32)

says.shape, says.classes = {shape}, 2
says.{facts}
"""


@pytest.fixture
def beats(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = 'bounds, says.unit, says.rate_hz = (-5.0, 5.0), "mV", 100.0'
    Path("victim.py").write_text(VICTIM.format(shape=(1, 64), facts=facts))
    header = write_wfdb(tmp_path / "data", signal=waves(30))
    annotate(header, np.arange(28) + 1.5, ["N"] * 28)
    return ["--label-by", "beats", "--before-s", "0.3", "--after-s", "0.34", "--leads", "V1"]


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("victim.py").write_text(VICTIM.format(shape=(1, 4, 8, 8), facts="bounds = (0.0, 1.0)"))
    for place in range(6):
        (tmp_path / "data" / "ab"[place % 2]).mkdir(parents=True, exist_ok=True)
        save_video(tmp_path / "data" / "ab"[place % 2] / f"{place}.mp4", frames=8, size=(16, 16))
    return ["--sampling", "dense"]


@pytest.fixture(params=["beats", "clips"])
def flags(request):
    return request.getfixturevalue(request.param)


COMMANDS = {
    "train": ["--queries", "256", "--distortions", "gaussian-noise", "--patch", "4"],
    "benchmark": ["--limit", "2", "--budget", "4", "--distortions", "gaussian-noise", "--severities", "level:3"],
    "compare": ["--samples", "2", "--budget", "4", "--attacks", "random"],
}
LEFT = {"train": "agent.safetensors", "benchmark": "manifest.json", "compare": "compare.json"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reads_what_audit_reads(flags, command):
    told = ["--victim", "victim.py:says", "--data", "data", *COMMANDS[command], *flags, "--out", "out"]
    assert main([command, *told]) == 0
    assert Path("out", LEFT[command]).is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_that_fit_nothing_are_said(clips, capsys, command):
    told = ["--victim", "victim.py:says", "--data", "digits", *COMMANDS[command], *clips, "--out", "out"]
    assert main([command, *told]) == 2
    assert "sampling: digits holds no videos. Leave it out" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_another_rate_is_refused_and_resampled_when_asked(beats, capsys, command):
    Path("victim.py").write_text(Path("victim.py").read_text().replace("100.0", "50.0").replace("64", "32"))
    told = ["--victim", "victim.py:says", "--data", "data", *COMMANDS[command], *beats, "--out", "out"]
    assert main([command, *told]) == 2
    assert "50" in capsys.readouterr().err
    assert main([command, *told, "--resample"]) == 0


def test_a_test_set_without_labels_says_how_recordings_get_some(beats, capsys):
    told = ["--victim", "victim.py:says", "--data", "data", "--window-s", "0.64", "--out", "out"]
    assert main(["benchmark", *told]) == 2
    assert "--label-by for recordings with annotations" in capsys.readouterr().err
