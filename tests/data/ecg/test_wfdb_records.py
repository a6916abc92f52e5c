import re
import sys

import numpy as np
import pytest
from ecg_records import RATE, annotate, waves, with_gap, write_wfdb
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.data import load_data
from brinkmap.data.ecg import Beats, Signals, Strips, Windows, read_record
from brinkmap.errors import InputError, MissingExtra

pytest.importorskip("wfdb")


@pytest.mark.parametrize(("unit", "per_mv"), [("V", 1e-3), ("mV", 1), ("uV", 1e3), ("nV", 1e6)])
def test_values_come_back_in_millivolts(tmp_path, unit, per_mv):
    data = load_data(write_wfdb(tmp_path, signal=waves() * per_mv, unit=unit, gain=1000 / per_mv))
    assert (data.unit, data.rate_hz, data.shape) == ("mV", RATE, (1, 10 * RATE))
    assert_allclose(np.concatenate(list(data), axis=1)[0], waves()[:, 0], atol=1e-6)


@pytest.mark.parametrize("baseline", [-300, 0, 1024])
def test_the_baseline_of_the_header_is_zero_millivolts(tmp_path, baseline):
    data = load_data(write_wfdb(tmp_path, baseline=baseline, gain=500))
    assert_allclose(np.concatenate(list(data), axis=1)[0], waves()[:, 0], atol=0.5 / 500 + 1e-6)


@pytest.mark.parametrize(
    ("leads", "columns"),
    [(("II",), [0]), (("v1",), [1]), ((1,), [1]), (("1",), [1]), (("V1", "II"), [1, 0]), ((0, "V1"), [0, 1])],
    ids=str,
)
def test_leads_are_chosen_by_name_or_number(tmp_path, leads, columns):
    data = load_data(write_wfdb(tmp_path), signals=Signals(leads=leads))
    assert_allclose(np.concatenate(list(data), axis=1), waves()[:, columns].T, atol=1e-6)


def test_a_lead_is_first_looked_for_by_its_exact_name(tmp_path):
    path = write_wfdb(tmp_path, leads=("ii", "II"))
    assert read_record(path, Signals(leads=("II",))).leads == ("II",)
    with pytest.raises(InputError, match="lead 'iI' is there 2 times"):
        read_record(path, Signals(leads=("iI",)))


def test_a_lead_called_by_a_number_goes_before_the_number(tmp_path):
    assert read_record(write_wfdb(tmp_path, leads=("1", "0")), Signals(leads=("0",))).leads == ("0",)


def test_invalid_values_are_missing(tmp_path):
    record = read_record(write_wfdb(tmp_path, signal=with_gap(waves(), 5, 7)), Signals())
    assert_array_equal(np.flatnonzero(np.isnan(record.values[0])), 500 + np.arange(7))


def test_a_mat_file_holds_signals_too(tmp_path):
    path = write_wfdb(tmp_path)
    values = read_record(path, Signals()).values
    dat = path.with_suffix(".dat")
    path.with_suffix(".mat").write_bytes(b"\0" * 24 + dat.read_bytes())  # as PhysioNet's challenges have them
    dat.unlink()
    path.write_text(path.read_text().replace("r1.dat 16", "r1.mat 16+24"))
    assert_array_equal(read_record(path, Signals()).values, values)


def test_annotations_come_with_the_record_where_the_cut_needs_them(tmp_path):
    path = annotate(write_wfdb(tmp_path), [1.0, 2.5, 4.0], "NV+")
    assert read_record(path, Signals()).annotations is None
    marks = read_record(path, Signals(cut=Beats())).annotations
    assert_array_equal(marks.times_s, [1.0, 2.5, 4.0])
    assert "".join(marks.symbols) == "NV+"
    assert "".join(marks.between(1.0, 2.5).symbols) == "N"


def test_a_record_without_a_gain_needs_one_stated(tmp_path):
    path = write_wfdb(tmp_path)
    path.write_text(re.sub(r"1000\.0\(17\)/mV", "0(17)/mV", path.read_text()))
    with pytest.raises(InputError, match=r"lead II is not calibrated.*its unit is unknown.*file_gain=200"):
        load_data(path)
    assert_allclose(next(iter(load_data(path, signals=Signals(file_gain=1000))))[0], waves()[:1000, 0], atol=1e-6)


def test_a_unit_that_is_left_out_is_millivolts(tmp_path):
    path = write_wfdb(tmp_path)
    whole = read_record(path, Signals()).values
    path.write_text(path.read_text().replace("1000.0(17)/mV", "1000.0(17)"))
    assert_array_equal(read_record(path, Signals()).values, whole)


