"""ECG recordings from a stranger: headers that point elsewhere, or promise what is not there."""

import io

import numpy as np
import pytest
from hostile import refused_or_read
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.data import load_data
from brinkmap.data.ecg import Signals, Windows

pytest.importorskip("wfdb")
edfio = pytest.importorskip("edfio")

WAVE = np.random.default_rng(0).normal(size=5000)
SHORT = Signals(cut=Windows(1.0))
HEADER = "r 1 360 2000\nin.dat 16 200/mV 16 0 0 0 0 II\n"


def read(path):
    list(load_data(path, signals=SHORT))


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "record"
    folder.mkdir()
    steps = (WAVE[:2000] * 100).astype("<i2")
    steps.tofile(folder / "in.dat")
    steps.tofile(tmp_path / "outside.dat")
    (folder / "r.hea").write_text(HEADER)
    return folder / "r.hea"


def test_the_true_one_is_read(record):
    assert refused_or_read(read, record) is None


OUTSIDE = ("../outside.dat", "{}/outside.dat", "./../outside.dat", "~/outside.dat", "https://host/outside.dat")


@pytest.mark.parametrize("file", OUTSIDE)
def test_signals_elsewhere_are_not_read(record, tmp_path, file):
    record.write_text(HEADER.replace("in.dat", file.format(tmp_path)))
    assert refused_or_read(read, record) is not None


def test_segments_elsewhere_are_not_read(record):
    record.write_text("r/2 1 360 2000\n../x 1000\n../y 1000\n")
    assert refused_or_read(read, record) is not None


PROMISES = {
    "length": ("r 1 360 2000", "r 1 360 100000000000"),
    "frames": ("in.dat 16", "in.dat 16x1000000000"),
    "skew": ("in.dat 16", "in.dat 16:100000000000"),
    "offset": ("in.dat 16", "in.dat 16+100000000000"),
    "signals": ("r 1 360", "r 100000000 360"),
    "rate": ("r 1 360", "r 1 0"),
    "packed": ("in.dat 16", "in.dat 516"),
}


@pytest.mark.parametrize(("before", "after"), PROMISES.values(), ids=PROMISES)
def test_promises_are_held_against_the_files(record, before, after):
    record.write_text(HEADER.replace(before, after))
    assert refused_or_read(read, record) is not None


@given(st.data())
def test_any_damaged_header_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (WAVE[:2000] * 100).astype("<i2").tofile(folder / "in.dat")
    text = list(HEADER)
    for place in data.draw(st.lists(st.integers(0, len(text) - 1), max_size=4)):
        text[place] = data.draw(st.sampled_from("0123456789 /:+x.-()#e\n%"))
    (folder / "r.hea").write_text("".join(text))
    refused_or_read(read, folder / "r.hea")


def edf():
    held = io.BytesIO()
    edfio.Edf([edfio.EdfSignal(WAVE, sampling_frequency=500, label="II", physical_dimension="mV")]).write(held)
    return held.getvalue()


FIELDS = {"records": 236, "seconds": 244, "signals": 252, "bytes": 184, "smallest": 256 + 104, "samples": 256 + 216}
"""Where numbers stand in the header of an EDF file with one signal."""


@pytest.mark.parametrize("place", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("value", ["-1", "0", "99999999", "1e300", "x", ""])
def test_edf_headers_are_read_or_refused(tmp_path, place, value):
    content = bytearray(edf())
    width = 4 if place == FIELDS["signals"] else 8
    content[place : place + width] = value[:width].ljust(width).encode()
    (tmp_path / "a.edf").write_bytes(bytes(content))
    refused_or_read(read, tmp_path / "a.edf")


@given(st.data())
def test_any_damaged_edf_is_read_or_refused(tmp_path_factory, data):
    content = bytearray(edf())
    for place in data.draw(st.lists(st.integers(0, 600), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.edf"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    refused_or_read(read, path)


@given(st.binary(max_size=100) | st.text("0123456789.,-\n eIV", max_size=100).map(str.encode))
def test_any_columns_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "columns.csv"
    path.write_bytes(b"time,II (mV)\n0,1\n" + content)
    refused_or_read(read, path)
