"""The report of an audit: self-contained, escaped, honest about nothing, and readable at every rank."""

import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from views import FLIPS, HELD, HOSTILE, LEFT_ALONE, SHAPES, case, flip, keep_results, table, view

from brinkmap import report
from brinkmap.errors import InputError
from brinkmap.report import FilterUse, Threshold, render, write_gate, write_report
from brinkmap.report.cases import case_blocks, shown_cases
from brinkmap.report.charts import l2_histogram, queries_curve, robustness_curve
from brinkmap.report.document import Cases
from brinkmap.report.view import TYPICAL, WORST


class Page(HTMLParser):
    """A page as its tags and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text = " ".join(f"{self.text} {data}".split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def page(directory, *args, **more):
    return Page(write_report(directory, view(*args, **more)).read_text(encoding="utf-8"))


def test_public_names():
    assert report.__all__ == [
        "Case", "FilterUse", "ReportView", "Threshold", "publish", "render", "write_gate", "write_report"
    ]  # fmt: skip


def test_matplotlib_waits_until_a_report_is_written():
    code = "import sys, brinkmap.report; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_page_needs_nothing_but_itself(rank, tmp_path):
    path = write_report(tmp_path / "new", view(rank=rank))
    text = path.read_text(encoding="utf-8")
    references = [
        value for _, attrs in Page(text).tags for name, value in attrs.items()
        if name.split(":")[-1] in ("src", "href", "srcset", "action", "data")
    ]  # fmt: skip
    assert references
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in references)
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert "default-src 'none'; img-src data:;" in text
    names = ["cases.npz", "pictures.png", "report.html", "report.json", "report.md"]
    assert sorted(p.name for p in path.parent.iterdir()) == names


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_report_made_again_is_the_same_bytes(rank, tmp_path):
    uses = [FilterUse(name="tint", cells=3, samples=2)]
    cases = [case(SHAPES[rank], 0), case(SHAPES[rank], 1, choice=TYPICAL, label=None, heat=None)]
    more = {"cases": cases, "thresholds": [("asr", 0.5, None, True)], "filters": uses, "made": "today",
            "training": {"training_queries": 40_000, "victims": ("digits",)}, "source": {"data_sha256": "f00"},
            "extra": {"psnr_db_mean": float("inf")}, "unit": "mV", "rate_hz": 250.0}  # fmt: skip
    write_report(tmp_path, view(rank=rank, **more))
    keep_results(tmp_path, FLIPS)
    names = ("report.html", "report.md", "pictures.png")
    before = {name: (tmp_path / name).read_bytes() for name in names}
    for name in names:
        (tmp_path / name).unlink()
    assert render(tmp_path) == tmp_path / "report.html"
    assert {name: (tmp_path / name).read_bytes() for name in names} == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "report.json").unlink(), "holds no finished run"),
        (lambda folder: (folder / "report.json").write_text("[]"), "holds no finished run"),
        (lambda folder: (folder / "cases.npz").write_bytes(b"PK"), "cannot be made again"),
        (lambda folder: (folder / "results.parquet").unlink(), "cannot be made again"),
        (lambda folder: np.savez(folder / "cases.npz", **{"clean-0": np.array([{}], object)}), "pickled objects"),
        (lambda folder: (folder / "report.json").write_text('{"kind": "spell"}'), "kind 'spell' is not known"),
    ],
)
def test_a_spoilt_folder_is_told_in_one_line(spoil, said, tmp_path):
    write_report(tmp_path, view())
    keep_results(tmp_path, FLIPS)
    spoil(tmp_path)
    with pytest.raises(InputError, match=said):
        render(tmp_path)


def test_ids_are_not_repeated_and_links_lead_somewhere(tmp_path):
    shown = page(tmp_path, cases=[case(SHAPES[1], index) for index in range(3)])
    ids = [attrs["id"] for _, attrs in shown.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {attrs["href"][1:] for _, attrs in shown.tags if attrs.get("href", "").startswith("#")}
    assert links <= set(ids)


@pytest.mark.parametrize("shape", [(3, 224, 300), (12, 9_000), (3, 8, 200, 200)])
def test_page_of_noise_stays_below_3_mb(shape, tmp_path):
    cases = [case(shape, index, strength=0.3, choice=TYPICAL if index % 2 else WORST) for index in range(12)]
    assert write_report(tmp_path, view(cases=cases)).stat().st_size < 3_000_000


def test_a_page_does_not_grow_with_the_number_of_samples():
    rows = table(*(flip(index, 1 + index % 90, 1 + index / 5000) for index in range(5000)))
    assert len(robustness_curve(rows).svg) < 40_000
    assert len(queries_curve(rows, 100).svg) < 40_000


def test_what_the_user_named_is_escaped(tmp_path):
    hostile = HOSTILE[0]
    shown = page(
        tmp_path, thresholds=[(hostile, 0.5, 0.4, True)], run={hostile: hostile}, extra={"unnatural": [hostile]},
        source={hostile: hostile}, training={"training_queries": 1, "victims": HOSTILE}, unit=hostile, command=hostile,
    )  # fmt: skip
    assert "script" not in {name for name, _ in shown.tags}
    assert not any(name.startswith("on") for _, attrs in shown.tags for name in attrs)
    assert shown.text.count(hostile) >= 9
    assert "Audit of <digits>" in shown.text


def test_names_that_are_no_text_are_shown_all_the_same(tmp_path):
    assert "caf?.png" in page(tmp_path, title="caf\udce9.png").text


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_every_picture_has_words(rank, tmp_path):
    shown = page(tmp_path, rank=rank)
    assert len(shown.all("img")) == {1: 0, 2: 5, 3: 5}[rank]
    assert all(len(attrs["alt"]) > 15 for attrs in shown.all("img"))
    drawings = [attrs["aria-label"] for attrs in shown.all("div") if attrs.get("role") == "img"]
    assert len(drawings) == len([one for one in shown.all("svg") if "aria-hidden" not in one]) == 3 + (rank == 1)
    assert all(len(text) > 20 for text in drawings)


def test_the_order_is_verdict_curves_classes_cases_cost_repeat_guide_evidence(tmp_path):
    shown = page(tmp_path, thresholds=[("asr", 0.5, 0.4, True)])
    titles = [
        "Passed: 1 threshold met", "Accuracy against distance", "most readily flipped first", "Worst: the flips",
        "Queries of the samples", "brinkmap audit --victim digits", "is evidence, not proof", "Article 15",
    ]  # fmt: skip
    places = [shown.text.index(title) for title in titles]
    assert places == sorted(places)


def test_tables_have_captions_and_scopes(tmp_path):
    shown = page(tmp_path, thresholds=[("asr", 0.5, 0.4, True)])
    assert len(shown.all("table")) == len(shown.all("caption")) > 4
    assert all(attrs.get("scope") in ("col", "row") for attrs in shown.all("th"))


def test_headings_leave_no_level_out(tmp_path):
    levels = [int(name[1]) for name, _ in page(tmp_path).tags if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ([], "No threshold was set"),
        ([("asr at most", 0.5, 0.4, True)], "Passed: 1 threshold met."),
        ([("asr at most", 0.5, 0.6, False), ("l2", 1, None, True)], "Failed: 1 of 2 thresholds missed."),
    ],
)
def test_verdict_comes_first_and_in_words(thresholds, words, tmp_path):
    text = page(tmp_path, thresholds=thresholds).text
    assert words in text
    assert text.index(words) < text.index("Clean accuracy")
    assert ("✗ missed" in text) == ("Failed" in words)


def test_headline_states_what_happened(tmp_path):
    text = page(tmp_path).text
    assert "The attack changed 2 of 3 answers (66.7%; 95% interval over samples" in text
    assert "with 100 queries a sample and no distance bound." in text


def test_no_success_is_said_in_words(tmp_path):
    text = page(tmp_path, HELD, cases=[]).text
    assert "No sample flipped: with 100 queries" in text
    assert "changed none of 2 answers" in text
    assert "not proof" in text
    assert "there is no distance to show" in text
    assert "There is no case to show." in text


def test_nothing_attacked_is_said_in_words(tmp_path):
    text = page(tmp_path, LEFT_ALONE, cases=[]).text
    assert (
        "Nothing was attacked: of 2 samples, the victim misclassified 1 to begin with and 1 ended in an error" in text
    )
    assert "there is no curve to draw" in text
    assert "1 × <b>NaN</b>" in text
    assert "nan" not in text.replace("NaN", "")


def test_an_empty_table_is_no_crash(tmp_path):
    assert "Nothing was attacked: of 0 samples" in page(tmp_path, table(), cases=[]).text


def test_pictures_of_no_case_replace_older_ones(tmp_path):
    (tmp_path / "pictures.png").write_bytes(b"old")
    write_report(tmp_path, view(cases=[]))
    with Image.open(tmp_path / "pictures.png") as picture:
        assert picture.size[0] > 100


@pytest.mark.parametrize(("rank", "rows"), [(1, 8), (2, 8), (3, 4)])
def test_the_grid_of_pictures_grows_up_to_the_cases_that_are_shown(rank, rows, tmp_path):
    heights = []
    for count in (1, 12):
        write_report(tmp_path, view(cases=[case(SHAPES[rank], index) for index in range(count)]))
        with Image.open(tmp_path / "pictures.png") as picture:
            heights.append(picture.size[1])
    assert heights[1] == pytest.approx(rows * heights[0], rel=0.05)


def test_worst_and_typical_cases_share_the_room():
    cases = [case(SHAPES[3], index, choice=WORST if index < 6 else TYPICAL) for index in range(12)]
    assert [one.index for one in shown_cases(view(cases=cases))] == [0, 1, 6, 7]
    assert [one.index for one in shown_cases(view(cases=cases[:6]))] == [0, 1, 2, 3]
    titles = [block.title for block in case_blocks(view(cases=cases)) if isinstance(block, Cases)]
    assert [title.split(":")[0] for title in titles] == ["Worst", "Typical"]


def test_unnatural_filters_label_the_report(tmp_path):
    assert "unnatural, norm-matched" not in page(tmp_path, extra={"unnatural": []}).text
    text = page(tmp_path, extra={"unnatural": ["tint"]}).text
    assert text.index("unnatural, norm-matched") < text.index("No threshold was set")
    assert "tint unnatural, norm-matched" in text


def test_costs_are_listed_where_known(tmp_path):
    known = {"ledger_total": 12_345, "cache_hits": 7, "seconds": 240.0, "achieved_rate": 51.4, "peak_rate": 2048.0}
    text = page(tmp_path, extra=known).text
    assert "Queries in all 12,345" in text
    assert "Memo hits 7" in text
    assert "Time in all 4 min" in text
    assert "Peak rate 2,048 queries/s" in text
    assert "Batch size" not in text
    assert "Queries of the samples 136" in text


def test_what_the_agent_cost_to_train_stands_beside_the_queries(tmp_path):
    assert "The agent was not trained" in page(tmp_path).text
    text = page(tmp_path, training={"training_queries": 30_000, "victims": ["resnet20"], "break_even": 480}).text
    assert "Training queries 30,000 paid once" in text
    assert "Spread over this audit 10,000" in text
    assert "Break-even, samples 480" in text
    assert "not in the agent's card" in page(tmp_path, training={"training_queries": 1}).text


def test_filters_and_their_use_are_listed(tmp_path):
    text = page(tmp_path, filters=[FilterUse(name="gaussian-noise", cells=12, samples=2)]).text
    assert "gaussian-noise natural 2 100.0% 12" in text
    assert "tint natural 0 0.0% 0" in text
    assert "gaussian-noise natural not kept not kept" in page(tmp_path).text
    assert "used no filters of Brinkmap's" in page(tmp_path, extra={"distortions": []}).text


def test_classes_that_flip_most_readily_come_first(tmp_path):
    rows = table({"label": 0, "reference": 0, "queries": 100}, flip(1, 5, 0.5), flip(2, 7, 0.7, label=None))
    text = page(tmp_path, rows, class_names=["zero", "one", "two"]).text
    assert "one 2 100.0% 2 2 100.0% 0.6 6 zero 1 100.0% 1 0 0.0% none none" in text


def test_bounds_are_shown_side_by_side(tmp_path):
    rows = table({"max_l2": 0.5, "queries": 100}, flip(0, 5, 0.9, max_l2=1.0))
    text = page(tmp_path, rows).text
    assert "0.5 1 0 0.0% 100 none 1 1 1 100.0% 5 0.9" in text
    assert "an L2 of at most 1." in text


def test_case_shows_ten_likeliest_answers_before_and_after(tmp_path):
    text = page(tmp_path, class_names=["cat", "dog", "eel"]).text
    assert "Sample 0: dog became cat" in text
    assert "dog 0.700 0.300 eel 0.200 0.100 cat 0.100 0.600" in text
    assert "SSIM" in text
    many = np.full(40, 0.6 / 39, np.float32)
    before, after = many.copy(), many.copy()
    before[30], after[39] = 0.4, 0.4
    text = page(tmp_path, cases=[case(SHAPES[2], before=before, after=after, reference=30)], class_names=None).text
    assert "Probabilities of the 10 likeliest classes" in text
    assert "class 30 0.400 0.015 class 39 0.015 0.400" in text


def test_a_heat_map_says_what_it_is_made_of(tmp_path):
    assert "heat map: made up" in page(tmp_path).text
    assert "heat map:" not in page(tmp_path, cases=[case(SHAPES[2], heat=None)]).text


def test_the_accuracy_curve_begins_at_the_accuracy_and_takes_the_least_distance_of_any_bound():
    rows = table(flip(0, 5, 0.5, max_l2=1.0), flip(0, 5, 1.8, max_l2=2.0), {"index": 1, "max_l2": 2.0})
    assert "100% without distortion, 50% at 2; half of what was right is lost by 0.5." in robustness_curve(rows).alt
    assert "75% without distortion, 25% at 1.58; half of what was right is lost by 1.5." in robustness_curve(FLIPS).alt


def test_charts_say_their_main_figures():
    assert "no L2 bound: 67%" in queries_curve(FLIPS, 100).alt
    assert "2 samples flip: least 0.5, median 1, most 1.5" in l2_histogram(FLIPS).alt


@pytest.mark.parametrize("rows", [LEFT_ALONE, table()])
def test_nothing_attacked_draws_no_curve(rows):
    assert robustness_curve(rows) is queries_curve(rows, 100) is l2_histogram(rows) is None


def test_charts_take_their_colours_from_the_page():
    svg = queries_curve(FLIPS, 100).svg
    assert "currentColor" in svg
    assert "var(--series-1)" in svg
    assert "#0102" not in svg
    assert "<style" not in svg


def test_evidence_is_of_this_run_and_claims_nothing(tmp_path):
    text = page(tmp_path).text
    assert "75.0% on 4 samples, undistorted" in text
    assert "66.7% of 3 samples flipped under gaussian-noise, tint" in text
    assert "no conformity assessment" in text
    nothing = page(tmp_path, LEFT_ALONE, cases=[]).text
    assert "nothing: no natural distortion was tried on any sample" in nothing


def test_passwords_in_addresses_are_nowhere(tmp_path):
    secret = "https://me:hush@victims.example/v2/models/m"
    told = view(title=secret, command=f"brinkmap audit --victim {secret}", source={"victim": secret}, run={"a": secret})
    write_report(tmp_path, told)
    write_gate(tmp_path, secret, secret, told.summary, [Threshold(secret, 0.5, 0.4, True)], [(0, secret)])
    for path in tmp_path.iterdir():
        assert b"hush" not in path.read_bytes(), path.name
    assert "https://***@victims.example/v2/models/m" in (tmp_path / "report.html").read_text()


def test_what_flips_would_have_done_is_said_where_it_is_known(tmp_path):
    flips = {"dangerous": 2, "alarm": 1, "rejected": 0, "other": 3, "findings": 7, "normals": 5}
    text = page(tmp_path, extra={"flips": flips}).text
    assert "dangerous 2 of 7 a finding became normal alarm 1 of 5" in text
    assert "would have done" not in page(tmp_path).text


def test_shrinking_is_said(tmp_path):
    noise = [case((3, 224, 300), index) for index in range(8)]
    assert re.search(r"shrunk to \d+ pixels", page(tmp_path, cases=noise).text)
    assert "shrunk" not in page(tmp_path).text
