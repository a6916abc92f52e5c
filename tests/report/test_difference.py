"""Two audits side by side: figures that are known, intervals that hold them, and what cannot be compared."""

import json

import numpy as np
import pytest
from views import case, flip, keep_results, table, view

from audited import LABELS, RUN, SAMPLES, VICTIM
from brinkmap import InputError, Run, audit
from brinkmap.cli import main
from brinkmap.report import publish, write_report
from brinkmap.report.difference import write_difference
from brinkmap.report.paired import differences_of, turned


def rows(count, gap=0.0, flips=True):
    return table(*(
        flip(index, 10 + index % 7 + int(10 * gap), 1 + 0.01 * index + gap) if flips or index % 2 else {"index": index}
        for index in range(count)
    ))  # fmt: skip


def by_name(found):
    return {one.name: one for one in found}


def test_a_shift_of_every_sample_is_found_exactly_and_has_no_width():
    found = by_name(differences_of(rows(30), rows(30, gap=0.5), (100, 100), paired=True))
    assert found["L2 at flip"].difference == pytest.approx(0.5)
    assert found["L2 at flip"].interval is None
    assert found["queries, failures at the full budget"].difference == 5
    assert found["success rate"].interval is None


def test_paired_intervals_are_narrower_than_unpaired_ones_and_hold_the_difference():
    second = rows(40, gap=0.05)
    second["l2"] += np.random.default_rng(0).normal(0, 0.02, 40)
    paired, apart = (
        by_name(differences_of(rows(40), second, (100, 100), paired=one))["L2 at flip"] for one in (True, False)
    )
    assert paired.interval[0] < paired.difference < paired.interval[1]
    assert apart.interval[0] < apart.difference < apart.interval[1]
    assert np.ptp(paired.interval) < 0.5 * np.ptp(apart.interval)


def test_failures_count_at_the_budget_of_their_own_audit():
    held = table({"index": 0, "queries": 50}, flip(1, 10, 1.0))
    found = by_name(differences_of(held, held, (50, 200), paired=True))
    assert found["queries, failures at the full budget"].difference == pytest.approx(150 / 2)


def test_only_shared_samples_are_paired():
    found = by_name(differences_of(rows(10), rows(6), (100, 100), paired=True))
    assert found["success rate"].samples == 6
    first, second = table(flip(0, 5, 1.0), {"index": 1}, flip(2, 5, 1.0)), table(flip(0, 5, 1.0), flip(1, 5, 1.0))
    assert turned(first, second) == (1, 0, 1, 0)


def kept(folder, rows, **more):
    folder.mkdir()
    write_report(folder, view(rows, **more))
    keep_results(folder, rows)
    return folder


def test_the_report_says_both_what_differs_and_why_it_may(tmp_path):
    first = kept(tmp_path / "one", rows(20), source={"data_sha256": "a"}, run={"budget": "100", "agent": "credit"})
    second = kept(tmp_path / "two", rows(20, flips=False), source={"data_sha256": "a", "victim": "<b>"},
                  run={"budget": "50", "agent": "credit"})  # fmt: skip
    write_difference(first, second, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text()
    assert "Success rate: 100.0% first, 50.0% second (-50.0 points;" in text
    assert "the two differ in budget" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    held = json.loads((tmp_path / "out" / "difference.json").read_text())
    assert held["paired"] is True
    assert [one["name"] for one in held["figures"]][:2] == ["clean accuracy", "success rate"]
    assert (tmp_path / "out" / "report.md").exists()


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"cases": [case((1, 9, 9))]}, r"samples of shape \(1, 8, 8\), .* of \(1, 9, 9\)"),
        ({"bounds": (0.0, 2.0)}, "Give both victims the same --bounds"),
        ({"rows": table({"label": 2})}, "no sample was attacked, so there is nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(second, said, tmp_path):
    second = dict(second)
    first, other = kept(tmp_path / "one", rows(5)), second.pop("rows", rows(5))
    with pytest.raises(InputError, match=said):
        write_difference(first, kept(tmp_path / "two", other, **second), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_same_folder_another_kind_and_the_audits_own_folder_are_refused(tmp_path):
    first, second = kept(tmp_path / "one", rows(5)), kept(tmp_path / "two", rows(5))
    with pytest.raises(InputError, match="expected two different audits"):
        write_difference(first, tmp_path / "two" / ".." / "one", tmp_path / "out")
    with pytest.raises(InputError, match="expected a folder of its own"):
        write_difference(first, second, second)
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "leaderboard.csv").write_text(
        "distortion,severity,samples,accuracy,l2,clean_accuracy,model\nclean,,2,1,0,1,m\nblur,x2,2,.5,1,1,m\n"
    )
    publish(tmp_path / "board", "leaderboard", {"title": "", "about": "", "command": "", "source": {}})
    with pytest.raises(InputError, match="expected an audit, got the results of leaderboard"):
        write_difference(first, tmp_path / "board", tmp_path / "out")


def test_the_command_makes_one_report_again_or_compares_two(tmp_path, capsys):
    audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "a")
    audit(VICTIM, SAMPLES, LABELS, Run(**vars(RUN) | {"budget": 60}), out=tmp_path / "b")
    before = (tmp_path / "a" / "report.html").read_bytes()
    (tmp_path / "a" / "report.html").unlink()
    assert main(["report", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a" / "report.html").read_bytes() == before
    assert main(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "c")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {tmp_path / 'c' / 'report.html'}"
    assert main(["report", *[str(tmp_path / name) for name in "abc"]]) == 2
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "holds no finished run" in capsys.readouterr().err
