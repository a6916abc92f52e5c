"""Pixelate: how many pixels are left of each size, that they are means, and that it does what Pillow does."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from painted import EVERY_LEVEL, LARGE, LEVELS, SMALL, paint, rms, sample_of, strengths
from PIL import Image
from sklearn.datasets import load_sample_image

from brinkmap.distortions.resample import Pixelate

RESOLUTION = {SMALL: (0.95, 0.9, 0.85, 0.75, 0.65), LARGE: (0.6, 0.5, 0.4, 0.3, 0.25)}


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
