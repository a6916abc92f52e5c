"""Reports in Markdown: everything that is said, and nothing that breaks out."""

import itertools

import pytest
from views import HOSTILE, view

from brinkmap.report import write_report
from brinkmap.report.markdown import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"), ("<script>", "&lt;script&gt;"), ("[x](javascript:y)", "\\[x\\](javascript:y)"),
        ("`code`\nnext", "\\`code\\` next"), ("a_b*c", "a\\_b\\*c"), ("&lt;", "&amp;lt;"),
    ],
)  # fmt: skip
def test_text_is_escaped(text, shown):
    assert escaped(text) == shown


def test_it_says_what_the_page_says(tmp_path):
    write_report(tmp_path, view(thresholds=[("asr | <b>", 0.5, 0.6, False)]))
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    for said in ("# Audit of &lt;digits&gt;", "Failed: 1 of 1 threshold missed", "## Worst and typical cases",
                 "brinkmap audit --victim digits", "Accuracy against distance", "asr \\| &lt;b&gt;"):  # fmt: skip
        assert said in text
    assert "<" not in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head(tmp_path):
    write_report(tmp_path, view(class_names=["a | b", *HOSTILE[1:]]))
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    widths = [line.replace("\\|", "").count("|") if line.startswith("|") else None for line in lines]
    for before, after in itertools.pairwise(widths):
        assert before is None or after is None or before == after
    assert any(widths)


def test_a_fence_in_a_command_cannot_end_its_block(tmp_path):
    write_report(tmp_path, view(command="brinkmap ``` # <b>"))
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.count("```") == 2
