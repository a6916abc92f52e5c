"""Rendering: whatever the path to a plan, the same bits, and the distances that go with them."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from drawn import BOUNDS, Brush, Holes, canvas_of, canvases, codes_for, extents, sample_for
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from brinkmap.arrays import as_samples
from brinkmap.errors import InputError
from brinkmap.plan import Palette, make_grid, palette

SEEDS = st.integers(0, 2**32 - 1)
POOLS = pytest.mark.parametrize("pool_bytes", [1, 2**20], ids=["tiny pool", "large pool"])
SHAPES = [(1, 17), (3, 9, 8), (2, 3, 6, 5)]


class Strip:
    """Samples in the slots of a palette, moved from plan to plan as the engine does."""

    def __init__(self, canvas, count, pool_bytes=2**20, needs_peak=False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(palette, "POOL_BYTES", pool_bytes)
            self.palette = Palette(canvas, count, needs_peak=needs_peak)
        self.canvas, self.slots = canvas, np.arange(count)
        self.samples, self.indices = [None] * count, [0] * count
        self.images = np.zeros((count, canvas.size), np.float32)
        self.shown = np.zeros((count, canvas.grid.atoms), np.int16)
        for slot in range(count):
            self.load(slot, sample_for(canvas, seed=slot), index=10 + slot)

    def load(self, slot, sample, index):
        self.palette.load(slot, sample, index)
        self.samples[slot], self.indices[slot] = sample, index
        self.images[slot], self.shown[slot] = sample.ravel(), 0

    def move(self, slots, codes):
        self.palette.prepare(slots, codes)
        shown = self.canvas.grid.shown(codes)
        images = self.images[slots]
        self.palette.render(slots, self.shown[slots], shown, images)
        self.images[slots], self.shown[slots] = images, shown

    def image(self, slot):
        return self.images[slot].reshape(self.canvas.shape)

    def from_scratch(self, slot, codes):
        """The image and the mask of clipped values that this slot should show."""
        return self.canvas.render(self.samples[slot], self.indices[slot], codes)

    def change(self, slot):
        return (self.image(slot).astype(np.float64) - self.samples[slot]) / self.canvas.span


def same_bits(a, b):
    assert_array_equal(np.ascontiguousarray(a).view(np.uint32), np.ascontiguousarray(b).view(np.uint32))


@POOLS
@given(canvases(), SEEDS)
def test_any_path_leads_to_the_bits_rendered_from_scratch(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 3, pool_bytes)
    for _ in range(5):
        slots = np.flatnonzero(rng.random(3) < 0.7)
        codes = codes_for(canvas, rng, len(slots))
        strip.move(slots, codes)
        for slot, one in zip(slots, codes, strict=True):
            same_bits(strip.image(slot), strip.from_scratch(slot, one)[0])


@POOLS
@given(canvases(), SEEDS)
def test_level_0_restores_the_sample_bit_for_bit(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 2, pool_bytes)
    for _ in range(3):
        strip.move(strip.slots, codes_for(canvas, rng, 2))
    strip.move(strip.slots, np.zeros((2, canvas.grid.cells), np.int16))
    for slot in strip.slots:
        same_bits(strip.image(slot), strip.samples[slot])


@given(canvases(), SEEDS)
def test_nothing_changes_outside_the_cells_of_the_plan(canvas, seed):
    sample, rng = sample_for(canvas), np.random.default_rng(seed)
    [codes] = codes_for(canvas, rng, 1)
    image, clipped = canvas.render(sample, 0, codes)
    outside = np.ones(canvas.grid.extent, bool)
    for cell in np.flatnonzero(codes):
        outside[canvas.grid.box(cell)] = False
    same_bits(image[:, outside], sample[:, outside])
    assert not clipped[:, outside].any()
    if not codes.any():
        same_bits(image, sample)


@POOLS
@given(canvases(), SEEDS)
def test_the_squared_l2_is_that_of_the_rendered_image(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 2, pool_bytes)
    strip.move(strip.slots, codes_for(canvas, rng, 2))
    found = strip.palette.squared_l2(strip.slots, strip.shown)
    for slot in strip.slots:
        assert found[slot] == pytest.approx(np.sum(strip.change(slot) ** 2), rel=1e-12, abs=0)


@given(canvases(), SEEDS)
def test_the_peak_is_the_largest_change_in_each_atom(canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 2, needs_peak=True)
    strip.move(strip.slots, codes_for(canvas, rng, 2))
    for slot in strip.slots:
        flat = np.abs(strip.change(slot)).reshape(canvas.shape[0], -1).max(axis=0)
        expected = [flat[canvas.grid.atom_of == atom].max() for atom in range(canvas.grid.atoms)]
        found = strip.palette.peak[slot, strip.shown[slot], np.arange(canvas.grid.atoms)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_peaks_are_kept_only_where_a_linf_bound_needs_them():
    assert Palette(canvas_of((1, 8), 2), 1).peak is None


@given(canvases(), SEEDS)
def test_it_does_not_matter_which_slot_holds_a_sample(canvas, seed):
    sample, [codes] = sample_for(canvas), codes_for(canvas, np.random.default_rng(seed), 1)
    seen = []
    for slot in (0, 2):
        strip = Strip(canvas, 3)
        strip.load(slot, sample, index=7)
        strip.move(np.array([slot]), codes[None])
        squared = strip.palette.squared_l2(np.array([slot]), strip.shown[[slot]])
        share = strip.palette.share_clipped(slot, strip.shown[slot])
        seen.append((strip.image(slot).tobytes(), squared.tobytes(), share))
    assert seen[0] == seen[1]


@POOLS
@given(canvases(), SEEDS)
def test_a_new_sample_forgets_the_old_ones_paintings(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 3, pool_bytes)
    for index in range(6):
        strip.load(int(rng.integers(3)), sample_for(canvas, seed=100 + index), index)
        slots = np.flatnonzero(rng.random(3) < 0.7)
        codes = codes_for(canvas, rng, len(slots))
        strip.move(slots, codes)
        found = strip.palette.squared_l2(slots, strip.shown[slots])
        for slot, one, squared in zip(slots, codes, found, strict=True):
            same_bits(strip.image(slot), strip.from_scratch(slot, one)[0])
            assert squared == pytest.approx(np.sum(strip.change(slot) ** 2), rel=1e-12, abs=0)


@given(canvases(), SEEDS)
def test_clipped_is_where_a_painting_left_the_bounds(canvas, seed):
    sample, index = sample_for(canvas), 3
    [codes] = codes_for(canvas, np.random.default_rng(seed), 1)
    image, clipped = canvas.render(sample, index, codes)
    low, high = np.float32(canvas.bounds)
    assert clipped.dtype == bool
    assert (np.minimum(image[clipped] - low, high - image[clipped]) <= 1e-6 * canvas.span).all()
    shown = canvas.grid.shown(codes[None])[0][canvas.grid.atom_of].reshape(canvas.grid.extent)
    for code in np.unique(shown):
        lost = canvas.paint(sample, index, int(code))[1] if code else np.zeros(canvas.shape, bool)
        assert_array_equal(clipped[:, shown == code], lost[:, shown == code])


@POOLS
@given(canvases(), SEEDS)
def test_the_share_clipped_is_that_of_the_rendered_image(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 2, pool_bytes)
    for _ in range(2):
        codes = codes_for(canvas, rng, 2)
        strip.move(strip.slots, codes)
    for slot in strip.slots:
        _, clipped = strip.from_scratch(slot, codes[slot])
        assert strip.palette.share_clipped(slot, strip.shown[slot]) == pytest.approx(clipped.mean(), rel=1e-12)


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
    same_bits(painting, sample)
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
    same_bits(as_samples(np.moveaxis(steps, 0, -1)[None], canvas.bounds)[0], image)


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_snapping_twice_is_snapping_once(bits, bounds):
    canvas = canvas_of((1, 500), 10, bounds=bounds, quantise=bits)
    sample = np.random.default_rng(0).uniform(*bounds, (1, 500)).astype(np.float32)
    snapped = canvas.snap(sample)
    same_bits(canvas.snap(snapped), snapped)
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
    same_bits(sample, before)
    assert sample.flags.writeable


@given(canvases())
def test_the_sample_may_be_read_only(canvas):
    sample = sample_for(canvas)
    sample.flags.writeable = False
    before = sample.copy()
    for code in range(1, len(canvas.cards) + 1):
        canvas.paint(sample, 0, code)
    same_bits(sample, before)


@pytest.mark.parametrize("change", [{"seed": 1}, {"index": 1}, {"name": "other"}], ids=str)
def test_a_painting_follows_from_seed_index_and_name(change):
    def painted(seed=0, index=0, name="brush", level=1):
        canvas = canvas_of((1, 30), 3, [Brush(name)], seed=seed)
        return canvas.paint(np.full((1, 30), 0.5, np.float32), index, level)[0]

    same_bits(painted(), painted())
    assert (painted() != painted(**change)).all()
    np.testing.assert_allclose(
        np.clip((painted(level=1) - 0.5) * 2, -0.5, 0.5), painted(level=2) - 0.5, atol=1e-6
    )  # one draw of noise for all levels


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_card_is_painted_once_a_sample_and_only_when_needed(shape, monkeypatch):
    painted = Counter()

    def paint(self, sample, level, rng, grid):
        painted[sample.tobytes(), level] += 1
        return sample + np.float32(0.1 * level)

    monkeypatch.setattr(Brush, "paint", paint)
    canvas = canvas_of(shape, None, [Brush(levels=4)])
    strip = Strip(canvas, 3)
    for level in (1, 2, 3, 1, 3, 2):
        strip.move(strip.slots, np.full((3, canvas.grid.cells), level, np.int16))
    assert set(painted.values()) == {1}
    assert len(painted) == 3 * 3


@given(extents(), SEEDS)
def test_distances_do_not_depend_on_the_unit(extent, seed):
    base = canvas_of((2, *extent), None, [Brush(), Holes()])
    sample, [codes] = sample_for(base), codes_for(base, np.random.default_rng(seed), 1)
    squared = []
    for bounds in ((0.0, 1.0), (-2.0, 6.0)):
        canvas = replace(base, bounds=bounds, grid=make_grid(None, extent))
        strip = Strip(canvas, 1)
        strip.palette.load(0, (sample * np.float32(canvas.span) + np.float32(bounds[0])), index=0)
        strip.palette.prepare(strip.slots, codes[None])
        squared.append(strip.palette.squared_l2(strip.slots, canvas.grid.shown(codes[None]))[0])
    assert squared[0] == pytest.approx(squared[1], rel=1e-4, abs=1e-9)
