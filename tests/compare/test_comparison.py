"""Comparisons: every attack meets the same samples, every query is the ledger's, and what is finished is kept."""

import json

import numpy as np
import pandas as pd
import pytest

from brinkmap import Run
from brinkmap.agents.square import SquareAttack
from brinkmap.compare.comparison import compare
from brinkmap.compare.contest import NATURAL, NORM, run_suite
from brinkmap.compare.curves import distance_curve, success_curve
from brinkmap.compare.figures import differences, samples_of, with_break_even
from brinkmap.compare.suite import Contender, Suite, Target
from brinkmap.errors import InputError
from victims_known import CountsSamples, Linear, samples_for

VICTIM = Linear((1, 8, 8))
X, Y = samples_for(VICTIM, 14)
Y[[3, 7]] = (Y[[3, 7]] + 1) % 3
TERMS = {"budget": 40, "max_l2": (0.6, 1.2), "patch": 2}


class Crashes:
    """Square, but on one sample it fails for a reason of its own."""

    needs_scores = True

    def run(self, oracle, sample, label, run):
        if oracle.index == 4:
            raise ZeroDivisionError("no luck")
        SquareAttack().run(oracle, sample, label, run)


class NeedsMore:
    """An attack that no run gives what it needs."""

    needs_scores = True

    def check(self, run):
        raise InputError("needs-more: cannot run here.")

    def run(self, oracle, sample, label, run):
        raise AssertionError


def contender(name, agent, **more):
    return Contender(name=name, run=Run(agent=agent, **(TERMS | more)))


def suite_of(*contenders, victim=VICTIM, **more):
    target = Target(name="linear", load=lambda: (victim, X, Y))
    return Suite(title="Linear", targets=[target], contenders=contenders, **({"samples": 10} | more))


ALL = (
    contender("square", SquareAttack()),
    contender("random", "random"),
    contender("crashes", Crashes()),
    contender("tint", "random", distortions=["tint"]),
    contender("needs more", NeedsMore()),
)


def played(suite, folder):
    """Every sample of a comparison, without pages and curves."""
    return samples_of(run_suite(suite, folder))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return compare(suite_of(*ALL, seeds=(0, 1)), tmp_path_factory.mktemp("compare"))


def row(done, attack, bound="L2 <= 1.2"):
    [found] = [one for one in done.rows if (one["attack"], one["bound"]) == (attack, bound)]
    return found


def test_all_attacks_meet_the_same_correctly_classified_samples(done):
    right = np.flatnonzero(VICTIM.predict(X).argmax(axis=1) == Y)[:10]
    for _, here in done.samples.groupby(["attack", "bound", "seed"]):
        assert here["index"].tolist() == list(range(10))
        assert here["label"].tolist() == Y[right].tolist()


def test_queries_of_samples_are_those_of_the_ledger(done):
    for one in done.rows:
        if "left_out" not in one:
            assert one["queries_of_samples"] == one["ledger_total"] > 0


def test_the_victim_sees_no_query_that_is_not_in_a_row(tmp_path):
    counting = CountsSamples(VICTIM)
    cells = run_suite(suite_of(*ALL[:2], victim=counting), tmp_path)
    selection = cells[0].facts["selection_queries"]
    assert counting.seen == selection + sum(cell.facts["ledger_total"] for cell in cells)


def test_failures_and_crashes_count_at_the_full_budget(done):
    here = done.samples[(done.samples["attack"] == "crashes") & (done.samples["index"] == 4)]
    assert (here["capped"] == 40).all()
    assert not here["success"].any()
    assert row(done, "crashes")["errors"] == 2
    assert "ZeroDivisionError: no luck" in row(done, "crashes")["first_error"]
    assert row(done, "crashes")["samples"] == 10
    failed = done.samples[~done.samples["success"]]
    assert (failed["capped"] == 40).all()


def test_an_attack_that_cannot_run_is_left_out_with_its_reason_and_the_others_go_on(done):
    assert row(done, "needs more")["left_out"] == "needs-more: cannot run here."
    assert "needs-more: cannot run here." in done.page.read_text()
    assert row(done, "square")["success_rate"] > 0


def test_natural_and_norm_matched_are_never_in_one_table(done):
    assert (row(done, "random")["track"], row(done, "tint")["track"]) == (NATURAL, NORM)
    sections = done.page.read_text().split("\n## ")
    for section in sections:
        assert not ("| linear | random |" in section and "| linear | square |" in section)


def test_success_rates_rise_with_queries_and_end_at_the_success_rate(done):
    for one in done.rows:
        if "left_out" not in one:
            rates = list(one["asr_at"].values())
            assert rates == sorted(rates)
            assert rates[-1] <= one["success_rate"]
            low, high = one["queries_capped_interval"]
            assert low <= one["queries_capped_mean"] <= high


def test_differences_are_paired_and_against_the_reference_of_the_same_track(done):
    found = {(one["track"], one["bound"], one["attack"]): one for one in done.differences}
    one = found[NORM, "L2 <= 1.2", "tint"]
    means = [row(done, name)["queries_capped_mean"] for name in ("square", "tint")]
    assert one["against"] == "square"
    assert one["queries_fewer_mean"] == pytest.approx(means[0] - means[1])
    assert one["samples"] == 10


