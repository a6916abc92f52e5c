"""P, QRS and T where a simulated heart has put them."""

import sys

import numpy as np
import pytest

from brinkmap.data.ecg.delineation import delineate
from brinkmap.errors import InputError, MissingExtra

RATE = 250


def heart(seconds=8):
    """A beat a second, R at .5 s, P .17 s before it and T .28 s after it."""
    time = np.arange(seconds * RATE) / RATE
    lead = np.zeros(len(time))
    for after, width, height in ((-0.17, 0.025, 0.15), (0, 0.012, 1.2), (0.035, 0.012, -0.2), (0.28, 0.05, 0.3)):
        lead += sum(height * np.exp(-((time - beat - 0.5 - after) ** 2) / (2 * width**2)) for beat in range(seconds))
    return lead


def test_the_waves_lie_where_they_were_put():
    pytest.importorskip("neurokit2")
    found = delineate(heart(), RATE)
    assert np.abs(found.r_peaks - (np.arange(8) + 0.5) * RATE).max() <= 0.02 * RATE
    inner = range(1, 7)
    for wave, after in (("P", -0.17), ("QRS", 0.0), ("T", 0.28)):
        hits = [found.waves[wave][round((beat + 0.5 + after) * RATE)] for beat in inner]
        assert np.mean(hits) >= 5 / 6, wave
    assert not (found.waves["QRS"] & (found.waves["P"] | found.waves["T"])).any()
    assert found.waves["QRS"].mean() < 0.2


@pytest.mark.parametrize("lead", [heart(1), np.zeros(4 * RATE)], ids=["one beat", "flat"])
def test_what_has_no_beats_to_tell_apart_is_said(lead):
    pytest.importorskip("neurokit2")
    with pytest.raises(InputError, match=r"at least 2 s|no beats are found"):
        delineate(lead, RATE)


def test_without_neurokit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "neurokit2", None)
    with pytest.raises(MissingExtra, match=r"brinkmap\[ecg\]"):
        delineate(heart(), RATE)
