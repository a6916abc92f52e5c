"""The filters for signals, pictures and clips alike: their laws, and strengths measured against what was published."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from painted import EVERY_LEVEL, LARGE, LEVELS, SMALL, flat, grid_of, paint, rms, sample_of, strengths

from brinkmap.distortions import Distortion, Medium
from brinkmap.distortions.noise import GaussianNoise, ImpulseNoise, SpeckleNoise
from brinkmap.distortions.occlude import DeadPixel, Occlusion
from brinkmap.distortions.protocol import reads_grid
from brinkmap.distortions.resample import Pixelate
from brinkmap.distortions.severity import BRIGHTNESS, NOISE_SD
from brinkmap.distortions.tone import Contrast, Exposure, Illuminate, Quantisation, exposure
from brinkmap.distortions.warp import SmoothWarp
from brinkmap.errors import InputError
from brinkmap.testing import check_distortion

FILTERS = [
    ImpulseNoise(),
    SpeckleNoise(),
    Exposure("+"),
    Exposure("-"),
    Contrast(),
    Quantisation(),
    Occlusion(),
    Pixelate(),
    SmoothWarp(),
]
EVERY_FILTER = pytest.mark.parametrize("distortion", FILTERS, ids=lambda one: one.name)
CASES = [
    ((1, 70), 7),
    ((12, 300), 25),
    ((3, 13, 9), 5),
    ((1, 72, 70), 9),
    ((3, 5, 9, 8), (3, 4, 4)),
    ((2, 1, 66, 8), 4),
]
EVERY_SHAPE = pytest.mark.parametrize(("shape", "patch"), CASES, ids=lambda one: str(one))


@EVERY_FILTER
@EVERY_SHAPE
def test_is_a_natural_distortion_of_five_levels_that_keeps_shape_dtype_and_sample(distortion, shape, patch):
    sample = sample_of(shape)
    before = sample.tobytes()
    assert isinstance(distortion, Distortion)
    assert (distortion.levels, distortion.ranks, distortion.natural) == (5, (1, 2, 3), True)
    for level in LEVELS:
        painting = paint(distortion, sample, level, patch)
        assert (painting.shape, painting.dtype) == (shape, np.float32)
        assert np.isfinite(painting).all()
        assert painting.tobytes() == paint(distortion, sample.copy(), level, patch).tobytes()
    assert sample.tobytes() == before


@EVERY_FILTER
@EVERY_SHAPE
def test_draws_the_same_at_every_level(distortion, shape, patch):
    states = []
    for level in LEVELS:
        rng = np.random.default_rng(7)
        distortion.paint(sample_of(shape), level, rng, grid_of(patch, shape[1:]))
        states.append(rng.bit_generator.state)
    assert all(state == states[0] for state in states)


@EVERY_FILTER
@EVERY_SHAPE
def test_changes_something_and_no_less_at_a_higher_level(distortion, shape, patch):
    sample = sample_of(shape)
    norms = [rms(np.clip(paint(distortion, sample, level, patch), 0, 1) - sample) for level in LEVELS]
    assert norms == sorted(norms)
    assert norms[-1] > 0.005


@EVERY_FILTER
@pytest.mark.parametrize("level", [-1, 0, 6])
def test_refuses_a_level_that_it_does_not_have(distortion, level):
    with pytest.raises(InputError, match=rf"level: expected 1 to 5, got {level}"):
        paint(distortion, sample_of((1, 64)), level, patch=8)


@pytest.mark.parametrize("distortion", [GaussianNoise(), DeadPixel(), Illuminate("+")], ids=lambda one: one.name)
def test_older_filters_refuse_level_0_too(distortion):
    with pytest.raises(InputError, match="expected 1 to 5, got 0"):
        paint(distortion, sample_of((1, 64)), 0)


@pytest.mark.parametrize("distortion", [one for one in FILTERS if one.name != "smooth-warp"], ids=lambda one: one.name)
def test_keeps_the_public_contract(distortion):
    check_distortion(distortion)  # whose cells are too narrow for a warp


def test_those_that_place_something_in_cells_say_so():
    assert [one.name for one in FILTERS if reads_grid(one)] == ["occlusion", "smooth-warp"]


IMPULSE = {SMALL: (0.01, 0.02, 0.03, 0.05, 0.07), LARGE: (0.03, 0.06, 0.09, 0.17, 0.27)}
SPECKLE = {SMALL: (0.06, 0.1, 0.12, 0.16, 0.2), LARGE: (0.15, 0.2, 0.35, 0.45, 0.6)}
CONTRAST = {SMALL: (0.75, 0.5, 0.4, 0.3, 0.15), LARGE: (0.4, 0.3, 0.2, 0.1, 0.05)}
GAIN = {SMALL: (1.1, 1.2, 1.3, 1.4, 1.6), LARGE: (1.2, 1.4, 1.6, 1.8, 2)}
HIDDEN = (0.2, 0.4, 0.6, 0.8, 1)


@strengths({(40, 64, 64): IMPULSE[SMALL], (12, 128, 128): IMPULSE[LARGE]})
def test_impulses_have_the_published_share_half_of_them_white(shape, level, strength):
    painting = paint(ImpulseNoise(), flat(shape), level)
    assert np.isin(painting, [0, 0.5, 1]).all()
    assert np.mean(painting != 0.5) == pytest.approx(strength, rel=0.05)
    assert np.mean(painting == 1) == pytest.approx(strength / 2, rel=0.08)


def test_impulses_hit_each_channel_by_itself():
    hit = paint(ImpulseNoise(), flat((2, 300, 300)), 5) != 0.5
    assert np.mean(hit[0] & hit[1]) == pytest.approx(0.27**2, rel=0.05)


@EVERY_SHAPE
def test_impulses_are_nested_over_levels(shape, patch):
    paintings = [paint(ImpulseNoise(), flat(shape), level) for level in LEVELS]
    for weaker, stronger in itertools.pairwise(paintings):
        hit = weaker != 0.5
        assert_array_equal(stronger[hit], weaker[hit])


@strengths(SPECKLE)
@pytest.mark.parametrize("value", [0.1, 0.8])
def test_speckle_has_the_published_deviation_as_a_share_of_the_value(shape, level, strength, value):
    change = paint(SpeckleNoise(), flat(shape, value), level) - np.float32(value)
    assert change.std() == pytest.approx(strength * value, rel=0.05)
    assert abs(change.mean()) < strength * value / 20


def test_speckle_is_gaussian_one_draw_for_all_levels_and_leaves_the_lower_bound():
    noise = [(paint(SpeckleNoise(), flat((1, 450, 450), 1), level) - 1) / SPECKLE[LARGE][level - 1] for level in LEVELS]
    for other in noise[1:]:
        assert_allclose(other, noise[0], atol=1e-5)
    assert np.mean(np.abs(noise[0]) < 1) == pytest.approx(0.6827, abs=0.005)
    assert np.mean(np.abs(noise[0]) < 2) == pytest.approx(0.9545, abs=0.005)
    assert not paint(SpeckleNoise(), flat((1, 500), 0), 5).any()


@strengths(CONTRAST)
def test_contrast_leaves_the_published_share_and_the_mean_of_each_channel(shape, level, strength):
    sample = sample_of(shape) * np.float32([[[0.3]], [[0.6]], [[1]]])
    painting = paint(Contrast(), sample, level)
    assert_allclose(painting.mean(axis=(1, 2)), sample.mean(axis=(1, 2)), rtol=1e-5)
    assert_allclose(painting.std(axis=(1, 2)), strength * sample.std(axis=(1, 2)), rtol=1e-4)
    assert_allclose(painting[:, 0, 0] - painting[:, 5, 7], strength * (sample[:, 0, 0] - sample[:, 5, 7]), atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 50), (2, 3, 8, 6)], ids=str)
def test_contrast_has_one_mean_over_time(shape):
    painting = paint(Contrast(), sample_of(shape), 5)
    means = sample_of(shape).mean(axis=tuple(range(1, len(shape))), keepdims=True)
    assert_allclose(painting - means, 0.15 * (sample_of(shape) - means), atol=1e-6)


@strengths(GAIN)
def test_exposure_is_the_gain_that_moves_mid_grey_up_by_the_published_brightness(shape, level, strength):
    sample = sample_of(shape)
    assert_allclose(paint(Exposure("+"), sample, level), strength * sample, rtol=1e-6)
    assert_allclose(paint(Exposure("-"), sample, level), sample / strength, rtol=1e-6)
    offset = BRIGHTNESS.at(level, shape[1:])
    assert_allclose(paint(Exposure("+"), flat(shape), level) - 0.5, offset, atol=1e-6)
    assert_allclose(0.5 - paint(Exposure("-"), flat(shape), level), offset / strength, atol=1e-6)


def test_exposure_is_a_family_of_two():
    assert [one.name for one in exposure.members(Medium((3, 8, 8)))] == ["exposure+", "exposure-"]


@EVERY_LEVEL
@pytest.mark.parametrize("shape", [(1, 5000), (3, 64, 64)], ids=str)
def test_quantisation_leaves_two_to_the_power_of_its_bits(shape, level):
    last = 2 ** (7 - level) - 1
    painting = paint(Quantisation(), sample_of(shape), level)
    assert_allclose(np.unique(painting), np.arange(last + 1) / last, atol=1e-6)
    assert np.abs(painting - sample_of(shape)).max() <= 0.5 / last + 1e-6
    assert rms(painting - sample_of(shape)) == pytest.approx(1 / last / np.sqrt(12), rel=0.05)


@EVERY_LEVEL
def test_quantisation_keeps_the_bounds_and_what_is_already_quantised(level):
    assert_array_equal(paint(Quantisation(), np.float32([[0, 1]]), level), [[0, 1]])
    once = paint(Quantisation(), sample_of((1, 500)), level)
    assert_array_equal(paint(Quantisation(), once, level), once)


# What lies in the cells: occlusion

OBJECTS = [((1, 40), 10), ((3, 32, 32), 4), ((3, 30, 20), 7), ((1, 9, 9), 1), ((2, 8, 12, 9), (4, 6, 5))]
EVERY_OBJECT = pytest.mark.parametrize(("shape", "patch"), OBJECTS, ids=str)


def hidden(shape, patch, level):
    """What share of each value is hidden: two flat samples stay apart by what is seen of them."""
    return 1 - (paint(Occlusion(), flat(shape, 1), level, patch) - paint(Occlusion(), flat(shape, 0), level, patch))


@EVERY_LEVEL
@EVERY_OBJECT
def test_an_object_hides_its_share_of_every_cell_in_all_channels(shape, patch, level):
    grid, covered = grid_of(patch, shape[1:]), hidden(shape, patch, level)
    for cell in range(grid.cells):
        box = covered[(slice(None), *grid.box(cell))]
        assert_allclose(box.mean(axis=tuple(range(1, box.ndim))), HIDDEN[level - 1], atol=1e-5)
        assert_allclose(box, np.flip(box, axis=tuple(range(1, box.ndim))), atol=1e-5)  # in the middle


@EVERY_OBJECT
def test_objects_grow_and_keep_their_shade(shape, patch):
    shades = paint(Occlusion(), flat(shape, 0), 5, patch)
    for weaker, stronger in itertools.pairwise(hidden(shape, patch, level) for level in LEVELS):
        assert (stronger >= weaker - 1e-6).all()
    for level in LEVELS:
        covered = hidden(shape, patch, level)
        assert_allclose(paint(Occlusion(), flat(shape, 0), level, patch), covered * shades, atol=1e-6)


@EVERY_OBJECT
def test_an_object_has_one_shade_a_cell_and_level_5_is_nothing_else(shape, patch):
    grid, painting = grid_of(patch, shape[1:]), paint(Occlusion(), sample_of(shape), 5, patch)
    shades = [painting[(slice(None), *grid.box(cell))] for cell in range(grid.cells)]
    assert all(np.ptp(shade) == 0 for shade in shades)
    assert len({float(shade.flat[0]) for shade in shades}) == grid.cells


def test_shades_are_uniform():
    shades = np.sort(paint(Occlusion(), flat((1, 5000)), 5, patch=1)[0])
    assert_allclose(shades, np.linspace(0, 1, 5000), atol=0.03)


def test_an_object_leaves_what_is_around_it_bit_for_bit():
    sample = sample_of((3, 28, 28))
    painting = paint(Occlusion(), sample, 1, patch=14)
    assert_array_equal(painting[:, :3], sample[:, :3])
    assert (painting[:, 5:9, 5:9] != sample[:, 5:9, 5:9]).all()


@pytest.mark.parametrize("level", LEVELS)
def test_a_strength_is_that_of_its_table_up_to_64_values_and_beyond(level):
    assert NOISE_SD.at(level, (64, 3)) == (0.04, 0.06, 0.08, 0.09, 0.10)[level - 1]
    assert NOISE_SD.at(level, (3, 65)) == (0.08, 0.12, 0.18, 0.26, 0.38)[level - 1]
