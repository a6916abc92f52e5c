"""The report: self-contained, escaped, honest about nothing, and readable at every rank."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brinkmap import report
from brinkmap.report import Case, FilterUse, ReportView, write_report
from brinkmap.report.charts import l2_histogram, queries_curve, robustness_curve
from brinkmap.summary import summarise

BLANK = {
    "index": 0, "label": 1, "reference": 1, "success": False, "stalled": False, "error": None, "queries": 1,
    "queries_to_flip": None, "queries_refine": 0, "steps": 0, "l2": 0.0, "linf": 0.0, "l2_raw": 0.0, "linf_raw": 0.0,
    "changed": 0, "clipped": 0.0, "seed": 0, "max_l2": None,
}  # fmt: skip
SHAPES = {1: (2, 200), 2: (1, 8, 8), 3: (3, 4, 12, 10)}
HOSTILE = ["<script>alert(1)</script>", '" onerror="alert(1)', "$\\frac{$ & 名"]


def table(*rows):
    return pd.DataFrame([BLANK | row for row in rows], columns=list(BLANK))


def flip(index, queries, l2, **more):
    return {"index": index, "success": True, "queries": queries, "queries_to_flip": queries, "l2": l2, **more}


FLIPS = table(flip(0, 5, 0.5), flip(1, 40, 1.5), {"index": 2, "queries": 90}, {"index": 3, "label": 2})
HELD = table({"index": 0, "queries": 100}, {"index": 1, "queries": 100})
LEFT_ALONE = table({"label": 2}, {"index": 1, "error": "<b>NaN</b>", "reference": None})


def case(shape, index=0, strength=0.1):
    rng = np.random.default_rng(index)
    clean = rng.uniform(0.3, 0.7, shape).astype(np.float32)
    modified = clean + rng.uniform(-strength, strength, shape).astype(np.float32)
    before, after = np.float32([0.1, 0.7, 0.2]), np.float32([0.6, 0.3, 0.1])
    return Case(
        index=index, clean=clean, modified=modified, before=before, after=after, label=1, reference=1, queries=5,
        l2=0.5, filters="gaussian-noise 3 x 4 cells",
    )  # fmt: skip


def view(rows=FLIPS, *, rank=2, extra=None, **more):
    summary = summarise(rows, budget=100, refine_budget=0) | {"distortions": ["gaussian-noise", "tint"]} | (extra or {})
    settings = {
        "title": "Audit of <digits>", "command": "brinkmap audit --victim digits", "run": {"agent": "credit"},
        "summary": summary, "table": rows, "bounds": (0.0, 1.0), "cases": [case(SHAPES[rank])], "class_names": HOSTILE,
    }  # fmt: skip
    return ReportView(**(settings | more))


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
    assert report.__all__ == ["Case", "FilterUse", "ReportView", "Threshold", "write_report"]


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
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    assert "@import" not in text
    assert sorted(p.name for p in path.parent.iterdir()) == ["pictures.png", "report.html"]


def test_the_same_audit_gives_the_same_bytes(tmp_path):
    paths = [write_report(tmp_path / name, view()) for name in ("one", "two")]
    for name in ("report.html", "pictures.png"):
        assert paths[0].with_name(name).read_bytes() == paths[1].with_name(name).read_bytes()


def test_ids_are_not_repeated(tmp_path):
    ids = [attrs["id"] for _, attrs in page(tmp_path).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("shape", [(3, 224, 300), (12, 9_000), (3, 8, 200, 200)])
def test_page_of_noise_stays_below_3_mb(shape, tmp_path):
    cases = [case(shape, index, strength=0.3) for index in range(12)]
    assert write_report(tmp_path, view(cases=cases)).stat().st_size < 3_000_000


def test_what_the_user_named_is_escaped(tmp_path):
    shown = page(
        tmp_path, thresholds=[("<i>asr</i>", 0.5, 0.4, True)], run={"<u>": "<u>"}, extra={"unnatural": ["<s>"]}
    )
    tags = {name for name, _ in shown.tags}
    assert not tags & {"script", "i", "u", "s", "b"}
    assert not any("onerror" in attrs for _, attrs in shown.tags)
    assert "<script>alert(1)</script>" in shown.text
    assert "Audit of <digits>" in shown.text
    assert "<i>asr</i>" in shown.text


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_every_picture_has_words(rank, tmp_path):
    shown = page(tmp_path, rank=rank)
    assert len(shown.all("img")) == {1: 2, 2: 3, 3: 3}[rank]
    assert all(len(attrs["alt"]) > 15 for attrs in shown.all("img"))
    charts = [attrs["aria-label"] for attrs in shown.all("div") if attrs.get("role") == "img"]
    assert len(charts) == len(shown.all("svg")) == 3
    assert all(len(text) > 20 for text in charts)


def test_tables_have_captions_and_scopes(tmp_path):
    shown = page(tmp_path, thresholds=[("asr", 0.5, 0.4, True)])
    assert len(shown.all("table")) == len(shown.all("caption")) > 4
    assert all(attrs.get("scope") in ("col", "row") for attrs in shown.all("th"))


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


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_grid_grows_up_to_eight_rows(rank, tmp_path):
    heights = []
    for count in (1, 9):
        write_report(tmp_path, view(cases=[case(SHAPES[rank], index) for index in range(count)]))
        with Image.open(tmp_path / "pictures.png") as picture:
            heights.append(picture.size[1])
    assert heights[1] == pytest.approx(8 * heights[0], rel=0.05)


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


def test_filters_and_their_use_are_listed(tmp_path):
    text = page(tmp_path, filters=[FilterUse(name="gaussian-noise", cells=12, samples=2)]).text
    assert "gaussian-noise natural 2 12" in text
    assert "tint natural 0 0" in text
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


def test_case_shows_answers_before_and_after(tmp_path):
    text = page(tmp_path, class_names=["cat", "dog", "eel"]).text
    assert "Sample 0: dog became cat" in text
    assert "dog 0.700 cat 0.600 eel 0.200 dog 0.300 cat 0.100 eel 0.100" in text
    assert "SSIM" in text


def test_robustness_curve_takes_the_least_distance_of_any_bound():
    rows = table(flip(0, 5, 0.5, max_l2=1.0), flip(0, 5, 1.8, max_l2=2.0), {"index": 1, "max_l2": 2.0})
    chart = robustness_curve(rows)
    assert "of 2, 50% held to 2; half of them had flipped by 0.5." in chart.alt


def test_charts_say_their_main_figures():
    assert "of 3, 33% held to 1.58; half of them had flipped by 1.5." in robustness_curve(FLIPS).alt
    assert "no L2 bound: 67%" in queries_curve(FLIPS, 100).alt
    assert "2 samples: least 0.5, median 1, most 1.5" in l2_histogram(FLIPS).alt


@pytest.mark.parametrize("rows", [LEFT_ALONE, table()])
def test_nothing_attacked_draws_no_curve(rows):
    assert robustness_curve(rows) is queries_curve(rows, 100) is l2_histogram(rows) is None


def test_charts_take_their_colours_from_the_page():
    svg = queries_curve(FLIPS, 100).svg
    assert "currentColor" in svg
    assert "var(--series-1)" in svg
    assert "#0102" not in svg


def test_shrinking_is_said(tmp_path):
    assert "shrunk to 160 pixels" in page(tmp_path, cases=[case((3, 200, 400))]).text
    assert "shrunk" not in page(tmp_path).text
