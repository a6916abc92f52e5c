"""Palettes: whatever the path to a plan, the same bits, and the distances that go with them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from drawn import Brush, Holes, canvas_of, canvases, codes_for, extents, sample_for
from hypothesis import given
from hypothesis import strategies as st
from same_bits import assert_same_bits

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
        shown = self.canvas.inks.shown(codes)
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


@POOLS
@given(canvases(), SEEDS)
def test_any_path_leads_to_the_bits_rendered_from_scratch(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 3, pool_bytes)
    for _ in range(5):
        slots = np.flatnonzero(rng.random(3) < 0.7)
        codes = codes_for(canvas, rng, len(slots))
        strip.move(slots, codes)
        for slot, one in zip(slots, codes, strict=True):
            assert_same_bits(strip.image(slot), strip.from_scratch(slot, one)[0])


@POOLS
@given(canvases(), SEEDS)
def test_level_0_restores_the_sample_bit_for_bit(pool_bytes, canvas, seed):
    rng, strip = np.random.default_rng(seed), Strip(canvas, 2, pool_bytes)
    for _ in range(3):
        strip.move(strip.slots, codes_for(canvas, rng, 2))
    strip.move(strip.slots, np.zeros((2, canvas.grid.cells), np.int16))
    for slot in strip.slots:
        assert_same_bits(strip.image(slot), strip.samples[slot])


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
            assert_same_bits(strip.image(slot), strip.from_scratch(slot, one)[0])
            assert squared == pytest.approx(np.sum(strip.change(slot) ** 2), rel=1e-12, abs=0)


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
        squared.append(strip.palette.squared_l2(strip.slots, canvas.inks.shown(codes[None]))[0])
    assert squared[0] == pytest.approx(squared[1], rel=1e-4, abs=1e-9)
