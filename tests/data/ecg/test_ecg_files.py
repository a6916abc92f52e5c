"""CSV, NPZ and EDF, and what `load_data` makes of a path."""

import re
import sys

import numpy as np
import pytest
from ecg_records import RATE, annotate, save_image, save_npz, waves, with_gap, write_csv, write_wfdb
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.data import load_data
from brinkmap.data.ecg import Signals, Strips
from brinkmap.errors import InputError, MissingExtra

TIMES = np.arange(3000)[:, None] / RATE


def write_edf(path, signal, unit="mV", leads=("II", "V1"), rates=(RATE, RATE)):
    edfio = pytest.importorskip("edfio")
    edfio.Edf(
        [
            edfio.EdfSignal(values, rate, label=lead, physical_dimension=unit, physical_range=(-10, 10))
            for values, lead, rate in zip(signal.T, leads, rates, strict=True)
        ]
    ).write(path)
    return path


@pytest.fixture(params=["seconds", "milliseconds", "no times", "units in the header", "npz", "edf", "wfdb"])
def same(request, tmp_path):
    """The same recording by each way in, and what its file leaves to be stated."""
    signal, stated = waves(), {"file_unit": "mV", "file_rate_hz": RATE}
    unit = {"file_unit": "mV"}
    if request.param == "seconds":
        return write_csv(tmp_path / "r1.csv", ["time", "II", "V1"], np.hstack([TIMES, signal])), unit
    if request.param == "milliseconds":
        return write_csv(tmp_path / "r1.csv", ["Time (ms)", "II", "V1"], np.hstack([TIMES * 1000, signal])), unit
    if request.param == "no times":
        return write_csv(tmp_path / "r1.csv", ["II", "V1"], signal), stated
    if request.param == "units in the header":
        rows = np.hstack([TIMES, signal * 1000])
        return write_csv(tmp_path / "r1.csv", ["t", "II (uV)", "V1 [µV]"], rows), {}
    if request.param == "npz":
        return save_npz(tmp_path / "r1.npz", x=signal.T[None], rate_hz=RATE, unit="mV"), {}
    if request.param == "edf":
        return write_edf(tmp_path / "r1.edf", signal), {}
    return write_wfdb(tmp_path), {}


def test_every_format_gives_the_same_samples(same):
    path, stated = same
    data = load_data(path, signals=Signals(leads=(1, 0), **stated))
    assert (data.shape, data.rate_hz, data.unit, len(data)) == ((2, 1000), RATE, "mV", 3)
    assert_allclose(np.concatenate(list(data), axis=1), waves().T[::-1], atol=5e-4)
    assert [name.split(":")[1] for name in data.names] == ["0", "10", "20"]


def test_a_limit_and_a_checksum_hold_for_recordings_too(same):
    path, stated = same
    signals = Signals(**stated)
    whole, part = load_data(path, signals=signals), load_data(path, signals=signals, limit=2)
    assert part.names == whole.names[:2]
    assert whole.checksum == load_data(path, signals=signals).checksum != part.checksum
    assert_array_equal(np.stack(list(whole)), np.stack(list(whole)))


def test_empty_cells_and_nan_are_missing(tmp_path):
    path = write_csv(tmp_path / "r.csv", ["time", "II (mV)"], np.hstack([TIMES, with_gap(waves(leads=1), 15, 9)]))
    path.write_text(re.sub(r"\n25\.0,.*\n", "\n25.0,NaN\n", path.read_text()))
    data = load_data(path, signals=Signals(gap_ms=10))
    assert data.names == ("r:0", "r:20")
    assert "1 missing values filled, in gaps of at most 10 ms" in data.notes


def test_a_blank_line_is_a_missing_value_but_for_the_last(tmp_path):
    signal = waves(20, leads=1)[:, 0]
    lines = ["II (mV)", *(str(value) for value in signal)]
    lines[501] = ""
    (tmp_path / "r.csv").write_text("\n".join(lines) + "\n\n\n")
    data = load_data(tmp_path / "r.csv", signals=Signals(file_rate_hz=RATE))
    assert data.notes == ("1 missing values filled, in gaps of at most 20 ms",)
    assert_allclose(list(data)[1][0], signal[1000:], atol=1e-6)


def test_times_may_be_rounded(tmp_path):
    times = (np.arange(3600) / 360).round(3)[:, None]
    path = write_csv(tmp_path / "r.csv", ["time", "II (mV)"], np.hstack([times, waves(10, 1, 360)]))
    assert load_data(path).rate_hz == 360


