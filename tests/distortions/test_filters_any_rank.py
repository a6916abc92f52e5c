"""The filters for signals, pictures and clips alike: their laws, and strengths measured against what was published."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_sample_image

from brinkmap.distortions import Distortion, Medium
from brinkmap.distortions.noise import GaussianNoise, ImpulseNoise, SpeckleNoise
from brinkmap.distortions.occlude import DeadPixel, Occlusion
from brinkmap.distortions.protocol import reads_grid
from brinkmap.distortions.resample import Pixelate
from brinkmap.distortions.severity import BRIGHTNESS, NOISE_SD
from brinkmap.distortions.tone import Contrast, Exposure, Illuminate, Quantisation, exposure
from brinkmap.distortions.warp import SmoothWarp
from brinkmap.errors import InputError
from brinkmap.plan import make_grid
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
LEVELS = range(1, 6)
EVERY_FILTER = pytest.mark.parametrize("distortion", FILTERS, ids=lambda one: one.name)
EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)
CASES = [
    ((1, 70), 7),
    ((12, 300), 25),
    ((3, 13, 9), 5),
    ((1, 72, 70), 9),
    ((3, 5, 9, 8), (3, 4, 4)),
    ((2, 1, 66, 8), 4),
]
EVERY_SHAPE = pytest.mark.parametrize(("shape", "patch"), CASES, ids=lambda one: str(one))


def sample_of(shape, seed=0):
    sample = np.random.default_rng(seed).random(shape, dtype=np.float32)
    sample.flags.writeable = False
    return sample


def flat(shape, value=0.5):
    return np.full(shape, value, np.float32)


def grid_of(patch, extent):
    return make_grid([patch] if isinstance(patch, tuple) else patch, extent)


def paint(distortion, sample, level, patch=None, seed=0):
    return distortion.paint(sample, level, np.random.default_rng(seed), grid_of(patch, sample.shape[1:]))


def rms(change):
    return float(np.sqrt(np.mean(np.square(change, dtype=np.float64))))


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


# How strong: CIFAR-10-C up to 64 values along the longest side, ImageNet-C beyond (Hendrycks & Dietterich 2019).

SMALL, LARGE = (3, 64, 64), (3, 96, 96)
IMPULSE = {SMALL: (0.01, 0.02, 0.03, 0.05, 0.07), LARGE: (0.03, 0.06, 0.09, 0.17, 0.27)}
SPECKLE = {SMALL: (0.06, 0.1, 0.12, 0.16, 0.2), LARGE: (0.15, 0.2, 0.35, 0.45, 0.6)}
CONTRAST = {SMALL: (0.75, 0.5, 0.4, 0.3, 0.15), LARGE: (0.4, 0.3, 0.2, 0.1, 0.05)}
GAIN = {SMALL: (1.1, 1.2, 1.3, 1.4, 1.6), LARGE: (1.2, 1.4, 1.6, 1.8, 2)}
RESOLUTION = {SMALL: (0.95, 0.9, 0.85, 0.75, 0.65), LARGE: (0.6, 0.5, 0.4, 0.3, 0.25)}
HIDDEN = (0.2, 0.4, 0.6, 0.8, 1)
PUSH = (0.05, 0.1, 0.15, 0.2, 0.25)


def strengths(table):
    return pytest.mark.parametrize(
        ("shape", "level", "strength"),
        [
            pytest.param(shape, level, strength, id=f"{shape[-1]}-level{level}")
            for shape, row in table.items()
            for level, strength in zip(LEVELS, row, strict=True)
        ],
    )


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


# Resolution: pixelate


def blocks_along(axis, shape, level):
    """Where blocks start along an axis: where a step at any place is drawn to another mean."""
    values = shape[axis]
    ramp = np.broadcast_to(np.reshape(np.linspace(0, 1, values), (-1, *[1] * (len(shape) - 1 - axis))), shape)
    profile = np.moveaxis(paint(Pixelate(), ramp.astype(np.float32), level), axis, 0).reshape(values, -1)[:, 0]
    return np.flatnonzero(np.diff(profile, prepend=-1) > 1e-6)


@strengths(
    {(1, 60): RESOLUTION[SMALL], (1, 300): RESOLUTION[SMALL], SMALL: RESOLUTION[SMALL], LARGE: RESOLUTION[LARGE]}
)
def test_pixels_are_as_many_as_published_and_nested_over_levels(shape, level, strength):
    for axis in range(1, len(shape)):
        starts = blocks_along(axis, shape, level)
        assert len(starts) == int(shape[axis] * strength)
        widths = np.diff(starts, append=shape[axis])
        assert widths.max() <= np.ceil(1 / RESOLUTION[SMALL if shape[-1] <= 64 else LARGE][-1])
        assert set(starts) <= set(blocks_along(axis, shape, level - 1) if level > 1 else range(shape[axis]))


@EVERY_LEVEL
def test_pixels_are_means_of_blocks(level):
    sample = sample_of((2, 20, 30))
    rows, columns = (np.append(blocks_along(axis, sample.shape, level), sample.shape[axis]) for axis in (1, 2))
    painting = paint(Pixelate(), sample, level)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            box = (slice(None), slice(top, bottom), slice(left, right))
            assert_allclose(painting[box], sample[box].mean(axis=(1, 2), keepdims=True) + 0 * painting[box], atol=1e-6)


def test_pixels_keep_channels_and_frames_apart_and_time_as_it_is():
    clip = np.zeros((3, 5, 90, 90), np.float32)
    clip[1, 2, 40, 40] = 1
    painting = paint(Pixelate(), clip, 5)
    assert painting[1, 2].sum() == pytest.approx(1)
    painting[1, 2] = 0
    assert not painting.any()


def photo(name, values, left):
    picture = Image.fromarray(load_sample_image(name)[:, left : left + 427])
    return picture.resize((values, values), Image.Resampling.LANCZOS)


def as_sample(picture):
    return np.ascontiguousarray(np.moveaxis(np.asarray(picture, np.float32) / 255, -1, 0))


def pixelated_by_pillow(picture, count):
    small = picture.resize((count, count), Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.NEAREST)


@EVERY_LEVEL
@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_pixels_of_a_photo_change_it_as_much_as_those_of_pillow(name, level):
    picture = photo(name, 224, left=107)
    sample = as_sample(picture)
    theirs = as_sample(pixelated_by_pillow(picture, int(224 * RESOLUTION[LARGE][level - 1])))
    ours = paint(Pixelate(), sample, level)
    assert rms(ours - sample) == pytest.approx(rms(theirs - sample), rel=0.1)
    if level in (2, 5):  # where the published raster is regular, ours is that raster
        assert_allclose(ours, theirs, atol=1.1 / 255)


@EVERY_LEVEL
def test_pixels_of_small_noise_change_it_as_much_as_those_of_pillow(level):
    """On a small photo two blocks of two values are all there is, and luck where edges fall; on noise there is none."""
    grey = np.random.default_rng(0).integers(0, 256, (200, 32, 32), np.uint8)
    count = int(32 * RESOLUTION[SMALL][level - 1])
    theirs = np.stack([np.asarray(pixelated_by_pillow(Image.fromarray(one), count)) for one in grey])
    sample = grey.astype(np.float32) / 255
    ours = paint(Pixelate(), sample, level)
    assert rms(ours - sample) == pytest.approx(rms(theirs / 255 - sample), rel=0.05)


@pytest.mark.parametrize("values", [1, 2, 3, 7])
def test_pixels_of_hardly_any_values_are_means_all_the_same(values):
    sample = sample_of((2, values))
    for level in LEVELS:
        assert_allclose(paint(Pixelate(), sample, level).mean(axis=1), sample.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("shape", [(1, 70), (1, 32, 32), (1, 4, 8, 6)], ids=str)
def test_a_coarser_raster_never_changes_less(shape, seed):
    sample = sample_of(shape, seed)
    norms = [rms(paint(Pixelate(), sample, level) - sample) for level in LEVELS]
    assert all(weaker <= stronger * (1 + 1e-6) for weaker, stronger in itertools.pairwise(norms))


# What lies in the cells: warp. On ramps, one a warped axis, linear reading is exact: they show where they are read.

WARPED = [
    ((90,), 9, (0,)),
    ((40, 36), (10, 6), (0, 1)),
    ((6, 24, 32), (3, 8, 8), (1, 2)),
    ((3, 28, 28), (1, 14, 14), (1, 2)),
]
EVERY_WARP = pytest.mark.parametrize(("extent", "patch", "axes"), WARPED, ids=str)


def pushes(extent, patch, axes, level, seed=0):
    """(warped axes, *extent) how far from each position it is read, in values."""
    places = np.stack(np.meshgrid(*[np.arange(n) for n in extent], indexing="ij"))[list(axes)]
    return paint(SmoothWarp(), places.astype(np.float32), level, patch, seed) - places


def inner(extent, patch):
    """The extent without its outermost cells, where reading stops at the sample's edge."""
    size = (patch,) * len(extent) if isinstance(patch, int) else patch
    return tuple(slice(p, -p) if n > 2 * p else slice(None) for n, p in zip(extent, size, strict=True))


