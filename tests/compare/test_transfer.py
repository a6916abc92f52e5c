"""Transfer with feedback; what it shares with P-RGF is tested there."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from linear_surrogates import (  # noqa: E402
    BOUND,
    VICTIMS,
    Broken,
    attacked,
    distances,
    samples_near_the_middle,
    surrogate_of,
)

from brinkmap import InputError, Run, attack  # noqa: E402
from brinkmap.compare import SurrogateAttack  # noqa: E402

RANDOM = surrogate_of(VICTIMS[2], 1.0)


@pytest.mark.parametrize("rank", VICTIMS)
def test_a_surrogate_that_knows_the_victim_flips_with_its_first_candidate(rank):
    found = attacked(SurrogateAttack([surrogate_of(VICTIMS[rank])]), rank)
    within = distances(VICTIMS[rank], samples_near_the_middle(VICTIMS[rank])) < 0.95 * BOUND
    assert within.sum() >= 6
    assert all(one.queries_to_flip == 2 for one in np.array(found.results, dtype=object)[within])


def test_one_good_surrogate_among_bad_ones_is_found():
    found = attacked(SurrogateAttack([RANDOM, Broken(), surrogate_of(VICTIMS[2])]))
    within = distances(VICTIMS[2], samples_near_the_middle(VICTIMS[2])) < 0.9 * BOUND
    assert all(one.queries_to_flip <= 5 for one in np.array(found.results, dtype=object)[within])


@pytest.mark.parametrize("net", [RANDOM, Broken()], ids=["random", "NaN"])
def test_where_surrogates_are_of_no_use_squares_do_it(net):
    budget = 300
    squares = attacked("square", budget=budget)
    found = attacked(SurrogateAttack([net]), budget=budget)
    assert sum(one.success for one in found.results) >= sum(one.success for one in squares.results) - 1


def test_without_a_surrogate_it_is_refused():
    with pytest.raises(InputError, match="expected at least one surrogate, got none"):
        attack(VICTIMS[2], samples_near_the_middle(VICTIMS[2]), None, Run(agent=SurrogateAttack([]), max_l2=1.0))
