"""How far plans may go: within the bound where there is one, nearer in refining, further where plans fail."""

import numpy as np
import torch

from brinkmap.response.reach import Reach

SLOTS = np.arange(3)


def reach(*bounds, first=2.0):
    made = Reach(len(bounds), first)
    made.begin(np.arange(len(bounds)), np.array(bounds))
    return made


def far(made, l2, refining):
    return [one.tolist() for one in made.of(np.arange(len(l2)), torch.tensor(l2), torch.tensor(refining))]


def test_a_bound_is_the_end_and_what_is_tried_first_is_within_it():
    most, begin = far(reach(1.0, 1.0, 0.5), [0.0, 0.9, 0.1], [False] * 3)
    assert most == [1.0, 1.0, 0.5]
    assert all(first <= last for first, last in zip(begin, most, strict=True))


def test_refining_ends_nearer_than_the_incumbent_with_or_without_a_bound():
    most, begin = far(reach(1.0, np.inf), [0.8, 3.0], [True, True])
    assert most[0] < 0.8
    assert most[1] < 3.0
    assert begin[0] < most[0]
    assert begin[1] < most[1]


def test_without_a_bound_each_failure_in_a_row_lets_plans_go_further_and_a_success_ends_the_row():
    made = reach(np.inf, np.inf, np.inf)
    l2, free = [0.0, 2.0, 2.0], [False] * 3
    first, _ = far(made, l2, free)
    made.learn(SLOTS, np.array([False, False, True]))
    made.learn(SLOTS, np.array([False, False, True]))
    later, _ = far(made, l2, free)
    assert later[0] > first[0] > 2.0
    assert later[1] > first[1] > 2.0
    assert later[2] == first[2]
    made.learn(SLOTS, np.array([True, True, True]))
    assert far(made, l2, free)[0] == first
    made.learn(SLOTS, np.array([False] * 3))
    made.begin(np.array([0]), np.array([np.inf]))
    assert far(made, l2, free)[0][0] == first[0]


def test_failures_move_no_bound():
    made = reach(1.0)
    made.learn(np.array([0]), np.array([False]))
    assert far(made, [0.5], [False])[0] == [1.0]
    assert made.bounded(np.array([0])).tolist() == [True]
    assert reach(np.inf).bounded(np.array([0])).tolist() == [False]
