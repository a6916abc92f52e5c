import numpy as np
import pytest
from ecg_records import recording, save_npz, waves
from numpy.testing import assert_array_equal

from brinkmap.data import load_data
from brinkmap.data.ecg import Signals, clipped, load_recordings
from brinkmap.errors import InputError


def data_with(*peaks):
    signal = waves(leads=1)
    for second, peak in peaks:
        signal[second * 100, 0] = peak
    return load_recordings([recording(signal, leads=("II",))], Signals())


def test_samples_within_the_bounds_are_left_as_they_are():
    data = data_with((5, 5.0))
    assert clipped(data, (-5, 5)) is data


def test_what_lies_beyond_is_put_on_the_bound_and_said():
    data = data_with((5, 6.0), (15, -7.25), (16, -5.5))
    kept = clipped(data, (-5, 5))
    for sample, original in zip(kept, data, strict=True):
        assert_array_equal(sample, original.clip(-5, 5))
    assert kept.notes == ("3 values in 2 of 3 samples clipped to -5 to 5 mV, the farthest -7.25 mV in r1:10",)
    assert (kept.names, kept.rate_hz, kept.unit) == (data.names, data.rate_hz, "mV")
    assert kept.checksum != data.checksum


def test_scale_does_not_depend_on_the_sample():
    alone, beside = data_with((5, 1.5)), data_with((5, 1.5), (15, 40.0))
    assert_array_equal(next(iter(clipped(alone, (-5, 5)))), next(iter(clipped(beside, (-5, 5)))))


def test_only_millivolts_are_clipped(tmp_path):
    with pytest.raises(InputError, match="expected samples in mV, got unit none"):
        clipped(load_data(save_npz(tmp_path / "d.npz", x=np.zeros((2, 1, 9)))), (-5, 5))


@pytest.mark.parametrize("bounds", [(5, -5), (np.nan, 1)])
def test_bounds_have_to_be_bounds(bounds):
    with pytest.raises(InputError, match="bounds: expected two finite numbers"):
        clipped(data_with(), bounds)
