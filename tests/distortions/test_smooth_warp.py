"""Warp: on ramps, one a warped axis, linear reading is exact; they show where values are read."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from painted import EVERY_LEVEL, LEVELS, flat, grid_of, paint, sample_of

from brinkmap.distortions.warp import SmoothWarp
from brinkmap.errors import InputError

PUSH = (0.05, 0.1, 0.15, 0.2, 0.25)
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
