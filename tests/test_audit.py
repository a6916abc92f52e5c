"""The figures of a whole audit: that they are all there, add up, and count samples that failed."""

import json

import numpy as np
import pytest

import audited
from audited import LABELS, RUN, SAMPLES, VICTIM
from brinkmap import InputError, Presentation, Run, attack, audit
from brinkmap.data.digits import digits_heldout
from brinkmap.registry import resolve
from brinkmap.rows import read_results
from brinkmap.victims import load_victim
from victims_known import CountsSamples, Linear, RaisesFor, near, samples_for

shown = audited.shown  # a fixture for every test here
ISSUE_KEYS = [
    "samples",
    "clean_accuracy",
    "success_rate",
    "queries_spent_mean",
    "queries_capped_mean",
    "queries_median",
    "steps_mean",
    "l2_mean",
    "linf_mean",
    "queries_total",
    "ledger_total",
    "cache_hits",
    "seconds",
    "victim_seconds",
    "peak_rate",
    "achieved_rate",
]


@pytest.fixture
def drawn():
    """Asked for by tests that want the report itself."""


@pytest.mark.usefixtures("drawn")
def test_the_summary_has_every_figure_and_they_add_up(tmp_path):
    victim = CountsSamples(VICTIM)
    labels = np.array([(LABELS[0] + 1) % 3, *LABELS[1:]])
    summary = audit(victim, SAMPLES, labels, RUN, out=tmp_path).summary
    assert set(ISSUE_KEYS) <= summary.keys()
    assert all(isinstance(summary[key], (int, float)) for key in ISSUE_KEYS)
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    results = read_results(tmp_path / "results.parquet")
    assert victim.seen == summary["ledger_total"] == summary["queries_total"] == sum(one.queries for one in results)
    assert summary["queries_lost"] == 0
    assert (summary["samples"], summary["skipped"], summary["attacked"]) == (12, 1, 11)
    assert summary["success_rate"] == sum(one.success for one in results) / 11
    assert summary["seconds"] >= summary["victim_seconds"] > 0
    assert summary["peak_rate"] >= summary["achieved_rate"] > 0
    assert (tmp_path / "report.html").stat().st_size > 1000


def test_one_bad_sample_is_a_row_and_all_bad_ones_are_an_error(tmp_path):
    samples = SAMPLES.copy()
    samples[3] += 2
    done = audit(VICTIM, samples, LABELS, RUN, out=tmp_path / "one")
    assert (done.summary["errors"], done.summary["samples"]) == (1, 12)
    with pytest.raises(
        InputError, match="not one of 12 samples could be attacked; the first: sample 0: expected values"
    ):
        audit(VICTIM, SAMPLES + 2, LABELS, RUN, out=tmp_path / "all")
    assert len(read_results(tmp_path / "all" / "results.parquet")) == 12


def test_several_bounds_are_summarised_each(tmp_path):
    run = Run(**vars(RUN) | {"max_l2": (0.8, 1.5)})
    done = audit(VICTIM, SAMPLES, LABELS, run, out=tmp_path, presentation=Presentation(export="npy")).summary
    assert [part["max_l2"] for part in done["by_bound"]] == [0.8, 1.5]
    assert done["samples"] == 12
    assert done["ledger_total"] == done["queries_total"] + done["export"]["queries"]
    assert done["export"]["files"] == sum(part["successes"] for part in done["by_bound"])
    assert len(list((tmp_path / "adversarial").iterdir())) == done["export"]["survived"] == done["export"]["files"]


def test_a_victim_that_raises_for_one_sample_leaves_a_row_with_the_reason(tmp_path):
    victim = CountsSamples(RaisesFor(VICTIM, near(SAMPLES[4])))
    done = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path).summary
    [failed] = [one for one in read_results(tmp_path / "results.parquet") if one.error]
    assert (failed.index, failed.error) == (4, "the victim raised RuntimeError: no answer to that")
    assert done["ledger_total"] == victim.seen == done["queries_total"]


def test_a_trained_agent_says_in_the_report_what_its_training_cost(tmp_path, shown):
    samples, labels = digits_heldout()
    audit(load_victim("digits"), samples[:2], labels[:2], Run(agent="digits", budget=3), out=tmp_path)
    assert shown[0].training["training_queries"] == resolve("agent", "digits")().card["training_queries"] > 0
    assert shown[0].training["victims"]


def test_of_clips_the_video_papers_figures_are_summarised_over_all_of_them(tmp_path):
    victim = Linear((1, 4, 6, 6))
    samples, labels = samples_for(victim, 6)
    run = Run(agent="factorised", distortions=("dead-pixel",), patch="2x3x3", budget=25)
    summary = audit(victim, samples, labels, run, out=tmp_path).summary
    results = sorted(attack(victim, samples, labels, run), key=lambda one: one.index)
    assert not all(one.success for one in results)
    wanted = {
        "MAP": np.mean([255 * np.abs(one.adversarial - one.clean).mean() for one in results]),
        "QN": np.mean([one.queries for one in results]),
        "SR": 100 * np.mean([one.success for one in results]),
    }
    assert summary["video"] == pytest.approx(wanted)
    assert summary["map_mean"] == pytest.approx(wanted["MAP"])
    assert 0 < summary["frames_touched_mean"] <= 4


def test_of_pictures_they_are_not(tmp_path):
    summary = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path).summary
    assert not {"video", "map_mean", "frames_touched_mean"} & summary.keys()
