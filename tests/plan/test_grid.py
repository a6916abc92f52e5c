"""Grids, cells and atoms, held against plain arithmetic on positions."""

import math

import numpy as np
import pytest
from drawn import grids
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.errors import InputError
from brinkmap.plan.grid import default_patch, make_grid


def cells_at(grid, position):
    """The cell of each grid, coarse to fine, that holds a position."""
    found, first = [], 0
    for size in grid.sizes:
        number = 0
        for at, patch, n in zip(position, size, grid.extent, strict=True):
            number = number * math.ceil(n / patch) + at // patch
        found.append(first + number)
        first += math.prod(math.ceil(n / patch) for n, patch in zip(grid.extent, size, strict=True))
    return found


def cells_everywhere(grid):
    """(positions, grids) the same for all positions, row-major."""
    return np.array([cells_at(grid, position) for position in np.ndindex(*grid.extent)])


@given(grids())
def test_atoms_are_the_pieces_that_no_grid_line_cuts(grid):
    pieces = {}
    for position, cells in enumerate(cells_everywhere(grid)):
        pieces.setdefault(tuple(cells), []).append(position)
    found = [np.flatnonzero(grid.atom_of == atom).tolist() for atom in range(grid.atoms)]
    assert sorted(found) == sorted(pieces.values())
    assert len(grid.atom_of) == math.prod(grid.extent)


@given(grids())
def test_positions_list_each_atom_and_nothing_else(grid):
    for atom, positions in enumerate(grid.positions):
        assert set(positions) == set(np.flatnonzero(grid.atom_of == atom))


@given(grids())
def test_every_atom_has_exactly_one_owner_in_each_grid(grid):
    owners = np.stack(grid.owners, axis=1)
    assert owners.shape == (grid.atoms, len(grid.sizes))
    np.testing.assert_array_equal(owners[grid.atom_of], cells_everywhere(grid))


@given(grids())
def test_cells_are_numbered_without_gaps(grid):
    assert set(cells_everywhere(grid).ravel()) == set(range(grid.cells))
    assert grid.cells == sum(math.prod(count) for count in grid.counts)


@given(grids())
def test_a_box_covers_exactly_what_its_cell_owns(grid):
    at = cells_everywhere(grid)
    for cell in range(grid.cells):
        inside = np.zeros(grid.extent, bool)
        inside[grid.box(cell)] = True
        np.testing.assert_array_equal(inside.ravel(), (at == cell).any(axis=1))


@given(grids())
def test_there_is_no_box_beyond_the_last_cell(grid):
    with pytest.raises(IndexError, match=f"the grid has {grid.cells} cells"):
        grid.box(grid.cells)


@given(grids(), st.integers(1, 3))
def test_values_are_all_channels_of_an_atom(grid, channels):
    sample = np.arange(channels * math.prod(grid.extent)).reshape(channels, -1)
    for atom, values in enumerate(grid.values(channels)):
        assert set(sample.ravel()[values]) == set(sample[:, grid.atom_of == atom].ravel())


@given(grids(), st.integers(0, 2**32 - 1))
def test_the_finest_occupied_cell_is_shown(grid, seed):
    codes = np.random.default_rng(seed).integers(0, 3, (4, grid.cells)).astype(np.int16)
    shown = grid.shown(codes)
    assert shown.dtype == codes.dtype
    for row in range(4):
        wanted = []
        for cells in cells_everywhere(grid):
            occupied = [codes[row, cell] for cell in cells if codes[row, cell] > 0]
            wanted.append(occupied[-1] if occupied else 0)
        np.testing.assert_array_equal(shown[row][grid.atom_of], wanted)


@given(grids())
def test_grids_run_from_coarse_to_fine(grid):
    volumes = [math.prod(size) for size in grid.sizes]
    assert volumes == sorted(volumes, reverse=True)


@pytest.mark.parametrize(
    ("patch", "extent", "sizes"),
    [
        (None, (1000,), ((16,),)),
        (None, (32, 30), ((4, 4),)),
        (None, (16, 64, 60), ((4, 8, 8),)),
        (None, (3, 4), ((1, 1),)),
        (4, (10, 7), ((4, 4),)),
        (np.int64(4), (10, 7), ((4, 4),)),
        ("4", (10, 7), ((4, 4),)),
        ("2x8x8", (4, 16, 16), ((2, 8, 8),)),
        ("4x8x8", (2, 16, 5), ((2, 8, 5),)),
        (100, (10,), ((10,),)),
        ([2, 8, 4], (16, 16), ((8, 8), (4, 4), (2, 2))),
        (["8", (2, 4)], (16, 16), ((8, 8), (2, 4))),
        ([(4, 2), (2, 4)], (8, 8), ((2, 4), (4, 2))),
    ],
    ids=str,
)
def test_a_patch_may_be_written_in_several_ways(patch, extent, sizes):
    assert make_grid(patch, extent).sizes == sizes


@pytest.mark.parametrize("extent", [(1,), (63,), (64,), (65,), (1000,), (28, 28), (9, 224), (16, 32, 32), (5, 9, 1)])
def test_the_default_is_at_most_64_cells_in_time_and_8_an_axis(extent):
    grid = make_grid(None, extent)
    assert grid.sizes == (default_patch(extent),)
    for count, most in zip(grid.counts[0], {1: (64,), 2: (8, 8), 3: (4, 8, 8)}[len(extent)], strict=True):
        assert 1 <= count <= most


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (0, r"patch: expected 2 positive numbers, whole ones, for extent \(8, 8\), got 0"),
        (-2, "positive numbers, whole ones, .* got -2"),
        (2.5, "positive numbers, whole ones, .* got 2.5"),
        ([2.0, 4.0], "positive numbers, whole ones, .* got 2.0"),
        ("0x2", "positive numbers, whole ones, .* got '0x2'"),
        ("2x2x2", "expected 2 positive numbers, whole ones, .* got '2x2x2'"),
        ([(2,)], r"expected 2 positive numbers, whole ones, .* got \(2,\)"),
        ("4,8", "expected a number such as 4, or one an axis such as 2x8x8, got '4,8'"),
        ("", "expected a number such as 4, or one an axis such as 2x8x8, got ''"),
        ([], r"expected one or more different patch sizes, got \[\]"),
        ([4, "4x4"], "expected one or more different patch sizes, got"),
        ([8, 16], "expected one or more different patch sizes, got"),
    ],
    ids=str,
)
def test_a_patch_that_cannot_be_is_refused(patch, said):
    with pytest.raises(InputError, match=said):
        make_grid(patch, (8, 8))
