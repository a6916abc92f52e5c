"""The knapsack: within its bound, and as good as trying everything."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap.plan import make_grid
from brinkmap.response.knapsack import best_codes, gains_of


def drawn(seed, rows=4, codes=4, cells=5):
    rng = np.random.default_rng(seed)
    gains = rng.normal(size=(rows, codes, cells)).astype(np.float32)
    energy = rng.random((rows, codes, cells))
    gains[:, 0] = energy[:, 0] = 0
    return gains, energy


@pytest.mark.parametrize("seed", range(20))
def test_within_the_bound_and_better_than_any_other_plan_at_its_own_distance(seed):
    """Lagrangian solutions are optimal for the distance they spend: nothing cheaper promises more."""
    gains, energy = drawn(seed)
    codes = best_codes(gains, energy, np.full(4, 1.0))
    cells = np.arange(gains.shape[2])
    for row in range(len(gains)):
        spent, found = energy[row, codes[row], cells].sum(), gains[row, codes[row], cells].sum()
        assert spent <= 1.0
        for other in itertools.product(range(gains.shape[1]), repeat=len(cells)):
            if energy[row, list(other), cells].sum() <= spent:
                assert gains[row, list(other), cells].sum() <= found + 1e-5


def test_without_a_bound_every_cell_has_its_best_card():
    gains, energy = drawn(1)
    assert_array_equal(best_codes(gains, energy, np.full(4, np.inf)), gains.argmax(axis=1))


def test_no_room_means_no_plan_and_rows_do_not_mind_each_other():
    gains, energy = drawn(2)
    bounds = np.array([1e-9, 0.5, 1.0, 2.0])
    together = best_codes(gains, energy, bounds)
    assert not together[0].any()
    for row in range(4):
        alone = best_codes(gains[[row]], energy[[row]], bounds[[row]])
        assert energy[row, alone[0], np.arange(5)].sum() <= bounds[row] ** 2


@pytest.mark.parametrize("patch", [1, 2, 3])
def test_gains_are_what_the_gradient_says_of_each_cell(patch):
    rng, grid = np.random.default_rng(0), make_grid(patch, (5, 4))
    gradient, clean = rng.normal(size=(2, 3, 40)).astype(np.float32)[:, :2]
    paintings = np.concatenate([clean[:, None], rng.normal(size=(2, 3, 40))], axis=1).astype(np.float32)
    gains = gains_of(gradient, paintings, clean, grid.values(2))
    for cell in range(grid.cells):
        mask = np.zeros((2, 5, 4), bool)
        mask[(slice(None), *grid.box(cell))] = True
        expected = -((paintings - clean[:, None]) * gradient[:, None])[:, :, mask.ravel()].sum(axis=2)
        np.testing.assert_allclose(gains[:, :, cell], expected, atol=1e-5)
