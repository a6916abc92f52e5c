"""`collect`: many results as arrays and a table, in order."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap import Run, attack, collect
from brinkmap.results import PUBLIC_FIELDS, failed_result
from victims_known import AnswersNaNFor, Linear, near, samples_for

VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 6)
RUN = Run(agent="random", patch=2, budget=30, slots=2)


@pytest.fixture(scope="module")
def results():
    return list(attack(VICTIM, SAMPLES, LABELS, RUN))


def test_rows_are_in_the_order_of_the_samples_whatever_the_order_of_arrival(results):
    shuffled = [results[place] for place in np.random.default_rng(0).permutation(len(results))]
    found = collect(iter(shuffled))
    assert found.table["index"].tolist() == [0, 1, 2, 3, 4, 5]
    for result in results:
        assert_array_equal(found.adversarial[result.index], result.adversarial)
        assert_array_equal(found.before[result.index], result.before)
        assert_array_equal(found.after[result.index], result.after)
    assert found.adversarial.dtype == found.before.dtype == found.after.dtype == np.float32


def test_bounds_of_one_sample_are_ascending_and_no_bound_comes_last():
    results = [failed_result(index, None, "-", 0, bound) for index in (1, 0) for bound in (None, 2.0, 0.5)]
    table = collect(results).table
    assert table["index"].tolist() == [0, 0, 0, 1, 1, 1]
    assert table["max_l2"].fillna(-1).tolist() == [0.5, 2.0, -1, 0.5, 2.0, -1]


def test_the_table_has_every_scalar_field(results):
    found = collect(results)
    scalars = [name for name in PUBLIC_FIELDS if name not in ("before", "after", "plan", "filters", "distances")]
    assert found.table.columns.tolist() == scalars
    for result in results:
        row = found.table.loc[result.index]
        assert [row[name] for name in ("label", "queries", "l2", "success")] == [
            result.label, result.queries, result.l2, result.success,
        ]  # fmt: skip


def test_a_result_says_which_filter_stands_where(results):
    for result in results:
        rebuilt = np.zeros_like(result.plan)
        for name, cells in result.where.items():
            rebuilt[cells[:, 0], 0] = result.filters.index(name)
            rebuilt[cells[:, 0], 1] = cells[:, 1]
        assert_array_equal(rebuilt, result.plan)
    assert any(result.where for result in results)


def test_rows_that_were_never_queried_are_nan():
    samples = SAMPLES.copy()
    samples[[0, 4]] = np.nan
    found = collect(attack(VICTIM, samples, LABELS, RUN))
    for rows in (found.adversarial, found.before, found.after):
        assert np.isnan(rows).reshape(6, -1).all(axis=1).tolist() == [True, False, False, False, True, False]
        assert not np.isnan(rows[[1, 2, 3, 5]]).any()
    assert found.table["error"].notna().tolist() == [True, False, False, False, True, False]


def test_a_row_that_the_victim_failed_has_its_sample_and_no_answer():
    found = collect(attack(AnswersNaNFor(VICTIM, near(SAMPLES[2])), SAMPLES, LABELS, RUN))
    assert_array_equal(found.adversarial[2], SAMPLES[2])
    assert np.isnan(found.before[2]).all()
    assert found.table["queries"][2] == 1


@pytest.mark.parametrize("results", [[], [failed_result(0, None, "-", 0, None)]], ids=["none", "none that worked"])
def test_nothing_to_stack(results):
    found = collect(results)
    assert len(found.table) == len(found.adversarial) == len(found.before) == len(results)


def test_skipped_and_attacked_are_told_apart():
    wrong = (LABELS + 1) % 3
    results = list(attack(VICTIM, SAMPLES, [wrong[0], *LABELS[1:5], 9], RUN))
    results.sort(key=lambda result: result.index)
    assert [result.skipped for result in results] == [True, False, False, False, False, False]
    assert [result.attacked for result in results] == [False, True, True, True, True, False]
