"""Which cases are shown: the nearest flips and typical ones, whatever order and however often a run is taken up."""

import numpy as np
import pytest

import audited
from audited import LABELS, SAMPLES, VICTIM, Stopped, stop_after
from brinkmap import Run, attack, audit
from brinkmap.gallery import EACH, Gallery, read_traces
from brinkmap.report.view import TYPICAL, WORST
from brinkmap.session import Session
from victims_known import FlipsWhenDark, samples_for

shown = audited.shown  # a fixture for every test here
MANY, THEIR_LABELS = samples_for(VICTIM, 60)
RUN = Run(agent="random", patch=2, budget=30, trace=True)


def test_worst_are_the_nearest_and_typical_the_nearest_to_the_median_of_those_held_ready(tmp_path, shown):
    done = audit(VICTIM, MANY, THEIR_LABELS, RUN, out=tmp_path)
    [view] = shown
    flips = view.table[view.table["success"]].sort_values("l2")
    worst = [case.index for case in view.cases if case.choice == WORST]
    typical = [case.l2 for case in view.cases if case.choice == TYPICAL]
    assert worst == flips["index"].head(EACH).tolist()
    assert len(typical) == EACH
    off = np.abs(flips["l2"] - done.summary["l2_median"]).sort_values()
    assert max(abs(one - done.summary["l2_median"]) for one in typical) <= off.iloc[len(off) // 2]
    assert len({case.index for case in view.cases}) == len(view.cases)


def test_the_order_in_which_results_come_does_not_matter(tmp_path):
    results = list(attack(VICTIM, MANY, THEIR_LABELS, RUN))
    session, chosen = Session(VICTIM, MANY.shape[1:], RUN), []
    for ordered in (results, results[::-1]):
        gallery = Gallery(session, tmp_path)
        for result in ordered:
            gallery.offer(result)
        chosen.append([(case.index, case.choice) for case in gallery.cases(1.0)])
    assert chosen[0] == chosen[1] != []


def test_a_run_taken_up_again_has_the_same_heat_maps(tmp_path, shown):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "whole")
    with pytest.raises(Stopped):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "parts", watch=stop_after(6))
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "parts")
    whole, parts = ([(case.index, case.heat_of, case.heat.tobytes()) for case in view.cases] for view in shown)
    assert whole == parts != []


def test_kept_traces_read_back_as_they_were(tmp_path):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path)
    kept = read_traces(tmp_path, range(len(SAMPLES)), None)
    for result in attack(VICTIM, SAMPLES, LABELS, RUN):
        found = kept.get(result.index, ())
        assert len(found) == len(result.trace)
        for one, other in zip(found, result.trace, strict=True):
            assert (one.query, one.accepted) == (other.query, other.accepted)
            np.testing.assert_array_equal(one.cells, other.cells)
            np.testing.assert_array_equal(one.codes, other.codes)
            np.testing.assert_array_equal(one.log_probabilities, other.log_probabilities)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trace": True}, "credit of each place, read off the attack's"),
        ({"trace": False}, "where the plan puts distortion"),
        ({"agent": "square", "max_l2": 1.5}, "size of the change"),
    ],
)
def test_a_heat_map_says_truly_what_it_is_made_of(changes, said, tmp_path, shown):
    audit(VICTIM, SAMPLES, LABELS, Run(**vars(RUN) | changes), out=tmp_path)
    cases = shown[0].cases
    assert cases
    for case in cases:
        assert said in case.heat_of
        assert case.heat.shape == SAMPLES.shape[2:]
        assert np.abs(case.heat).max() == pytest.approx(1)


def test_a_map_off_a_plan_stands_where_the_distortion_is(tmp_path, shown):
    samples = np.full((3, 1, 8, 8), 0.5, np.float32)
    run = Run(agent="greedy", distortions=("illuminate",), patch=2, budget=400, refine_budget=200)
    audit(FlipsWhenDark(cell=5, patch=2), samples, None, run, out=tmp_path)
    for case in shown[0].cases:
        changed = (case.modified != case.clean).any(axis=0)
        np.testing.assert_array_equal(case.heat > 0, changed)


def test_of_several_bounds_the_largest_is_shown(tmp_path, shown):
    audit(VICTIM, SAMPLES, LABELS, Run(**vars(RUN) | {"max_l2": (0.8, 2.5)}), out=tmp_path)
    rows = shown[0].table
    largest = rows[rows["max_l2"] == 2.5].set_index("index")["l2"]
    assert shown[0].cases
    assert all(case.l2 == largest[case.index] for case in shown[0].cases)
