"""Canvases: what painting and rendering a sample from scratch change, clip, snap to and refuse."""

from dataclasses import dataclass

import numpy as np
import pytest
from drawn import BOUNDS, Brush, canvas_of, canvases, codes_for, sample_for
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from same_bits import assert_same_bits

from brinkmap.arrays import as_samples
from brinkmap.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)


@given(canvases(), SEEDS)
def test_nothing_changes_outside_the_cells_of_the_plan(canvas, seed):
    sample, rng = sample_for(canvas), np.random.default_rng(seed)
    [codes] = codes_for(canvas, rng, 1)
    image, clipped = canvas.render(sample, 0, codes)
    outside = np.ones(canvas.grid.extent, bool)
    for cell in np.flatnonzero(codes):
        outside[canvas.grid.box(cell)] = False
    assert_same_bits(image[:, outside], sample[:, outside])
    assert not clipped[:, outside].any()
    if not codes.any():
        assert_same_bits(image, sample)


@given(canvases(), SEEDS)
def test_clipped_is_where_a_painting_left_the_bounds(canvas, seed):
    sample, index = sample_for(canvas), 3
    [codes] = codes_for(canvas, np.random.default_rng(seed), 1)
    image, clipped = canvas.render(sample, index, codes)
    low, high = np.float32(canvas.bounds)
    assert clipped.dtype == bool
    assert (np.minimum(image[clipped] - low, high - image[clipped]) <= 1e-6 * canvas.span).all()
    shown = canvas.inks.shown(codes[None])[0][canvas.grid.atom_of].reshape(canvas.grid.extent)
    for code in np.unique(shown):
        lost = canvas.paint(sample, index, int(code))[1] if code else np.zeros(canvas.shape, bool)
        assert_array_equal(clipped[:, shown == code], lost[:, shown == code])


@dataclass(frozen=True)
class Shift:
    """A known offset."""

    by: float
    name: str = "shift"
    levels: int = 1
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = False

    def paint(self, sample, level, rng, grid):
        return sample + np.float32(self.by)


@pytest.mark.parametrize("by", [0.25, -0.25])
def test_clipped_of_a_known_offset(by):
    sample = np.float32([[0, 0.1, 0.5, 0.75, 0.8, 1, 0.25]])
    canvas = canvas_of(sample.shape, 7, [Shift(by)])
    painting, clipped = canvas.paint(sample, 0, 1)
    assert_array_equal(clipped, (sample + by < 0) | (sample + by > 1))
    np.testing.assert_allclose(painting, np.clip(sample + by, 0, 1), atol=1e-7)


@given(st.floats(-100, 100), st.floats(0.01, 100))
def test_a_value_on_a_bound_that_is_left_alone_is_not_clipped(low, span):
    bounds = (low, low + span)
    sample = np.repeat(np.float32([bounds]), 8, axis=1)
    painting, clipped = canvas_of(sample.shape, 4, [Shift(0)], bounds).paint(sample, 0, 1)
    assert_same_bits(painting, sample)
    assert not clipped.any()


@given(canvases(), SEEDS)
def test_renders_stay_within_the_bounds(canvas, seed):
    [codes] = codes_for(canvas, np.random.default_rng(seed), 1)
    image, _ = canvas.render(sample_for(canvas), 0, codes)
    low, high = np.float32(canvas.bounds)
    assert image.dtype == np.float32
    assert low <= image.min() <= image.max() <= high


@given(canvases(quantise=(8,)), SEEDS)
def test_quantised_renders_survive_a_file_of_8_bits(canvas, seed):
    sample, [codes] = sample_for(canvas), codes_for(canvas, np.random.default_rng(seed), 1)
    image, _ = canvas.render(sample, 0, codes)
    steps = np.rint((image - canvas.bounds[0]) / canvas.span * 255).astype(np.uint8)
    assert_same_bits(as_samples(np.moveaxis(steps, 0, -1)[None], canvas.bounds)[0], image)


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_snapping_twice_is_snapping_once(bits, bounds):
    canvas = canvas_of((1, 500), 10, bounds=bounds, quantise=bits)
    sample = np.random.default_rng(0).uniform(*bounds, (1, 500)).astype(np.float32)
    snapped = canvas.snap(sample)
    assert_same_bits(canvas.snap(snapped), snapped)
    assert np.abs(snapped - sample).max() <= canvas.span / (2**bits - 1) / 2 * 1.01
    assert len(np.unique(snapped)) <= 2**bits


def test_without_quantise_snapping_changes_nothing():
    canvas = canvas_of((1, 50), 10)
    sample = sample_for(canvas)
    assert canvas.snap(sample) is sample


@dataclass(frozen=True)
class Answers:
    """A distortion that returns what it is told to."""

    value: object
    name: str = "broken"
    levels: int = 2
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        return self.value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            np.zeros((1, 4), np.float32),
            r"'broken', level 2: expected float32 of shape \(1, 8\), got float32 of .* \(1, 4",
        ),
        (np.zeros((1, 8)), r"expected float32 of shape \(1, 8\), got float64 of shape \(1, 8\).*astype\('float32'\)"),
        (np.full((1, 8), np.nan, np.float32), "'broken', level 2: painted NaN or infinity. Keep its values finite"),
        (np.full((1, 8), np.inf, np.float32), "'broken', level 2: painted NaN or infinity"),
        (None, "expected float32 of .* got NoneType of shape None"),
        ([[0.0] * 8], "expected float32 of .* got list of shape None"),
    ],
    ids=["shape", "float64", "NaN", "infinity", "None", "list"],
)
def test_a_broken_distortion_is_named(value, said):
    canvas = canvas_of((1, 8), 2, [Answers(value)])
    with pytest.raises(InputError, match=said):
        canvas.paint(np.zeros((1, 8), np.float32), 0, 2)


class Scribble(Brush):
    """Writes into its input."""

    def paint(self, sample, level, rng, grid):
        sample += 1
        return sample


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0)], ids=str)
def test_painting_never_writes_into_the_sample(bounds):
    canvas = canvas_of((2, 9), 3, [Scribble()], bounds)
    sample = sample_for(canvas)
    before = sample.copy()
    with pytest.raises(ValueError, match="read-only"):
        canvas.paint(sample, 0, 1)
    assert_same_bits(sample, before)
    assert sample.flags.writeable


@given(canvases())
def test_the_sample_may_be_read_only(canvas):
    sample = sample_for(canvas)
    sample.flags.writeable = False
    before = sample.copy()
    for code in range(1, len(canvas.cards) + 1):
        canvas.paint(sample, 0, code)
    assert_same_bits(sample, before)


@pytest.mark.parametrize("change", [{"seed": 1}, {"index": 1}, {"name": "other"}], ids=str)
def test_a_painting_follows_from_seed_index_and_name(change):
    def painted(seed=0, index=0, name="brush", level=1):
        canvas = canvas_of((1, 30), 3, [Brush(name)], seed=seed)
        return canvas.paint(np.full((1, 30), 0.5, np.float32), index, level)[0]

    assert_same_bits(painted(), painted())
    assert (painted() != painted(**change)).all()
    np.testing.assert_allclose(
        np.clip((painted(level=1) - 0.5) * 2, -0.5, 0.5), painted(level=2) - 0.5, atol=1e-6
    )  # one draw of noise for all levels
