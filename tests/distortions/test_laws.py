"""What every registered distortion keeps to, and how strong the natural ones are."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter

from brinkmap.distortions import Distortion, Family, Medium
from brinkmap.distortions.blur import GaussianBlur
from brinkmap.distortions.noise import GaussianNoise
from brinkmap.distortions.occlude import DeadPixel
from brinkmap.distortions.tone import Illuminate, Tint, tint
from brinkmap.plan import Canvas, Cards, make_grid
from brinkmap.registry import entries, resolve

UNNATURAL = ("tint", "bare-")
RATE_HZ = 150.0
EXTENTS = [(70,), (9, 8), (4, 6, 5)]
CHANNELS = [1, 3, 12]
LEVELS = range(1, 6)


def members(name, shape):
    found = resolve("distortion", name)
    return found.members(Medium(shape, RATE_HZ)) if isinstance(found, Family) else (found(),)


CASES = [
    pytest.param(one, (channels, *extent), id=f"{one.name}-{channels}x{'x'.join(map(str, extent))}")
    for entry in entries("distortion")
    for extent in EXTENTS
    for channels in CHANNELS
    for one in members(entry.name, (channels, *extent))
    if len(extent) in one.ranks
]
EVERY_DISTORTION = pytest.mark.parametrize(("distortion", "shape"), CASES)


def sample_of(shape, seed=0):
    sample = np.random.default_rng(seed).random(shape, dtype=np.float32)
    sample.flags.writeable = False
    return sample


def grid_of(extent):
    """Cells large enough for the filters that refuse small ones."""
    return make_grid([tuple(max(n // 4, 4) for n in extent)], extent)


def paint(distortion, sample, level, seed=0):
    return distortion.paint(sample, level, np.random.default_rng(seed), grid_of(sample.shape[1:]))


@EVERY_DISTORTION
def test_paints_the_whole_sample_in_float32_and_is_finite(distortion, shape):
    assert isinstance(distortion, Distortion)
    for level in range(1, distortion.levels + 1):
        painting = paint(distortion, sample_of(shape), level)
        assert (painting.shape, painting.dtype) == (shape, np.float32)
        assert np.isfinite(painting).all()


@EVERY_DISTORTION
def test_is_pure(distortion, shape):
    sample = sample_of(shape)
    before = sample.tobytes()
    for level in range(1, distortion.levels + 1):
        first = paint(distortion, sample, level).tobytes()
        assert first == paint(distortion, sample.copy(), level).tobytes()
    assert sample.tobytes() == before


@EVERY_DISTORTION
def test_changes_something_and_no_less_at_a_higher_level(distortion, shape):
    axes = tuple(range(1, len(shape)))  # on noise, values from further away need not differ more
    sample = 5 * (gaussian_filter(sample_of(shape), 2, axes=axes) - np.float32(0.4))
    norms = [0.0]
    for level in range(1, distortion.levels + 1):
        painting = np.clip(paint(distortion, sample, level), 0, 1)
        norms.append(float(np.linalg.norm((painting - sample).ravel())))
    assert norms == sorted(norms)
    assert norms[-1] > 0


@EVERY_DISTORTION
def test_says_whether_it_is_natural(distortion, shape):
    assert distortion.natural != distortion.name.startswith(UNNATURAL)


@EVERY_DISTORTION
def test_a_cell_alone_equals_that_cell_of_the_whole_painting(distortion, shape):
    canvas = Canvas(shape, (0.0, 1.0), grid_of(shape[1:]), Cards((distortion,)), seed=0)
    sample, code = sample_of(shape), distortion.levels
    whole, _ = canvas.paint(sample, 0, code)
    for cell in (0, canvas.grid.cells // 2, canvas.grid.cells - 1):
        alone, _ = canvas.render(sample, 0, np.where(np.arange(canvas.grid.cells) == cell, code, 0))
        inside = np.zeros(shape, bool)
        inside[(slice(None), *canvas.grid.box(cell))] = True
        assert_array_equal(alone, np.where(inside, whole, sample))


@pytest.mark.parametrize("entry", entries("distortion"), ids=lambda entry: entry.name)
def test_has_a_line_that_describes_it(entry):
    assert len(entry.description) > 20
    assert "not available" not in entry.description


# How strong: CIFAR-10-C up to 64 values along the longest side, ImageNet-C beyond (Hendrycks & Dietterich 2019).

SMALL, LARGE = (3, 64, 64), (3, 96, 96)
NOISE = {SMALL: (0.04, 0.06, 0.08, 0.09, 0.10), LARGE: (0.08, 0.12, 0.18, 0.26, 0.38)}
BLUR = {SMALL: (0.4, 0.6, 0.7, 0.8, 1.0), LARGE: (1, 2, 3, 4, 6)}
IMPULSE = {SMALL: (0.01, 0.02, 0.03, 0.05, 0.07), LARGE: (0.03, 0.06, 0.09, 0.17, 0.27)}
LIGHT = {SMALL: (0.05, 0.1, 0.15, 0.2, 0.3), LARGE: (0.1, 0.2, 0.3, 0.4, 0.5)}


def strengths(table):
    return [
        pytest.param(shape, level, strength, id=f"{shape[-1]}-level{level}")
        for shape, row in table.items()
        for level, strength in zip(LEVELS, row, strict=True)
    ]


@pytest.mark.parametrize(("shape", "level", "strength"), strengths(NOISE))
def test_noise_has_the_published_deviation(shape, level, strength):
    noise = paint(GaussianNoise(), np.full(shape, 0.5, np.float32), level) - 0.5
    assert noise.std() == pytest.approx(strength, rel=0.05)
    assert abs(noise.mean()) < strength / 20


def test_noise_is_gaussian_and_one_draw_for_all_levels():
    grey = np.full((1, 450, 450), 0.5, np.float32)
    standard = [(paint(GaussianNoise(), grey, level) - 0.5) / NOISE[LARGE][level - 1] for level in LEVELS]
    for other in standard[1:]:
        np.testing.assert_allclose(other, standard[0], atol=1e-5)
    assert np.mean(np.abs(standard[0]) < 1) == pytest.approx(0.6827, abs=0.005)
    assert np.mean(np.abs(standard[0]) < 2) == pytest.approx(0.9545, abs=0.005)


@pytest.mark.parametrize(("shape", "level", "strength"), strengths(BLUR))
def test_blur_has_the_published_sigma(shape, level, strength):
    """Neighbouring weights of a Gaussian have the ratio exp(-1 / (2 sigma^2))."""
    point = np.zeros(shape, np.float32)
    middle = shape[-1] // 2
    point[:, middle, middle] = 1
    weights = paint(GaussianBlur(), point, level)[1]
    for neighbour in (weights[middle + 1, middle], weights[middle, middle - 1]):
        sigma = np.sqrt(-0.5 / np.log(neighbour / weights[middle, middle]))
        assert sigma == pytest.approx(strength, rel=0.01)


def test_blur_keeps_channels_and_frames_apart():
    clip = np.zeros((3, 5, 9, 9), np.float32)
    clip[1, 2, 4, 4] = 1
    blurred = paint(GaussianBlur(), clip, 5)
    assert blurred[1, 2, 4, 5] > 0
    blurred[1, 2] = 0
    assert not blurred.any()


@pytest.mark.parametrize("shape", [(1, 40), (3, 12, 10), (2, 3, 8, 8)], ids=str)
@pytest.mark.parametrize("level", LEVELS)
def test_blur_leaves_flat_samples_flat(shape, level):
    flat = np.full(shape, 0.75, np.float32)
    np.testing.assert_allclose(paint(GaussianBlur(), flat, level), flat, rtol=1e-6)


IMPULSE_SHAPES = {(1, 64, 64, 64): IMPULSE[SMALL], (1, 16, 128, 128): IMPULSE[LARGE]}


@pytest.mark.parametrize(("shape", "level", "strength"), strengths(IMPULSE_SHAPES))
def test_dead_pixels_have_the_published_share(shape, level, strength):
    painting = paint(DeadPixel(), np.full(shape, 0.5, np.float32), level)
    assert np.mean(painting != 0.5) == pytest.approx(strength, rel=0.05)
    assert np.mean(painting == 1) == pytest.approx(strength / 2, rel=0.08)


@pytest.mark.parametrize("shape", [(1, 300), (12, 300), (3, 20, 15), (3, 4, 9, 8)], ids=str)
def test_dead_pixels_are_stuck_in_all_channels_and_nested_over_levels(shape):
    paintings = [paint(DeadPixel(), np.full(shape, 0.5, np.float32), level) for level in LEVELS]
    for painting in paintings:
        assert np.isin(painting, [0, 0.5, 1]).all()
        assert (painting == painting[:1]).all()
    for weaker, stronger in itertools.pairwise(paintings):
        dead = weaker != 0.5
        assert_array_equal(stronger[dead], weaker[dead])
        assert (stronger != 0.5).sum() > dead.sum()


@pytest.mark.parametrize("sign", "+-")
@pytest.mark.parametrize(("shape", "level", "strength"), strengths(LIGHT))
def test_light_has_the_published_offset(shape, level, strength, sign):
    sample = sample_of(shape)
    offset = strength if sign == "+" else -strength
    np.testing.assert_allclose(paint(Illuminate(sign), sample, level) - sample, offset, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_tint_moves_each_channel_by_its_sign_and_doubles_with_the_level(level):
    sample = sample_of((3, 8, 8))
    change = paint(Tint("+-0"), sample, level) - sample
    step = 2 ** (level - 1) / 255
    expected = np.broadcast_to(np.reshape([step, -step, 0], (3, 1, 1)), change.shape)
    np.testing.assert_allclose(change, expected, atol=1e-7)


@pytest.mark.parametrize(("channels", "count"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 10), (12, 24)])
def test_tint_has_all_patterns_up_to_4_channels_and_single_channels_beyond(channels, count):
    names = [one.name for one in tint.members(Medium((channels, 8)))]
    assert len(names) == len(set(names)) == count
    used = 1 if channels > 4 else channels
    assert {len(name.removeprefix("tint").replace("0", "")) for name in names} == {used}
    assert {len(name) for name in names} == {4 + channels}
