"""Patch lengths in milliseconds: as many values as the victim's rate makes of them, or one clear line."""

import numpy as np
import pytest

from brinkmap import InputError, Run, attack, wrap
from brinkmap.plan import in_values, make_grid
from brinkmap.session import Session

SLIDES = {"3.33ms": 1, "6.66ms": 2, "10ms": 3, "16.67ms": 5, "33.33ms": 10, "50ms": 15}


@pytest.mark.parametrize(("said", "values"), SLIDES.items())
def test_the_slides_segments_are_whole_values_at_their_rate(said, values):
    assert in_values(said, 1, 300.0) == values


def test_what_is_not_in_milliseconds_stays():
    for patch in (None, 4, "4", "2x8x8", (4, "8"), ((2, 8, 8), 4)):
        assert in_values(patch, 3, None) == patch


def test_time_comes_first_in_a_clip():
    assert make_grid(in_values("200msx8x4", 3, 10.0), (6, 16, 16)).sizes == ((2, 8, 4),)


@pytest.mark.parametrize(
    ("patch", "rank", "rate_hz", "said"),
    [
        ("50ms", 1, None, "50ms needs the victim's sampling rate"),
        ("50ms", 2, 300.0, "milliseconds are for time"),
        ("50ms", 3, 25.0, "milliseconds are for time"),
        ("3.33ms", 1, 125.0, r"3.33ms is 0.42 of a value at 125 Hz; one value lasts 8 ms"),
    ],
)
def test_what_cannot_be_is_said(patch, rank, rate_hz, said):
    with pytest.raises(InputError, match=said):
        in_values(patch, rank, rate_hz)


def quiet(batch):
    chance = 1 / (1 + np.exp(-np.abs(batch).mean(axis=(1, 2))))
    return np.stack([1 - chance, chance], axis=1)


def test_two_lengths_in_one_attack_are_two_grids_and_the_run_is_the_same_in_values():
    victim = wrap(quiet, shape=(1, 60), classes=2, rate_hz=300.0)
    said, plain = (Run(patch=patch, distortions=["bare-motion"], budget=6) for patch in (("10ms", "50ms"), (3, 15)))
    assert Session(victim, (1, 60), said).canvas.grid == Session(victim, (1, 60), plain).canvas.grid
    samples = np.random.default_rng(0).random((3, 1, 60), dtype=np.float32)
    first, second = (list(attack(victim, samples, None, run)) for run in (said, plain))
    assert [one.l2 for one in first] == [one.l2 for one in second]


def test_two_lengths_that_are_one_number_of_values_are_refused():
    victim = wrap(quiet, shape=(1, 60), classes=2, rate_hz=100.0)
    with pytest.raises(InputError, match="different patch sizes"):
        Session(victim, (1, 60), Run(patch=("10ms", "12ms"), distortions=["bare-motion"]))
