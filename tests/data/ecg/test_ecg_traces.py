"""Rates and gaps."""

import numpy as np
import pytest
from ecg_records import RATE, recording, waves, with_gap
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.data.ecg import Signals, Windows, load_recordings
from brinkmap.errors import InputError


def load(signal, **options):
    return load_recordings([recording(signal)], Signals(leads=("II", "V1"), **options))


def test_the_same_rate_leaves_every_bit():
    stated = load(waves(), rate_hz=RATE, resample=True)
    assert_array_equal(np.concatenate(list(stated), axis=1), waves().T.astype(np.float32))


@pytest.mark.parametrize("wanted", [50.0, 125.0, 128.5, 360.0])
def test_a_sine_stays_that_sine_at_another_rate(wanted):
    def sine(rate, seconds=40):
        return np.sin(2 * np.pi * 5 * np.arange(round(seconds * rate)) / rate)[:, None] * [1, 2] + [3, 0]

    data = load(sine(RATE), rate_hz=wanted, resample=True, cut=Windows(20))
    assert (data.rate_hz, data.shape, len(data)) == (wanted, (2, round(20 * wanted)), 2)
    made = np.concatenate(list(data), axis=1)
    inner = slice(round(wanted), -round(wanted))
    assert_allclose(made[:, inner], sine(wanted).T[:, inner], atol=5e-3)


def test_resampling_keeps_the_length_in_seconds_and_the_baseline_at_the_ends():
    made = next(iter(load(np.full((3000, 2), 4.0) + waves() / 100, rate_hz=360, resample=True, cut=Windows(30))))
    assert made.shape == (2, 30 * 360)
    assert abs(made - 4).max() < 0.1


def test_a_short_gap_is_bridged_by_a_straight_line_and_counted():
    holed = with_gap(waves(), 4, 3)
    data = load(holed, gap_ms=30)
    made = np.concatenate(list(data), axis=1)
    holed[399:404, 0] = np.linspace(holed[399, 0], holed[403, 0], 5)
    assert_allclose(made, holed.T, atol=1e-6)
    assert data.notes == ("3 missing values filled, in gaps of at most 30 ms",)


@pytest.mark.parametrize("lead", [0, 1])
def test_a_sample_with_a_longer_gap_is_left_out_and_counted(lead):
    data = load(with_gap(waves(), 14, 4, lead), gap_ms=30)
    assert data.names == ("r1:0", "r1:20")
    assert data.notes == ("1 of 3 samples left out for a gap",)


@pytest.mark.parametrize("start_s", [0, 29.98])
def test_what_is_missing_at_an_end_is_never_filled(start_s):
    data = load(with_gap(waves(), start_s, 2), gap_ms=1000)
    assert data.notes == ("1 of 3 samples left out for a gap",)


def test_a_gap_that_two_windows_share_leaves_both_out():
    assert load(with_gap(waves(), 9.9, 20)).names == ("r1:20",)


@pytest.mark.parametrize(("start_s", "kept"), [(9.99, ("r1:10", "r1:20")), (10, ("r1:0", "r1:20"))])
def test_the_last_value_of_a_sample_counts_and_the_next_does_not(start_s, kept):
    assert load(with_gap(waves(), start_s, 1), gap_ms=0).names == kept


def test_a_flat_sample_with_a_gap_is_counted_once():
    signal = waves()
    signal[1000:2000, 1] = -0.7
    assert load(with_gap(signal, 15, 9)).notes == ("1 of 3 samples left out for a gap",)


def test_infinity_is_a_missing_value():
    signal = waves()
    signal[1500, 0] = np.inf
    assert load(signal, gap_ms=0).names == ("r1:0", "r1:20")


def test_no_value_that_a_gap_has_touched_is_left_after_resampling():
    whole, holed = waves(), with_gap(waves(), 15, 4)
    for wanted in (50.0, 360.0):
        options = {"rate_hz": wanted, "resample": True, "cut": Windows(0.5)}
        expected = dict(zip((data := load(whole, **options)).names, data, strict=True))
        found = load(holed, **options)
        assert 0 < len(found) < len(expected)
        for name, sample in zip(found.names, found, strict=True):
            assert_array_equal(sample, expected[name])


def test_when_every_sample_has_a_gap_that_is_said():
    holed = with_gap(with_gap(waves(20), 5, 9), 15, 9)
    with pytest.raises(InputError, match=r"r1\.hea: no sample is left: 2 of 2 samples left out for a gap\."):
        load(holed)


def test_a_sample_with_a_flat_lead_is_left_out_and_counted():
    signal = waves()
    signal[1000:2000, 1] = -0.7
    data = load(signal)
    assert (data.names, data.notes) == (("r1:0", "r1:20"), ("1 of 3 samples left out for a flat lead",))


def test_a_sample_that_is_written_to_comes_back_as_it_was():
    data = load(waves())
    before = data.stacked()
    for sample in data:
        sample[:] = 0
    assert_array_equal(data.stacked(), before)


def test_the_recording_is_not_written_to():
    one = recording(with_gap(waves(), 4, 1))
    before = one.values.copy()
    for sample in load_recordings([one], Signals(rate_hz=50, resample=True)):
        sample[:] = 0
    assert_array_equal(one.values, before)


@pytest.mark.parametrize("wanted", [1e-9, 0.99, 10_001.0])
def test_a_rate_that_is_far_off_is_named(wanted):
    with pytest.raises(InputError, match=r"rate_hz: expected at most 100 times more or fewer than its 100 Hz, got"):
        load(waves(), rate_hz=wanted, resample=True)


def test_recordings_take_turns():
    pair = [recording(waves(40), "a"), recording(waves(20), "b")]
    data = load_recordings(pair, Signals())
    assert data.names == ("a:0", "b:0", "a:10", "b:10", "a:20", "a:30")
    part = load_recordings(pair, Signals(), limit=3)
    assert (part.names, len(list(part))) == (("a:0", "b:0", "a:10"), 3)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (recording(waves(), "b", leads=("V5", "V1")), r"b\.hea: expected lead II, V1 as in a\.hea, got V5, V1"),
        (recording(waves(), "b", rate=250), r"b\.hea: expected 100 Hz as in a\.hea, got 250 Hz. Resample with"),
    ],
    ids=["leads", "rate"],
)  # fmt: skip
def test_recordings_that_differ_are_named(other, message):
    with pytest.raises(InputError, match=message):
        load_recordings([recording(waves(), "a"), other], Signals())


def test_recordings_of_two_rates_go_together_when_resampled():
    pair = [recording(waves(), "a"), recording(waves(rate=250), "b", rate=250)]
    data = load_recordings(pair, Signals(rate_hz=125, resample=True))
    assert {sample.shape for sample in data} == {(2, 1250)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leads": ()}, "leads: expected one name or number at least"),
        ({"leads": "II"}, r"leads: expected one name or number at least, as in \('II',\), got 'II'"),
        ({"rate_hz": 0}, "rate_hz: expected a positive number, got 0"),
        ({"file_rate_hz": -1}, "file_rate_hz: expected a positive number, got -1"),
        ({"file_gain": float("nan")}, "file_gain: expected a positive number, got nan"),
        ({"gap_ms": -1}, "gap_ms: expected 0 or more milliseconds, got -1"),
        ({"file_unit": "adu"}, "file_unit: expected V, mV, uV or nV, got 'adu'"),
        ({"resample": True}, "resample: expected rate_hz beside it, got none"),
    ],
    ids=str,
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        Signals(**options)