@EVERY_LEVEL
@EVERY_WARP
def test_a_cell_is_pushed_one_way_by_its_share_of_the_side_and_not_at_its_edges(extent, patch, axes, level):
    grid, moved = grid_of(patch, extent), pushes(extent, patch, axes, level)
    (size,) = grid.sizes
    for cell in range(grid.cells):
        box = grid.box(cell)
        if any(one.start == 0 or one.stop == n for one, n in zip(box, extent, strict=True) if n > one.stop - one.start):
            continue
        shares = moved[(slice(None), *box)] / np.reshape([size[axis] for axis in axes], (-1, *[1] * len(extent)))
        window = np.ones(())
        for p in size:
            window = np.multiply.outer(window, np.sin(np.pi * (np.arange(p) + 0.5) / p) ** 2)
        assert_allclose(np.linalg.norm(shares, axis=0), PUSH[level - 1] * window, atol=1e-5)
        middle = shares.reshape(len(axes), -1)[:, window.argmax()]
        assert_allclose(shares, np.multiply.outer(middle / window.max(), window), atol=1e-5)


@EVERY_WARP
def test_the_push_is_none_on_every_line_between_cells(extent, patch, axes):
    """The values on both sides of a line, half a value from it, move by what sin^2 has there, next to nothing."""
    grid, moved = grid_of(patch, extent), pushes(extent, patch, axes, 5)
    for axis, (p, n) in enumerate(zip(grid.sizes[0], extent, strict=True)):
        if p == 1:
            continue
        by_line = np.moveaxis(moved, axis + 1, 0)
        beside = np.concatenate([by_line[p:n:p], by_line[p - 1 : n : p]])
        assert np.abs(beside).max() <= 0.25 * max(grid.sizes[0]) * np.sin(np.pi / 2 / p) ** 2 + 1e-5


