"""Bands of frequency, and what answers say of how much a victim minds each."""

import numpy as np
import pytest

from brinkmap.response.bands import Bands, Sensitivities


@pytest.mark.parametrize("shape", [(1, 40), (12, 30), (3, 8, 10), (2, 4, 6, 5), (1, 1, 7)])
def test_cosines_are_an_orthonormal_base_sorted_by_band(shape):
    bands, rng = Bands(shape), np.random.default_rng(0)
    values = rng.standard_normal(np.prod(shape)).astype(np.float32)
    cosines = bands.cosines(values)
    np.testing.assert_allclose(bands.values(cosines), values, atol=1e-5)
    assert bands.sums(cosines**2).sum() == pytest.approx(float((values**2).sum()), rel=1e-5)
    assert bands.sizes.sum() == len(values) == len(bands.spread(np.arange(len(bands))))


def test_a_constant_is_in_the_first_band_and_an_alternation_in_the_last_that_channels_share():
    bands = Bands((3, 16, 16))
    chequered = (-1.0) ** np.add.outer(np.arange(16), np.arange(16)) * np.ones((3, 1, 1))
    for values, band in ((np.ones(3 * 256), 0), (chequered.ravel(), bands.shared.sum() - 1)):
        energies = bands.sums(bands.cosines(values.astype(np.float32)) ** 2)
        assert energies.argmax() == band
        assert energies[band] > 0.8 * energies.sum()


def test_what_a_victim_minds_is_found_from_answers_to_noise_of_single_bands():
    bands, rng = Bands((3, 16, 16)), np.random.default_rng(1)
    truth = np.where(np.arange(len(bands)) == 5, 30.0, 1.0)
    slope = np.sqrt(bands.spread(truth)) * rng.standard_normal(bands.sizes.sum())
    known = Sensitivities(bands, 2)
    for _ in range(150):
        noise = rng.standard_normal(len(slope)) * bands.spread(np.arange(len(bands)) == rng.integers(len(bands)))
        noise *= 0.02 / np.linalg.norm(noise)
        known.learn(0, bands.sums(noise**2).astype(np.float32), float(noise @ slope))
    assert known.of(0).argmax() == 5
    assert known.of(0)[5] > 5 * np.median(known.of(0))
    assert known.of(1).max() == known.of(1)[0], "nobody has told the other owner anything"
    for owner in (0, 1):
        assert known.of(owner) @ bands.sizes == pytest.approx(bands.sizes.sum())
    known.begin(np.array([0]))
    np.testing.assert_array_equal(known.of(0), known.of(1))
