"""Filters, canvases and plans drawn for the laws of rendering."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from brinkmap.plan import Canvas, Cards, make_grid

BOUNDS = [(0.0, 1.0), (-1.0, 1.0), (-3.0, 5.0), (0.25, 0.75), (-0.31, 1.0)]


@dataclass(frozen=True)
class Brush:
    """Noise that grows with its level, far enough to be clipped."""

    name: str = "brush"
    levels: int = 3
    strength: float = 0.2
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        assert 1 <= level <= self.levels
        return sample + np.float32(self.strength * level) * rng.standard_normal(sample.shape, dtype=np.float32)


@dataclass(frozen=True)
class Holes:
    """Half the values set to 1, the others left alone, bit for bit."""

    name: str = "holes"
    levels: int = 1
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        assert level == 1
        return np.where(rng.random(sample.shape) < 0.5, np.float32(1), sample)


def canvas_of(shape, patch, distortions=(Brush(), Holes()), bounds=(0.0, 1.0), quantise=None, seed=0):
    return Canvas(shape, bounds, make_grid(patch, shape[1:]), Cards(distortions), seed, quantise)


@st.composite
def extents(draw):
    rank = draw(st.integers(1, 3))
    return tuple(draw(st.integers(1, (40, 12, 7)[rank - 1])) for _ in range(rank))


@st.composite
def grids(draw):
    extent = draw(extents())
    sizes = st.tuples(*[st.integers(1, n) for n in extent])
    patch = draw(st.lists(sizes, min_size=1, max_size=3, unique=True))
    return make_grid(patch, extent)


@st.composite
def canvases(draw, quantise=(None, 8, 4)):
    grid, channels = draw(grids()), draw(st.integers(1, 3))
    cards = Cards((Brush(), Holes(), Brush("weak", 2, 0.01)))
    bounds, bits = draw(st.sampled_from(BOUNDS)), draw(st.sampled_from(quantise))
    return Canvas((channels, *grid.extent), bounds, grid, cards, draw(st.integers(0, 9)), bits)


def sample_for(canvas, seed=0):
    """A clean sample as an attack would load it: within the bounds, both of them included, on the file's grid."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(*canvas.bounds, canvas.shape).astype(np.float32)
    low, high = np.float32(canvas.bounds)
    values[rng.random(canvas.shape) < 0.1] = low
    values[rng.random(canvas.shape) < 0.1] = high
    return canvas.snap(np.clip(values, low, high))


def codes_for(canvas, rng, count):
    """(count, cells) random plans, from nearly empty ones to full ones."""
    occupied = rng.random((count, canvas.grid.cells)) < rng.random((count, 1))
    return np.where(occupied, rng.integers(1, len(canvas.cards) + 1, occupied.shape), 0).astype(np.int16)
