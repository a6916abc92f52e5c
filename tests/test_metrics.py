"""Distances, perceptibility and the bootstrap."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import structural_similarity

from brinkmap import metrics
from brinkmap.errors import InputError

UNIT = (0.0, 1.0)
DISTANCES = [metrics.l2, metrics.linf, metrics.mean_absolute, metrics.mean_absolute_perturbation]


def pair(shape, seed=0, strength=0.1):
    rng = np.random.default_rng(seed)
    clean = rng.random(shape, dtype=np.float32)
    return clean, np.clip(clean + rng.normal(0, strength, shape), 0, 1).astype(np.float32)


def by_skimage(clean, modified):
    return structural_similarity(
        clean.astype(np.float64), modified.astype(np.float64), gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, data_range=1, channel_axis=0,
    )  # fmt: skip


def test_distances_of_a_known_change():
    clean = np.zeros((1, 4), np.float32)
    modified = np.float32([[3, -4, 0, 0]])
    bounds = (-5.0, 5.0)
    assert metrics.l2(clean, modified, bounds) == pytest.approx(0.5)
    assert metrics.linf(clean, modified, bounds) == pytest.approx(0.4)
    assert metrics.mean_absolute(clean, modified, bounds) == pytest.approx(0.175)
    assert metrics.mean_absolute_perturbation(clean, modified, bounds) == pytest.approx(255 * 0.175)
    assert metrics.l0_values(clean, modified) == 2


@pytest.mark.parametrize("distance", DISTANCES, ids=lambda f: f.__name__)
@given(arrays(np.float32, (2, 5), elements=st.floats(0, 1, width=32)), st.floats(0.125, 8), st.floats(-4, 4))
def test_distance_does_not_depend_on_the_unit(distance, clean, factor, offset):
    modified = clean[:, ::-1]
    raw = distance(clean * factor + offset, modified * factor + offset, (offset, offset + factor))
    assert raw == pytest.approx(distance(clean, modified, UNIT), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("distance", DISTANCES, ids=lambda f: f.__name__)
@given(arrays(np.float32, (2, 5), elements=st.floats(0, 1, width=32)))
def test_distance_is_symmetric_and_zero_for_the_same(distance, clean):
    other = clean[::-1]
    assert distance(clean, clean, UNIT) == 0
    assert distance(clean, other, UNIT) == distance(other, clean, UNIT)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 40), (1, 11, 64)])
def test_ssim_of_pictures_equals_scikit_image(shape):
    clean, modified = pair(shape)
    assert metrics.ssim(clean, modified, UNIT) == pytest.approx(by_skimage(clean, modified), abs=1e-9)


def test_ssim_of_a_clip_is_the_mean_over_its_frames():
    clean, modified = pair((3, 4, 16, 16))
    frames = [by_skimage(clean[:, t], modified[:, t]) for t in range(4)]
    assert metrics.ssim(clean, modified, UNIT) == pytest.approx(np.mean(frames), abs=1e-9)


def test_ssim_of_a_small_picture_takes_the_largest_odd_window():
    clean, modified = pair((1, 8, 7))
    offsets = np.arange(-3, 4)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    places = []
    for row in (0, 1):
        x, y = (s[0, row : row + 7].astype(np.float64) for s in (clean, modified))
        mean_x, mean_y = (window * x).sum(), (window * y).sum()
        var_x, var_y = (window * x * x).sum() - mean_x**2, (window * y * y).sum() - mean_y**2
        covariance = (window * x * y).sum() - mean_x * mean_y
        places.append(
            (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
            / ((mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4))
        )  # fmt: skip
    assert metrics.ssim(clean, modified, UNIT) == pytest.approx(np.mean(places), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 2), (2, 3, 8, 8), (3, 20, 20)])
def test_ssim_of_the_same_sample_is_one(shape):
    clean, _ = pair(shape)
    assert metrics.ssim(clean, clean, UNIT) == pytest.approx(1)


def test_psnr_of_a_known_change():
    clean = np.zeros((1, 4, 4), np.float32)
    assert metrics.psnr_db(clean, clean + np.float32(25.5), (0.0, 255.0)) == pytest.approx(20)
    assert metrics.psnr_db(clean, clean, UNIT) == math.inf


def test_snr_is_measured_on_the_mean_free_signal():
    clean = np.float32([[5, 7, 5, 7]])
    change = np.float32([[0.1, 0, 0, 0.1]])
    expected = 10 * math.log10(4 / 0.02)
    assert metrics.snr_db(clean, clean + change, (0.0, 10.0)) == pytest.approx(expected, abs=1e-4)
    assert metrics.snr_db(clean + 1, clean + 1 + change, (0.0, 10.0)) == pytest.approx(expected, abs=1e-4)


def test_snr_of_the_same_signal_and_of_a_flat_line_is_infinite():
    flat = np.ones((1, 4), np.float32)
    assert metrics.snr_db(flat, flat, (0.0, 2.0)) == math.inf
    assert metrics.snr_db(flat, flat * 2, (0.0, 2.0)) == -math.inf


@pytest.mark.parametrize(
    ("shape", "names"),
    [((2, 50), {"snr_db"}), ((1, 12, 12), {"ssim", "psnr_db"}), ((1, 3, 12, 12), {"ssim", "psnr_db"})],
)
def test_perceptibility_gives_what_fits_the_rank(shape, names):
    figures = metrics.perceptibility(*pair(shape), UNIT)
    assert set(figures) == names
    assert json.loads(json.dumps(figures)) == figures


@pytest.mark.parametrize("measure", [*DISTANCES, metrics.ssim, metrics.psnr_db, metrics.snr_db, metrics.perceptibility])
def test_samples_of_two_shapes_are_refused(measure):
    with pytest.raises(InputError, match=r"one shape, got \(1, 8, 8\) and \(1, 8, 9\)"):
        measure(np.zeros((1, 8, 8), np.float32), np.zeros((1, 8, 9), np.float32), UNIT)


def test_ranks_without_a_measure_are_refused():
    signal = np.zeros((1, 8), np.float32)
    with pytest.raises(InputError, match="expected a picture or clip"):
        metrics.ssim(signal, signal, UNIT)
    with pytest.raises(InputError, match="1 to 3 axes"):
        metrics.perceptibility(signal[0], signal[0], UNIT)


def test_arguments_are_not_written_to():
    clean, modified = pair((1, 12, 12))
    before = clean.copy(), modified.copy()
    metrics.perceptibility(clean, modified, UNIT)
    np.testing.assert_array_equal((clean, modified), before)


def test_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [metrics.bootstrap_interval(rng.normal(3, 2, 60), seed=i, level=0.9, draws=500) for i in range(200)]
    covered = np.mean([low <= 3 <= high for low, high in intervals])
    assert 0.83 <= covered <= 0.95


def test_bootstrap_interval_is_seeded_and_whole_at_any_block_size(monkeypatch):
    values = np.arange(50.0)
    assert metrics.bootstrap_interval(values, seed=1) == metrics.bootstrap_interval(values, seed=1)
    assert metrics.bootstrap_interval(values, seed=1) != metrics.bootstrap_interval(values, seed=2)
    whole = metrics.bootstrap_interval(values, seed=1)
    monkeypatch.setattr(metrics, "BLOCK", 300)
    assert metrics.bootstrap_interval(values, seed=1) == pytest.approx(whole, rel=0.05)
    assert metrics.bootstrap_interval([2.0] * 5, seed=0) == (2.0, 2.0)


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_bootstrap_of_nothing_is_refused(values):
    with pytest.raises(InputError, match="at least one finite number"):
        metrics.bootstrap_interval(values, seed=0)


def test_bootstrap_level_is_a_share():
    with pytest.raises(InputError, match="between 0 and 1, got 95"):
        metrics.bootstrap_interval([1.0], seed=0, level=95)


def test_spread_is_of_clips_and_counts_frames_pixels_and_map():
    clean = np.zeros((3, 4, 5, 6), np.float32)
    changed = clean.copy()
    changed[0, 1, 2, 3] = 51  # one pixel in one channel
    changed[:, 3] += 51
    found = metrics.spread(clean, changed, (0.0, 255.0))
    assert found["frames_touched"] == 2
    assert found["pixels_touched"] == pytest.approx((1 + 30) / 120)
    assert found["map"] == pytest.approx(51 * (1 + 90) / 360)
    assert metrics.spread(clean, clean, (0.0, 1.0)) == {"map": 0, "frames_touched": 0, "pixels_touched": 0}
    assert metrics.spread(clean[:, 0], changed[:, 0], (0.0, 1.0)) == {}
