"""The summary of hand-made tables where every figure is known."""

import json

import pandas as pd
import pytest

from brinkmap.summary import attacked_rows, l2_bounds, rows_under, summarise, video_figures

BLANK = {
    "index": 0, "label": 1, "reference": 1, "success": False, "stalled": False, "error": None, "queries": 1,
    "queries_to_flip": None, "queries_refine": 0, "steps": 0, "l2": 0.0, "linf": 0.0, "l2_raw": 0.0, "linf_raw": 0.0,
    "changed": 0, "clipped": 0.0, "seed": 0, "max_l2": None,
}  # fmt: skip


def table(*rows):
    return pd.DataFrame([BLANK | row for row in rows], columns=list(BLANK))


def flip(queries, l2, refine=0, **more):
    return {
        "success": True, "queries": queries + refine, "queries_to_flip": queries, "queries_refine": refine,
        "steps": queries - 1, "l2": l2, "linf": l2 / 2, "changed": 10, "clipped": 0.5,
    } | more  # fmt: skip


RUN = table(
    flip(10, 1.0, refine=5),
    flip(30, 3.0, changed=20, clipped=0.0, label=None),
    {"queries": 80, "steps": 79, "stalled": True},
    {"label": 2},
    {"error": "NaN", "reference": None, "queries": 7, "label": 3},
)


def test_counts_and_rates():
    summary = summarise(RUN, budget=100, refine_budget=20)
    counts = {"samples": 5, "errors": 1, "skipped": 1, "attacked": 3, "successes": 2, "stalled": 1}
    assert {name: summary[name] for name in counts} == counts
    assert summary["success_rate"] == pytest.approx(2 / 3)
    assert summary["clean_accuracy"] == pytest.approx(2 / 3), (
        "right, right and skipped; no label and no answer left out"
    )


def test_queries_are_averaged_spent_and_capped():
    summary = summarise(RUN, budget=100, refine_budget=20)
    assert summary["queries_spent_mean"] == pytest.approx((10 + 30 + 80) / 3)
    assert summary["queries_capped_mean"] == pytest.approx((10 + 30 + 100) / 3), "a failure costs the full budget"
    assert summary["queries_median"] == 30
    assert summary["queries_refine_mean"] == pytest.approx(2.5)
    assert summary["queries_total"] == 15 + 30 + 80 + 1 + 7, "errors and skipped samples were paid for too"
    assert summary["steps_mean"] == pytest.approx((9 + 29 + 79) / 3)
    assert (summary["budget"], summary["refine_budget"]) == (100, 20)


def test_distances_are_averaged_over_successes():
    summary = summarise(RUN, budget=100, refine_budget=20)
    expected = {"l2_mean": 2.0, "l2_median": 2.0, "linf_mean": 1.0, "changed_mean": 15.0, "clipped_mean": 0.25}
    assert {name: summary[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("budget", "marks"), [(9, {}), (10, {"10": 1 / 3}), (60, {"10": 1 / 3, "25": 1 / 3, "50": 2 / 3})]
)
def test_success_rate_at_query_counts_up_to_the_budget(budget, marks):
    assert summarise(RUN, budget=budget, refine_budget=0)["asr_at"] == pytest.approx(marks)


def test_a_flip_that_was_not_a_success_counts_as_a_failure():
    summary = summarise(table({"queries": 9, "queries_to_flip": 4}), budget=50, refine_budget=0)
    assert (summary["success_rate"], summary["queries_capped_mean"], summary["asr_at"]["10"]) == (0, 50, 0)


@pytest.mark.parametrize(
    "rows", [table(), table({"label": 2}), table({"error": "x", "label": None, "reference": None, "queries": 0})]
)
def test_nothing_attacked_gives_null_not_nan(rows):
    summary = summarise(rows, budget=100, refine_budget=0)
    nulls = [
        "success_rate", "queries_spent_mean", "queries_capped_mean", "queries_median", "steps_mean", "l2_mean",
        "l2_median", "linf_mean", "changed_mean", "clipped_mean", "queries_refine_mean",
    ]  # fmt: skip
    assert [summary[name] for name in nulls] == [None] * len(nulls)
    assert summary["asr_at"] == {"10": None, "25": None, "50": None, "100": None}
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_no_success_leaves_distances_null():
    summary = summarise(table({"queries": 100}), budget=100, refine_budget=0)
    assert (summary["success_rate"], summary["l2_mean"], summary["queries_capped_mean"]) == (0, None, 100)


BOUNDS = table(
    {"max_l2": None, "index": 0} | flip(4, 2.0),
    {"max_l2": 1.0, "index": 0, "queries": 50},
    {"max_l2": 0.5, "index": 0, "queries": 40},
    {"max_l2": 0.5, "index": 1} | flip(6, 0.4),
    {"max_l2": 1.0, "index": 1} | flip(5, 0.9),
    {"max_l2": None, "index": 1} | flip(2, 2.5),
)


def test_several_bounds_are_listed_ascending_and_the_largest_is_described():
    summary = summarise(BOUNDS, budget=50, refine_budget=0)
    assert [part["max_l2"] for part in summary["by_bound"]] == [0.5, 1.0, None]
    assert [part["success_rate"] for part in summary["by_bound"]] == [0.5, 0.5, 1.0]
    top = {name: value for name, value in summary.items() if name not in ("by_bound", "queries_total")}
    last = {name: value for name, value in summary["by_bound"][-1].items() if name != "queries_total"}
    assert top == last
    assert summary["samples"] == 2, "each sample once"


def test_queries_of_all_bounds_add_up_to_the_total():
    summary = summarise(BOUNDS, budget=50, refine_budget=0)
    assert summary["queries_total"] == BOUNDS["queries"].sum() == sum(p["queries_total"] for p in summary["by_bound"])


def test_one_bound_is_not_listed():
    summary = summarise(table({"max_l2": 0.5}), budget=50, refine_budget=0)
    assert "by_bound" not in summary
    assert summary["max_l2"] == 0.5


def test_rows_are_picked_by_bound_and_by_attack():
    assert l2_bounds(BOUNDS) == [0.5, 1.0, None]
    assert rows_under(BOUNDS, None).index.tolist() == [0, 5]
    assert rows_under(BOUNDS, 0.5).index.tolist() == [2, 3]
    assert attacked_rows(RUN).index.tolist() == [0, 1, 2]


def test_a_table_back_from_parquet_gives_the_same(tmp_path):
    RUN.to_parquet(tmp_path / "run.parquet")
    back = pd.read_parquet(tmp_path / "run.parquet")
    nullable = back.convert_dtypes()
    assert summarise(back, budget=100, refine_budget=0) == summarise(RUN, budget=100, refine_budget=0)
    assert summarise(nullable, budget=100, refine_budget=0) == summarise(RUN, budget=100, refine_budget=0)


def test_the_table_is_not_written_to():
    before = RUN.copy(deep=True)
    summarise(RUN, budget=100, refine_budget=0)
    pd.testing.assert_frame_equal(RUN, before)


def test_video_figures_count_every_attacked_clip_and_no_other():
    rows = RUN.assign(map=[1.0, 2.0, 6.0, None, None])
    assert video_figures(rows) == {"video": {"MAP": 3.0, "QN": (15 + 30 + 80) / 3, "SR": pytest.approx(200 / 3)}}
    assert video_figures(RUN.assign(map=None)) == {}
    assert video_figures(pd.concat([rows, rows.assign(max_l2=1.0)])) == {}
