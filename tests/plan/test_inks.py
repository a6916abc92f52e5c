"""Inks: filters that read the grid look another way in cells of another size, and all others do not."""

from dataclasses import dataclass

import numpy as np
from drawn import Brush
from numpy.testing import assert_array_equal

from brinkmap.plan import Canvas, Cards, Inks, Palette, make_grid


@dataclass(frozen=True)
class Ramp:
    """Adds a ramp that starts anew in each cell of the one grid it is given."""

    name: str = "ramp"
    levels: int = 2
    ranks: tuple[int, ...] = (1,)
    natural: bool = True
    reads_grid: bool = True

    def paint(self, sample, level, rng, grid):
        ((size,),) = grid.sizes
        ramp = np.arange(sample.shape[1]) % size
        return sample + np.float32(0.01 * level) * ramp.astype(np.float32)


def canvas_of(patch, *distortions):
    return Canvas((1, 12), (0.0, 1.0), make_grid(patch, (12,)), Cards(distortions), seed=0)


def test_with_one_patch_size_an_ink_is_a_code():
    inks = Inks(Cards((Ramp(), Brush())), make_grid(4, (12,)))
    codes = np.array([[0, 5, 2]])
    assert len(inks) == 5
    assert_array_equal(inks.of(codes), codes)
    assert [inks.code(ink) for ink in range(1, 6)] == [1, 2, 3, 4, 5]


def test_only_what_reads_the_grid_has_an_ink_for_each_patch_size():
    inks = Inks(Cards((Brush(), Ramp())), make_grid([6, 4, 3], (12,)))
    assert inks.table.tolist() == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 6, 7], [0, 1, 2, 3, 8, 9]]
    assert [inks.code(ink) for ink in range(1, 10)] == [1, 2, 3, 4, 5, 4, 5, 4, 5]
    assert [inks.grid_for(ink).sizes for ink in (4, 6, 8)] == [((6,),), ((4,),), ((3,),)]
    assert inks.grid_for(1).sizes == ((6,), (4,), (3,))


def test_a_coarse_and_a_fine_cell_each_show_their_own_painting():
    canvas = canvas_of([6, 3], Ramp())
    sample = np.full((1, 12), 0.5, np.float32)
    codes = np.zeros(canvas.grid.cells, np.int16)
    codes[0], codes[canvas.grid.counts[0][0] + 3] = 1, 2  # the coarse cell 0..5 and the fine cell 9..11
    image, _ = canvas.render(sample, 0, codes)
    np.testing.assert_allclose(
        (image - sample)[0], [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0, 0, 0, 0, 0.02, 0.04], atol=1e-6
    )


def test_the_palette_knows_the_energy_of_each_ink():
    canvas = canvas_of([6, 3], Ramp(), Brush())
    palette, slots = Palette(canvas, 1), np.array([0])
    sample = np.full((1, 12), 0.5, np.float32)
    palette.load(0, sample, 0)
    rng = np.random.default_rng(0)
    for _ in range(30):
        codes = rng.integers(0, len(canvas.cards) + 1, (1, canvas.grid.cells)).astype(np.int16)
        palette.prepare(slots, codes)
        image, _ = canvas.render(sample, 0, codes[0])
        exact = np.sum((image.astype(np.float64) - sample) ** 2)
        np.testing.assert_allclose(palette.squared_l2(slots, canvas.inks.shown(codes)), exact, rtol=1e-9)