@EVERY_LEVEL
@EVERY_WARP
@pytest.mark.parametrize("seed", range(5))
def test_nothing_folds(extent, patch, axes, level, seed):
    """The map from where a value is shown to where it is read keeps its orientation: its Jacobian stays positive."""
    moved = pushes(extent, patch, axes, level, seed)
    slopes = [[np.gradient(moved[row], axis=axis) for axis in axes] for row in range(len(axes))]
    jacobian = np.moveaxis(np.array(slopes), (0, 1), (-2, -1)) + np.eye(len(axes))
    assert np.linalg.det(jacobian)[inner(extent, patch)].min() > 0.2


@EVERY_LEVEL
def test_a_warped_signal_keeps_the_order_of_its_values(level):
    ramp = np.linspace(0, 1, 400, dtype=np.float32)[None]
    for patch in (4, 7, 50):
        assert (np.diff(paint(SmoothWarp(), ramp, level, patch)) >= 0).all()


@pytest.mark.parametrize("extent", [(60,), (40, 40), (2, 24, 24)], ids=str)
def test_a_push_grows_in_proportion_and_keeps_its_direction(extent):
    axes = range(max(0, len(extent) - 2), len(extent))
    first = pushes(extent, 12, axes, 1)
    for level in LEVELS:
        moved = pushes(extent, 12, axes, level)[(slice(None), *inner(extent, 12))]
        assert_allclose(moved, level * first[(slice(None), *inner(extent, 12))], atol=1e-4)


def test_directions_differ_from_cell_to_cell_and_favour_none():
    moved = pushes((404, 404), 4, (0, 1), 5)[:, 5::4, 5::4]  # one value a cell, beside its middle
    angles = np.sort(np.arctan2(*moved.reshape(2, -1)))
    assert_allclose(angles, np.linspace(-np.pi, np.pi, len(angles)), atol=0.1)


@EVERY_LEVEL
@pytest.mark.parametrize("value", [0, 0.3, 1])
@pytest.mark.parametrize(("shape", "patch"), [((2, 50), 6), ((3, 30, 22), 8), ((1, 3, 12, 12), (2, 5, 4))], ids=str)
def test_flat_stays_flat(shape, patch, level, value):
    assert_array_equal(paint(SmoothWarp(), flat(shape, value), level, patch), flat(shape, value))


def test_a_narrow_cell_at_the_end_stays_as_it_is_and_its_neighbours_move():
    sample = sample_of((2, 19, 30))
    painting = paint(SmoothWarp(), sample, 5, patch=8)
    assert_array_equal(painting[:, 16:], sample[:, 16:])
    assert (painting[:, 2:6, 26:28] != sample[:, 2:6, 26:28]).all()


def test_time_is_not_warped_in_clips():
    clip = flat((1, 6, 16, 16), 0) + np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 6, 1, 1)
    assert_array_equal(paint(SmoothWarp(), clip, 5, (3, 8, 8)), clip)


@pytest.mark.parametrize(
    ("shape", "patch", "cells"),
    [((1, 60), 3, "3"), ((1, 16, 16), (4, 3), "4x3"), ((1, 8, 8, 8), (8, 2, 8), "8x2x8"), ((3, 3, 20), 8, "3x8")],
)
def test_cells_too_narrow_to_warp_are_refused_with_a_remedy(shape, patch, cells):
    expected = (
        rf"'smooth-warp' needs cells of at least 4 values .* these are {cells}: give patch=4 or more, or leave it"
    )
    with pytest.raises(InputError, match=expected):
        paint(SmoothWarp(), sample_of(shape), 1, patch)


def test_frames_of_a_cell_may_be_fewer():
    assert paint(SmoothWarp(), sample_of((1, 2, 8, 8)), 1, (1, 4, 4)).shape == (1, 2, 8, 8)


@pytest.mark.parametrize("level", LEVELS)
def test_a_strength_is_that_of_its_table_up_to_64_values_and_beyond(level):
    assert NOISE_SD.at(level, (64, 3)) == (0.04, 0.06, 0.08, 0.09, 0.10)[level - 1]
    assert NOISE_SD.at(level, (3, 65)) == (0.08, 0.12, 0.18, 0.26, 0.38)[level - 1]