@pytest.mark.parametrize(
    ("header", "change", "options", "message"),
    [
        (["time", "II"], None, {}, "lead II: unit unknown: expected V, mV, uV or nV, got none. State it with"),
        (["time", "II (x)"], None, {}, "lead II: unit unknown: expected V, mV, uV or nV, got x"),
        (["a", "b"], None, {"file_unit": "mV"}, "sampling rate unknown: there is no column of times. State it with"),
        (["time", "II"], None, {"leads": ("V1",)}, "no lead 'V1'. It has II (0)."),
        (["time", "II"], None, {"file_rate_hz": 50}, "time says 100 Hz, file_rate_hz says 50 Hz"),
        (["1.0", "2.0"], None, {}, "expected a header that names every column, got '1.0'"),
        (["", "II"], None, {}, "expected a header that names every column, got ''"),
        (["time", "II (mV)"], ("\n5.0,", "\n5.2,"), {}, "expected evenly spaced times, got 5.2 in row 501"),
        (["time", "II (mV)"], ("\n29.99,", "\n0.0,"), {}, "expected ascending times"),
        (["time", "II (mV)"], ("\n29.99,", "\nend,"), {}, "row 3000: time: expected a number, got 'end'"),
        (["time", "II (mV)"], ("\n0.02,", "\n0.02,x"), {}, "row 3: II (mV): expected a number, got 'x"),
        (["time", "II (mV)"], ("\n0.02,", "\n0.02,,,"), {}, "cannot be read as CSV"),
        (["time", "II (mV)"], None, {"cut": Strips()}, "labels need annotations, which are read with WFDB"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_signal_csv_is_named(tmp_path, header, change, options, message):
    path = write_csv(tmp_path / "r.csv", header, np.hstack([TIMES, waves(leads=1)]))
    if change:
        assert change[0] in path.read_text()
        path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match=re.escape(message)):
        load_data(path, signals=Signals(**options))


def test_a_table_of_files_is_still_one(tmp_path):
    save_image(tmp_path / "1")
    (tmp_path / "d.csv").write_text("file,label\n1,0\n")
    assert load_data(tmp_path / "d.csv").shape == (1, 5, 7)
    with pytest.raises(InputError, match=r"signals: .* holds no recordings"):
        load_data(tmp_path / "d.csv", signals=Signals())


def test_an_npz_without_signals_stays_as_it_is(tmp_path):
    x = waves().T[None] * 7
    data = load_data(save_npz(tmp_path / "d.npz", x=x, y=np.array([3]), rate_hz=np.float32(RATE), unit="uV"))
    assert_array_equal(next(iter(data)), x[0].astype(np.float32))
    assert (data.rate_hz, data.unit, data.names) == (RATE, "uV", ("0",))


def test_windows_of_an_npz_keep_the_label_of_their_row(tmp_path):
    rows = np.stack([waves(seed=seed).T * 1000 for seed in (0, 1)])
    path = save_npz(tmp_path / "d.npz", x=rows, y=np.array([3, 1]), rate_hz=RATE, unit="uV")
    data = load_data(path, signals=Signals())
    assert data.names == ("0:0", "1:0", "0:10", "1:10", "0:20", "1:20")
    assert_array_equal(data.labels, [3, 1] * 3)
    assert_allclose(next(iter(data))[0], waves()[:1000, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"unit": "mV"}, {}, "sampling rate unknown. Save rate_hz beside x, or state it with"),
        ({"rate_hz": RATE}, {}, "lead 0: unit unknown: expected V, mV, uV or nV, got none"),
        ({"rate_hz": RATE, "unit": "mV"}, {"file_rate_hz": 50}, "rate_hz is 100, file_rate_hz says 50"),
        ({"rate_hz": RATE, "unit": "mV"}, {"leads": ("II",)}, "no lead 'II'. It has 0 (0), 1 (1)."),
        ({"rate_hz": 0.0, "unit": "mV"}, {}, "rate_hz: expected one positive number, got 0.0"),
        ({"rate_hz": np.ones(2), "unit": "mV"}, {}, "rate_hz: expected one positive number, got [1. 1.]"),
        ({"rate_hz": RATE, "unit": 3}, {}, "unit: expected one word, got 3. Save it with unit='mV'"),
        ({"x": np.zeros((2, 1, 4, 4))}, {}, "x: expected signals (n, c, time), got samples of (1, 4, 4)"),
    ],
    ids=str,
)
def test_a_wrong_npz_of_signals_is_named(tmp_path, arrays, options, message):
    path = save_npz(tmp_path / "d.npz", **{"x": waves().T[None], **arrays})
    with pytest.raises(InputError, match=re.escape(message)):
        load_data(path, signals=Signals(**options))


@pytest.mark.parametrize(
    ("unit", "rates", "message"),
    [
        ("mmHg", (RATE, RATE), "lead II: unit unknown: expected V, mV, uV or nV, got mmHg"),
        ("mV", (RATE, 2 * RATE), "expected leads of one sampling rate, got II 100 Hz, V1 200 Hz"),
    ],
)
def test_a_wrong_edf_is_named(tmp_path, unit, rates, message):
    signal = waves()
    pytest.importorskip("edfio")
    from edfio import Edf, EdfSignal

    made = [
        EdfSignal(np.tile(signal[:, 0], rate // RATE), rate, label=lead, physical_dimension=unit)
        for lead, rate in zip(("II", "V1"), rates, strict=True)
    ]
    Edf(made).write(tmp_path / "r.edf")
    with pytest.raises(InputError, match=message):
        load_data(tmp_path / "r.edf", signals=Signals(leads=("II", "V1")))


@pytest.mark.parametrize("keep", [0, 100, 600])
def test_a_broken_edf_is_named(tmp_path, keep):
    path = write_edf(tmp_path / "r.edf", waves())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"r\.edf cannot be read as EDF"):
        load_data(path)


def test_without_edfio_the_extra_is_named(tmp_path, monkeypatch):
    path = write_edf(tmp_path / "r.edf", waves())
    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(MissingExtra, match=r"reading an EDF file needs .*brinkmap\[ecg\]"):
        load_data(path)


def test_a_folder_of_records_is_one_data_set(tmp_path):
    for name in ("b", "a"):
        annotate(write_wfdb(tmp_path, name), [1, 12, 22], "NVN")
    data = load_data(tmp_path, signals=Signals(cut=Strips()))
    assert data.names == ("a:0", "b:0", "a:10", "b:10", "a:20", "b:20")
    assert_array_equal(data.labels, [0, 0, 2, 2, 0, 0])


@pytest.mark.parametrize("word", ["digits", "abnormal-beats-train"])
def test_words_take_no_signals(word):
    with pytest.raises(InputError, match=f"signals: {word} comes ready to use"):
        load_data(word, signals=Signals())


def test_a_folder_of_images_takes_no_signals(tmp_path):
    save_image(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"signals: .* holds no recordings"):
        load_data(tmp_path, signals=Signals())
