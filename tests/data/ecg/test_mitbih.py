"""De Chazal's halves, against the real records where these are to be had."""

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ecg_records import annotate, write_wfdb
from numpy.testing import assert_array_equal

from brinkmap.data import load_data
from brinkmap.data.ecg import (
    AAMI,
    AAMI_OF,
    DS1,
    DS2,
    MITBIH_BOUNDS_MV,
    Beats,
    Signals,
    Strips,
    aami_labels,
    clipped,
    load_mitbih,
    missing_records,
    most_severe,
    read_record,
)
from brinkmap.errors import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
MITDB = SHARED / "ecg" / "mitdb"
BEATS = Signals(leads=("MLII",), cut=Beats())
real = pytest.mark.skipif(not (MITDB / "100.hea").is_file(), reason=f"NO REAL ECG CHECKED: {MITDB} is not here")
pytest.importorskip("wfdb")


def test_no_record_is_in_both_halves_and_none_has_paced_beats():
    assert len({*DS1, *DS2}) == len(DS1) + len(DS2) == 44
    assert not {*DS1, *DS2} & {"102", "104", "107", "217"}


def test_missing_records_are_named(tmp_path):
    annotate(write_wfdb(tmp_path, "101", leads=("MLII", "V1")), [1, 2], "NV")
    assert missing_records(tmp_path, DS1) == DS1[1:]
    data = load_mitbih(tmp_path, DS1[:3], BEATS)
    assert data.names == ("101:0.7", "101:1.7")
    assert data.notes == ("2 of 3 records missing: 106, 108",)
    with pytest.raises(InputError, match=r"none of the 22 records is in it, such as 100.hea"):
        load_mitbih(tmp_path, DS2, BEATS)


@pytest.fixture(scope="module")
def own_reader():
    spec = importlib.util.spec_from_file_location("mitbih_io", SHARED / "mitbih_io.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@real
@pytest.mark.parametrize("record", ["100", "114", "207"])
def test_records_are_read_bit_for_bit_as_by_another_reader(record, own_reader):
    values, rate_hz, leads = own_reader.signal(str(MITDB / record))
    samples, symbols, _ = own_reader.annotation(str(MITDB / record))
    read = read_record(MITDB / f"{record}.hea", Signals(leads=tuple(leads), cut=Strips()))
    assert_array_equal(read.values, values.T)
    assert (read.rate_hz, read.leads) == (rate_hz, tuple(leads))
    assert_array_equal(read.annotations.times_s, samples / rate_hz)
    assert_array_equal(read.annotations.symbols, symbols)


@real
def test_the_beats_of_ds1_are_as_many_as_another_reader_counts(own_reader):
    assert missing_records(MITDB, DS1) == ()
    data = load_mitbih(MITDB, DS1, BEATS)
    counts = dict(zip(AAMI, np.bincount(data.labels), strict=True))
    symbols = Counter(symbol for record in DS1 for symbol in own_reader.annotation(str(MITDB / record))[1])
    table = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
    there = {name: sum(symbols[symbol] for symbol in row) for name, row in table.items()}
    assert there == {"N": 45_866, "S": 944, "V": 3_788, "F": 415, "Q": 8}
    (note,) = data.notes
    assert note == "21 of 51021 samples left out for an end of the record"
    assert {name: there[name] - counts[name] for name in AAMI} == {"N": 20, "S": 0, "V": 0, "F": 1, "Q": 0}
    assert {name.split(":")[0] for name in data.names[:22]} == set(DS1)


@real
def test_half_of_ds2_is_here_and_every_record_has_normal_beats():
    missing = missing_records(MITDB, DS2)
    assert missing == ("212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234")
    data = load_mitbih(MITDB, DS2, BEATS)
    per_record = Counter((name.split(":")[0], AAMI[label]) for name, label in zip(data.names, data.labels, strict=True))
    for record in set(DS2) - set(missing):
        assert 1_300 < sum(count for (which, _), count in per_record.items() if which == record) < 3_400
        assert per_record[record, "N"] > 1_000
    assert per_record["200", "V"] == 826


@real
@pytest.mark.parametrize("record", [105, 108, 202])
def test_strips_hold_the_values_and_beats_of_the_localisation_data(record):
    stored = np.load(SHARED / "ecg" / "mitbih_strips10s.npz")
    signals = Signals(leads=("MLII",), cut=Strips())
    strips = load_data(MITDB / f"{record}.hea", signals=signals)
    whole = read_record(MITDB / f"{record}.hea", signals)
    by_name = dict(zip(strips.names, zip(strips, strips.labels, strict=True), strict=True))
    for row in np.flatnonzero(stored["rec"] == record):
        start_s = stored["start"][row] / 360
        values, label = by_name[f"{record}:{start_s:g}"]
        assert_array_equal(values[0], stored["x"][row])
        symbols = {symbol for symbol in whole.annotations.between(start_s, start_s + 10).symbols if symbol in AAMI_OF}
        assert AAMI[label] == AAMI[most_severe(aami_labels(symbols))]
        assert {*stored["beat_sym"][row]} - {""} <= symbols  # it leaves out those within half a second of its ends
        assert (stored["kind"][row] == AAMI[label]) != (record == 108)  # where such a beat is ventricular


@real
def test_no_real_value_lies_beyond_the_bounds_of_the_data_set():
    data = load_mitbih(MITDB, DS2, Signals(leads=("MLII",)))
    assert clipped(data, MITBIH_BOUNDS_MV) is data


@real
def test_the_default_lead_of_the_folder_is_refused_as_one_record_has_them_swapped():
    with pytest.raises(InputError, match=r"114\.hea: expected lead MLII as in 100\.hea, got V5. Choose by name"):
        load_data(MITDB)