def test_a_difference_of_an_attack_to_a_slower_copy_is_what_was_added():
    table = pd.DataFrame(
        [
            {"track": NORM, "bound": "b", "victim": "v", "attack": name, "index": i, "capped": float(i + late)}
            for i in range(8)
            for name, late in (("fast", 0), ("slow", 5))
        ]
    )
    [one] = differences(table, "slow")
    assert (one["attack"], one["queries_fewer_mean"], one["interval"]) == ("fast", 5.0, [5.0, 5.0])


class Trained(SquareAttack):
    """Square, as if its training had cost queries."""

    def __init__(self):
        super().__init__()
        self.card = {"training_queries": 1200}


def test_what_training_cost_stands_beside_the_queries(tmp_path):
    attacks = contender("random", "random", distortions=["tint"]), contender("trained", Trained())
    done = compare(suite_of(*attacks), tmp_path)
    assert [one["training_queries"] for one in done.rows] == [0, 0, 1200, 1200]
    page = done.page.read_text()
    assert "| training queries |" in page
    assert "| 1,200 |" in page
    assert "| training repaid after |" in page


def test_an_attack_that_learned_from_one_sample_for_the_next_says_so(tmp_path):
    attacks = contender("learning", "learning"), contender("square", SquareAttack())
    found = compare(suite_of(*attacks, samples=3), tmp_path)
    said = [line for line in found.page.read_text().splitlines() if "another order of the samples" in line]
    assert len(said) == 1
    assert "learning" in said[0]


def test_training_is_repaid_once_the_queries_saved_come_to_its_own():
    def figure(attack, queries):
        return {"track": NORM, "bound": "b", "victim": "v", "attack": attack, "training_queries": queries}

    def difference(attack, fewer):
        return {"track": NORM, "bound": "b", "victim": "v", "attack": attack, "against": "plain",
                "queries_fewer_mean": fewer}  # fmt: skip

    rows = [figure("plain", 0), figure("better", 1001), figure("worse", 10), figure("free", 0)]
    differing = [difference("better", 10.0), difference("worse", -1.0), difference("free", 3.0)]
    assert [one["break_even"] for one in with_break_even(differing, rows)] == [101, None, 0]


def test_a_finished_comparison_asks_nothing_again_and_says_the_same(tmp_path):
    counting = CountsSamples(VICTIM)
    first = played(suite_of(*ALL[:2], victim=counting), tmp_path)
    seen = counting.seen
    pd.testing.assert_frame_equal(played(suite_of(*ALL[:2], victim=counting), tmp_path), first)
    assert counting.seen == seen


def test_a_comparison_that_was_stopped_goes_on_where_it_was(tmp_path):
    suite, whole = suite_of(*ALL[:2]), played(suite_of(*ALL[:2]), tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(cell, result, session):
        if cell.contender.name == "random" and result.index == 5:
            raise Stop

    with pytest.raises(Stop):
        run_suite(suite, tmp_path / "resumed", stop)
    pd.testing.assert_frame_equal(played(suite, tmp_path / "resumed"), whole)


def test_a_folder_of_another_comparison_is_refused(tmp_path):
    run_suite(suite_of(contender("square", SquareAttack())), tmp_path)
    with pytest.raises(InputError, match=r"holds another comparison .*Give another --out"):
        run_suite(suite_of(contender("square", SquareAttack(), budget=30)), tmp_path)


def test_files_hold_what_is_returned(done):
    kept = json.loads((done.directory / "compare.json").read_text())
    assert kept["rows"] == json.loads(json.dumps(done.rows))
    assert len(pd.read_parquet(done.directory / "compare.parquet")) == len(done.samples) == 4 * 2 * 2 * 10
    for track in ("natural", "unnatural-norm-matched"):
        for bound in ("0.6", "1.2"):
            for kind in ("png", "svg"):
                assert (done.directory / f"curves-{track}-l2-{bound}.{kind}").stat().st_size > 5000


def test_curves_count_flips_and_distances_up_to_each_mark():
    capped, won, marks = np.array([5.0, 20, 40]), np.array([True, True, False]), np.array([1.0, 5, 19, 20, 40])
    assert success_curve(capped, won, marks).tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    paths = [[[5, 2.0], [10, 1.0]], [[20, 3.0]], []]
    assert distance_curve(paths, np.array([5.0, 20, 40])).tolist() == [np.inf, 3.0, 3.0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": ()}, "expected at least one seed"),
        ({"samples": 0}, "samples: expected at least 1, got 0"),
        ({"against": "nobody"}, "no attack nobody. It has: square"),
        ({"contenders": ()}, "expected at least one attack"),
        ({"contenders": (ALL[0], ALL[0])}, "attack square given twice"),
    ],
)
def test_suites_that_cannot_work_are_refused(changes, said):
    given = {"title": "t", "targets": suite_of(ALL[0]).targets, "contenders": (ALL[0],)} | changes
    with pytest.raises(InputError, match=said):
        Suite(**given)


@pytest.mark.parametrize(("labels", "said"), [(None, "have no labels"), ((Y + 1) % 3, "not one of|gets not one")])
def test_data_that_cannot_be_compared_on_are_refused(labels, said, tmp_path):
    answers = VICTIM.predict(X).argmax(axis=1)
    given = None if labels is None else (answers + 1) % 3
    target = Target(name="linear", load=lambda: (VICTIM, X, given))
    with pytest.raises(InputError, match=said):
        compare(Suite(title="t", targets=[target], contenders=[ALL[0]]), tmp_path)
