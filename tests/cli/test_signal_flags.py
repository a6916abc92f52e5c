"""ECG recordings on the command line: cut as asked, and one clear line where that cannot be."""

import json

import numpy as np
import pytest

from brinkmap.cli import main

VICTIM = """
import numpy as np

def sharp(batch):
    steep = np.abs(np.diff(batch, axis=-1)).max(axis=(1, 2))
    chance = 1 / (1 + np.exp(-8 * (steep - 0.5)))
    return np.stack([1 - chance, chance], axis=1).astype(np.float32)

sharp.shape, sharp.classes, sharp.bounds, sharp.unit, sharp.rate_hz = (1, 200), 2, (-5.0, 5.0), "mV", 100.0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten seconds of one lead at 100 Hz, a spike every second."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim.py").write_text(VICTIM)
    values = 0.05 * np.random.default_rng(0).normal(size=1000)
    values[50::100] += 1.5
    rows = [f"{row / 100:.2f},{value:.4f},{-value:.4f}" for row, value in enumerate(values)]
    (tmp_path / "strip.csv").write_text("time_s,II,V5\n" + "\n".join(rows) + "\n")
    return tmp_path


def explained(*flags):
    return main(
        ["explain", "--victim", "victim.py:sharp", "--data", "strip.csv", "--queries", "30", "--out", "out", *flags]
    )


def test_a_recording_is_cut_into_windows(folder, capsys):
    assert explained("--window-s", "2", "--file-unit", "mV") == 0
    told = json.loads((folder / "out" / "explanations.json").read_text())["explanations"]
    assert len(told) == 5
    assert told[0]["name"].startswith("strip:")
    assert " s: " in capsys.readouterr().out


def test_another_lead(folder):
    assert explained("--window-s", "2", "--file-unit", "mV", "--leads", "V5") == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--window-s", "2"], "unit"),
        (["--window-s", "20", "--file-unit", "mV"], "20"),
        (["--window-s", "2", "--file-unit", "mV", "--leads", "aVR"], "no lead 'aVR'. It has II (0), V5 (1)"),
        (["--label-by", "magic", "--file-unit", "mV"], "label_by: expected strips or beats, got 'magic'"),
        (["--before-s", "1", "--file-unit", "mV"], "before_s: of no use without labels"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line(folder, capsys, flags, said):
    assert explained(*flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
