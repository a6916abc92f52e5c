"""What a `Run` refuses, and what it makes of its bounds."""

import dataclasses

import numpy as np
import pytest

from brinkmap import InputError, Run, TopK


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"budget": 0}, r"budget: expected at least 1 query \(the clean look\), got 0"),
        ({"budget": 2.5}, "budget: expected at least 1 .*got 2.5"),
        ({"budget": True}, "budget: expected at least 1 .*got True"),
        ({"refine_budget": -1}, "refine_budget: expected at least 0 queries, got -1"),
        ({"slots": 0}, "slots: expected at least 1 sample at once, got 0"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"batch_size": 0}, "batch_size: expected at least 1 sample, got 0"),
        ({"quantise": 0}, "quantise: expected 1 to 16 bits, got 0"),
        ({"quantise": 17}, "quantise: expected 1 to 16 bits, got 17"),
        ({"quantise": "8"}, "quantise: expected 1 to 16 bits, got '8'"),
        ({"max_l2": 0.0}, "max_l2: expected a positive number, got 0.0"),
        ({"max_l2": (1.0, -1.0)}, "max_l2: expected a positive number, got -1.0"),
        ({"max_l2": (1, 1.0)}, r"max_l2: expected different bounds, got \(1, 1.0\)"),
        ({"max_l2": "1"}, "max_l2: expected a positive number, got '1'"),
        ({"max_l2": ("near",)}, "max_l2: expected a positive number, got 'near'"),
        ({"max_linf": float("inf")}, "max_linf: expected a positive number, got inf"),
        ({"max_linf": float("nan")}, "max_linf: expected a positive number, got nan"),
        ({"rate_limit": 0}, "rate_limit: expected a positive number, got 0"),
        ({"criterion": "least"}, "criterion: expected untargeted, targeted:CLASS, topk:K or .*got 'least'"),
        ({"criterion": "topk:few"}, "criterion: expected untargeted, .*got 'topk:few'"),
        ({"criterion": 5}, "criterion: expected untargeted, .*got 5"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_in_one_line(setting, said):
    with pytest.raises(InputError, match=said) as raised:
        Run(**setting)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        (None, (None,)),
        (1, (1.0,)),
        (0.5, (0.5,)),
        (np.float32(0.5), (0.5,)),
        ((), (None,)),
        ([2, 1], (2.0, 1.0)),
        (np.array([0.5, 1]), (0.5, 1.0)),
    ],
    ids=repr,
)
def test_bounds_come_as_a_tuple_of_floats_or_of_none(given, bounds):
    found = Run(max_l2=given).l2_bounds
    assert found == bounds
    assert all(bound is None or type(bound) is float for bound in found)


def test_a_run_cannot_be_changed_and_takes_keywords_only():
    run = Run(budget=7, criterion=TopK(2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.budget = 8
    with pytest.raises(TypeError, match="positional"):
        Run("random")
    assert dataclasses.replace(run, seed=3) == Run(budget=7, criterion=TopK(2), seed=3)
