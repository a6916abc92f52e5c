"""One generator a sample: equal for equal seeds and indices, and else unrelated."""

import numpy as np
import pytest

from brinkmap.seeding import paint_generator, sample_generator


def draws(rng):
    return tuple(rng.random(4))


@pytest.mark.parametrize(("seed", "index"), [(0, 0), (3, 7), (2**40, 10**6)])
def test_equal_seeds_give_equal_draws(seed, index):
    assert draws(sample_generator(seed, index)) == draws(sample_generator(seed, index))
    assert draws(paint_generator(seed, index, "noise")) == draws(paint_generator(seed, index, "noise"))


def test_every_seed_index_and_name_has_draws_of_its_own():
    pairs = [(seed, index) for seed in range(5) for index in range(20)]
    found = [sample_generator(*pair) for pair in pairs]
    found += [paint_generator(*pair, name) for pair in pairs for name in ("noise", "blur")]
    assert len({draws(one) for one in found}) == 300


def test_draws_do_not_depend_on_the_global_state():
    before = np.random.get_state()
    np.random.seed(1)
    first = draws(sample_generator(0, 0))
    np.random.seed(2)
    assert draws(sample_generator(0, 0)) == first
    np.random.set_state(before)


def test_draws_stay_as_they_are():
    """A change here changes every published figure."""
    assert sample_generator(1, 2).integers(0, 1000, 5).tolist() == [643, 448, 938, 430, 87]
    assert paint_generator(1, 2, "gaussian-noise").integers(0, 1000, 5).tolist() == [292, 939, 554, 4, 736]
