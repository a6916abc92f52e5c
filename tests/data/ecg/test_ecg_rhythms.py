"""The simulated rhythms: the same for a seed, apart between parts, and each class what it says."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap.data import ecg_rhythms, load_data
from brinkmap.data.ecg.rhythms import BOUNDS_MV, RATE_HZ, RHYTHMS
from brinkmap.errors import InputError


@pytest.fixture(scope="module")
def strips():
    data = ecg_rhythms("heldout", 80)
    return data.stacked(BOUNDS_MV)[:, 0], data.labels


def test_shape_unit_and_bounds(strips):
    data = load_data("ecg-rhythms", limit=8)
    assert (data.shape, data.unit, data.rate_hz, data.class_names) == ((1, 3000), "mV", 300.0, RHYTHMS)
    assert len(data) == 8
    x, y = strips
    assert x.dtype == np.float32
    assert BOUNDS_MV[0] <= x.min() < x.max() <= BOUNDS_MV[1]
    assert_array_equal(y, np.arange(80) % 4)


def test_fewer_are_the_first_of_more_and_seed_and_part_are_others(strips):
    x, _ = strips
    assert_array_equal(ecg_rhythms("heldout", 5).stacked(BOUNDS_MV)[:, 0], x[:5])
    for other in (ecg_rhythms("train", 5), ecg_rhythms("heldout", 5, seed=1)):
        assert not (other.stacked(BOUNDS_MV)[:, 0] == x[:5]).all(axis=1).any()


def steep(x):
    """What a value changes by from one to the next."""
    return np.abs(np.diff(x)).mean(axis=1)


def test_noisy_strips_are_the_noisiest(strips):
    x, y = strips
    noise = steep(x)
    assert np.median(noise[y == 3]) > 2 * np.median(noise[y != 3])


def test_beats_are_irregular_in_fibrillation_and_regular_when_normal(strips):
    neurokit2 = pytest.importorskip("neurokit2")
    x, y = strips
    spread = []
    for strip in x:
        clean = neurokit2.ecg_clean(strip, sampling_rate=int(RATE_HZ))
        peaks = neurokit2.ecg_peaks(clean, sampling_rate=int(RATE_HZ))[1]["ECG_R_Peaks"]
        intervals = np.diff(peaks)
        spread.append(float(np.std(intervals) / np.mean(intervals)))
    spread = np.array(spread)
    assert np.median(spread[y == 0]) < 0.06 < np.median(spread[y == 1])


@pytest.mark.parametrize(
    ("arguments", "said"), [(("test",), "part: expected 'train' or 'heldout'"), (("train", 0), "at least 1 strip")]
)
def test_what_cannot_be_ecg_rhythms(arguments, said):
    with pytest.raises(InputError, match=said):
        ecg_rhythms(*arguments)