def test_an_unknown_unit_needs_one_stated(tmp_path):
    path = write_wfdb(tmp_path, unit="adu")
    with pytest.raises(InputError, match=r"lead II: unit unknown: expected V, mV, uV or nV, got adu.*file_unit='mV'"):
        load_data(path)
    assert_allclose(
        next(iter(load_data(path, signals=Signals(file_unit="uV"))))[0], waves()[:1000, 0] / 1000, atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file_unit": "uV"}, "lead II: the file says mV, file_unit says uV. Leave file_unit out"),
        ({"file_gain": 200.0}, "the header says 1000 steps a mV, file_gain says 200 a mV. Leave file_gain out"),
        ({"leads": ("aVR",)}, "no lead 'aVR'. It has II (0), V1 (1)."),
        ({"leads": (2,)}, "no lead number 2. It has II (0), V1 (1)."),
        ({"leads": (-1,)}, "no lead number -1. It has II (0), V1 (1)."),
        ({"leads": ("II", 0)}, "expected each lead once, got II, 0"),
        ({"rate_hz": 360.0}, "expected a sampling rate of 360 Hz, got 100 Hz. Resample it with"),
        ({"cut": Windows(30.01)}, "expected 30.01 s at least, one window, got 30 s. Ask for a shorter window_s"),
        ({"cut": Strips()}, "labels need the annotations r1.atr, which is not beside it (there: r1.dat). Fetch it"),
        ({"cut": Beats(annotator="qrs")}, "labels need the annotations r1.qrs"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_record_does_not_have_is_named(tmp_path, options, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_data(write_wfdb(tmp_path), signals=Signals(**options))
    assert "\n" not in str(caught.value)


def test_a_flat_lead_is_named_and_others_can_be_chosen(tmp_path):
    signal = waves()
    signal[:, 0] = 0.25
    path = write_wfdb(tmp_path, signal=signal)
    with pytest.raises(InputError, match=r"lead II is flat: 0\.25 mV all the time"):
        load_data(path)
    assert len(load_data(path, signals=Signals(leads=("V1",)))) == 3


def test_a_lead_without_any_value_is_named(tmp_path):
    path = write_wfdb(tmp_path, signal=with_gap(waves(), 0, 3000))
    with pytest.raises(InputError, match="lead II: nothing was measured"):
        load_data(path)


def test_a_missing_header_is_named(tmp_path):
    write_wfdb(tmp_path).unlink()
    with pytest.raises(InputError, match=r"r1\.hea: no such header.*fetch the \.hea beside it"):
        load_data(tmp_path / "r1.hea")
    with pytest.raises(InputError, match=r"r1\.hea: no such header"):
        read_record(tmp_path / "r1.hea", Signals())


def test_signals_alone_are_sent_to_their_header(tmp_path):
    with pytest.raises(InputError, match=r"r1\.dat: a WFDB record is given by its header.*r1\.hea"):
        load_data(write_wfdb(tmp_path).with_suffix(".dat"))


def test_a_missing_signal_file_is_named(tmp_path):
    path = write_wfdb(tmp_path)
    path.with_suffix(".dat").unlink()
    with pytest.raises(InputError, match=r"no such file beside it: r1\.dat, which its header names"):
        load_data(path)


@pytest.mark.parametrize("keep", [0, 1, 101])
def test_a_truncated_signal_file_is_named(tmp_path, keep):
    path = write_wfdb(tmp_path)
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"r1\.hea cannot be read as a WFDB record"):
        load_data(path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "not a header\n", "r1 2 100 3000\nr1.dat\n", "r1 0 100 3000\n"])
def test_a_broken_header_is_named(tmp_path, text):
    path = write_wfdb(tmp_path)
    path.write_text(text)
    with pytest.raises(InputError, match=r"r1\.hea"):
        load_data(path)


def test_a_record_of_segments_names_them(tmp_path):
    (tmp_path / "m.hea").write_text("m/2 1 100 2000\na 1000\nb 1000\n")
    with pytest.raises(InputError, match=r"several segments. Give one of them: a, b"):
        load_data(tmp_path / "m.hea")


def test_leads_of_two_rates_are_named(tmp_path):
    path = write_wfdb(tmp_path)
    path.write_text(path.read_text().replace("3000", "1000", 1).replace("r1.dat 16 ", "r1.dat 16x2 ", 1))
    assert read_record(path, Signals(leads=("II",))).rate_hz == 200
    with pytest.raises(InputError, match="expected leads of one sampling rate, got II 200 Hz, V1 100 Hz"):
        load_data(path, signals=Signals(leads=("II", "V1")))


def test_without_wfdb_the_extra_is_named(tmp_path, monkeypatch):
    path = write_wfdb(tmp_path)
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(MissingExtra, match=r"reading a WFDB record needs .*brinkmap\[ecg\]"):
        load_data(path)
