"""The knapsack: within its bound, and as good as trying everything."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.response.knapsack import best_codes  # noqa: E402

LEVELS = torch.tensor([[0, 0, 0], [1, 2, 3]])


def drawn(seed, rows=4, codes=4, cells=5):
    rng = np.random.default_rng(seed)
    gains = torch.from_numpy(rng.normal(size=(rows, codes, cells)).astype(np.float32))
    energy = torch.from_numpy(rng.random((rows, codes, cells)).astype(np.float32))
    gains[:, 0] = energy[:, 0] = 0
    return gains, energy


def every_plan(gains, energy):
    """The gain and energy of each plan of one sample."""
    codes = torch.tensor(list(itertools.product(range(gains.shape[0]), repeat=gains.shape[1])))
    return gains.gather(0, codes).sum(1), energy.gather(0, codes).sum(1)


@pytest.mark.parametrize("seed", range(20))
def test_within_the_bound_and_close_to_the_best_of_all_plans(seed):
    """With one card a level the first stage leaves nothing out; what bisection misses is at most one cell's gain."""
    gains, energy = drawn(seed)
    packed = best_codes(gains, energy, torch.full((4,), 1.0), torch.arange(4)[:, None])
    for row in range(4):
        chosen = packed.codes[row][None]
        spent, found = energy[row].gather(0, chosen).sum(), gains[row].gather(0, chosen).sum()
        assert spent <= 1.0
        torch.testing.assert_close(spent, packed.energy[row])
        all_gains, all_energy = every_plan(gains[row], energy[row])
        best = all_gains[all_energy <= 1.0].max()
        assert found >= best - gains[row].max()


@pytest.mark.parametrize("seed", range(20))
def test_choosing_among_the_cards_of_a_level_first_loses_little(seed):
    gains, energy = drawn(seed, cells=40)
    bound = torch.full((4,), 2.0)
    full = best_codes(gains, energy, bound, torch.arange(4)[:, None])
    two_stage = best_codes(gains, energy, bound, LEVELS)
    for row in range(4):
        one, other = (gains[row].gather(0, packed.codes[row][None]).sum() for packed in (full, two_stage))
        assert other >= 0.93 * one


def test_without_a_bound_every_cell_has_its_best_card():
    gains, energy = drawn(1)
    packed = best_codes(gains, energy, torch.full((4,), torch.inf), LEVELS)
    torch.testing.assert_close(packed.codes, gains.argmax(dim=1))


def test_no_room_means_no_plan():
    gains, energy = drawn(2)
    packed = best_codes(gains, energy, torch.tensor([1e-9, 0.5, 1.0, 2.0]), LEVELS)
    assert not packed.codes[0].any()
    assert (packed.energy <= torch.tensor([1e-9, 0.5, 1.0, 2.0]) ** 2).all()


def test_a_larger_bound_never_promises_less():
    gains, energy = drawn(3, cells=60)
    promised = []
    for bound in (0.3, 0.6, 1.0, 1.5, 2.5):
        packed = best_codes(gains, energy, torch.full((4,), bound), LEVELS)
        promised.append(gains.gather(1, packed.codes[:, None])[:, 0].sum(1))
    assert all((later >= earlier * 0.995).all() for earlier, later in itertools.pairwise(promised))
