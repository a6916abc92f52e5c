"""Demands: what an audit is judged by, and demands that cannot be judged."""

import numpy as np
import pytest

import audited
from audited import LABELS, RUN, SAMPLES, VICTIM
from brinkmap import Demands, InputError, Run, audit
from victims_known import FlipsWhenDark

shown = audited.shown  # a fixture for every test here


def flips_at(distance):
    """Every sample flips at this L2, at the first darkening by one card."""
    cell = np.full((6, 1, 8, 8), 0.5, np.float32)
    return FlipsWhenDark(cell=0, patch=8, fall=distance / 8 - 1e-3), cell


@pytest.mark.parametrize(
    ("demands", "passed"),
    [
        (Demands(), []),
        (Demands(min_robust_l2=2.39), [True]),
        (Demands(min_robust_l2=2.41), [False]),
        (Demands(max_success_rate=1.0), [True]),
        (Demands(max_success_rate=0.99), [False]),
        (Demands(min_robust_l2=0.0, max_success_rate=0.0), [True, False]),
    ],
    ids=repr,
)
def test_demands_are_judged_by_median_distance_and_success_rate(tmp_path, demands, passed):
    victim, samples = flips_at(2.4)  # .3 darker, the strongest level, in 64 values
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=20)
    done = audit(victim, samples, None, run, out=tmp_path, demands=demands)
    assert done.summary["success_rate"] == 1.0
    assert done.summary["l2_median"] == pytest.approx(2.4, abs=1e-3)
    assert [one.passed for one in done.thresholds] == passed
    assert done.passed == done.summary["passed"] == all(passed)


def test_samples_that_never_flip_count_as_infinitely_far(tmp_path):
    victim, samples = flips_at(6.0)
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=9)
    done = audit(victim, samples, None, run, out=tmp_path, demands=Demands(min_robust_l2=100, max_success_rate=0.0))
    assert done.summary["l2_mean"] is None
    assert done.passed


def test_where_nothing_was_attacked_no_demand_is_met(tmp_path):
    demands = Demands(min_robust_l2=0.1, max_success_rate=1.0)
    done = audit(VICTIM, SAMPLES, (LABELS + 1) % 3, RUN, out=tmp_path, demands=demands)
    assert (done.summary["attacked"], done.summary["skipped"], done.summary["success_rate"]) == (0, 12, None)
    assert [(one.measured, one.passed) for one in done.thresholds] == [(None, False)] * 2


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ({"max_success_rate": 20}, "max_success_rate: expected a share from 0 to 1, got 20"),
        ({"max_success_rate": float("nan")}, "max_success_rate: expected a share from 0 to 1, got nan"),
        ({"min_robust_l2": -1}, "min_robust_l2: expected a distance of at least 0, got -1"),
    ],
    ids=str,
)
def test_demands_that_cannot_be_judged_are_refused(demand, said):
    with pytest.raises(InputError, match=said):
        Demands(**demand)
