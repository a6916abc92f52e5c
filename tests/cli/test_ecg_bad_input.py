"""Recordings that an ECG audit cannot take: one clear line, exit code 2, and nothing resampled behind one's back."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from brinkmap.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "data" / "ecg"))

from ecg_records import waves, with_gap, write_csv, write_wfdb

VICTIM = """
import numpy as np

def tall(batch):
    chance = 1 / (1 + np.exp(-4 * (np.abs(batch).max(axis=(1, 2)) - 1.3)))
    return np.stack([1 - chance, chance, np.full(len(batch), 1e-6)], axis=1).astype(np.float32) / (1 + 1e-6)

tall.shape, tall.classes, tall.bounds, tall.unit, tall.rate_hz = (1, 200), 3, (-5.0, 5.0), "mV", 100.0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim.py").write_text(VICTIM)
    return tmp_path


def audited(data, *flags):
    return main(
        ["audit", "--victim", "victim.py:tall", "--data", str(data), "--window-s", "2", "--patch", "50ms", "--budget",
         "20", "--distortions", "bare-motion", "--out", "out", *flags]
    )  # fmt: skip


def csv_of(folder, signal, rate=100, header=("time", "II (mV)")):
    rows = [(place / rate, *values) for place, values in enumerate(signal)]
    return write_csv(folder / "r.csv", list(header), rows)


def without_header(folder):
    write_wfdb(folder)
    (folder / "r1.hea").unlink()
    return folder / "r1.hea"


def without_signals(folder):
    header = write_wfdb(folder)
    (folder / "r1.dat").unlink()
    return header


def flat(folder):
    signal = waves(leads=1)
    signal[:] = 0.2
    return csv_of(folder, signal)


BAD = {
    "missing header": (without_header, "r1.hea: no such header. Without it lead, rate and unit of r1.dat"),
    "a folder without headers": (lambda folder: without_header(folder / "all").parent, "1 .dat files and no header"),
    "the signals instead of the header": (lambda folder: write_wfdb(folder).with_suffix(".dat"), "Give "),
    "the name without .hea": (lambda folder: write_wfdb(folder).with_suffix(""), "record is given by its header"),
    "missing signals": (without_signals, "no such file beside it: r1.dat"),
    "another rate": (lambda folder: csv_of(folder, waves(leads=1, rate=125), 125), "rate of 100 Hz, got 125"),
    "another rate, WFDB": (lambda folder: write_wfdb(folder, rate=360), "a sampling rate of 100 Hz, got 360 Hz"),
    "flat lead": (flat, "lead II is flat: 0.2 mV all the time"),
    "gaps everywhere": (
        lambda folder: csv_of(folder, with_gap(waves(2.5, leads=1), 0.5, 80)), "1 of 1 samples left out for a gap"
    ),
    "unit unknown": (
        lambda folder: csv_of(folder, waves(leads=1), header=("time", "II")), "lead II: unit unknown"
    ),
    "uncalibrated": (lambda folder: uncalibrated(folder), "is not calibrated"),
    "shorter than a window": (lambda folder: csv_of(folder, waves(1.5, leads=1)), "expected 2 s at least, one window"),
    "beyond the bounds": (lambda folder: csv_of(folder, 9 * waves(4, leads=1)), "bounds"),
}  # fmt: skip


def uncalibrated(folder):
    header = write_wfdb(folder)
    lines = header.read_text().splitlines()
    lines[1] = " ".join(["r1.dat", "16"])
    header.write_text("\n".join([lines[0], lines[1], *lines[2:]]) + "\n")
    return header


@pytest.mark.parametrize("kind", BAD)
def test_bad_recordings_are_one_line(folder, capsys, kind):
    make, said = BAD[kind]
    data = make(folder)
    assert audited(data) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    told = [line for line in err if line.startswith("brinkmap: ")]
    assert len(told) == 1
    assert said in told[0]
    assert "Traceback" not in "".join(err)


def test_a_gap_costs_its_windows_and_says_so(folder, capsys):
    data = csv_of(folder, with_gap(waves(10, leads=1), 4.5, 30))
    assert audited(data) == 0
    assert "1 of 5 samples left out for a gap" in capsys.readouterr().out
    assert json.loads((folder / "out" / "summary.json").read_text())["samples"] == 4


def test_resampling_is_asked_for(folder, capsys):
    data = csv_of(folder, waves(10, leads=1, rate=125), 125)
    assert audited(data, "--resample") == 0
    assert json.loads((folder / "out" / "summary.json").read_text())["samples"] == 5


def test_milliseconds_without_a_rate_are_refused(folder, capsys):
    (folder / "victim.py").write_text(VICTIM.replace(", tall.rate_hz", "").replace(", 100.0\n", "\n"))
    np.savez(folder / "x.npz", x=np.zeros((2, 1, 200), np.float32))
    assert main(["audit", "--victim", "victim.py:tall", "--data", "x.npz", "--patch", "50ms", "--out", "out"]) == 2
    assert "50ms needs the victim's sampling rate" in capsys.readouterr().err


def test_flips_by_kind_on_the_command_line(folder, capsys):
    data = csv_of(folder, waves(10, leads=1))
    assert audited(data, "--normal-classes", "0", "--unclassifiable-classes", "2") == 0
    flips = json.loads((folder / "out" / "summary.json").read_text())["flips"]
    assert flips["alarm"] > 0
    assert f"{flips['alarm']} of {flips['normals']}" in capsys.readouterr().out


def test_a_class_that_is_not_there_is_refused(folder, capsys):
    assert audited(csv_of(folder, waves(10, leads=1)), "--normal-classes", "sinus") == 2
    assert "no class 'sinus'" in capsys.readouterr().err
