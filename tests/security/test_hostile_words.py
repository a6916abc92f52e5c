"""Class names, file names, titles and errors from data and victims are text wherever they are shown, never markup."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from brinkmap import Run
from brinkmap.audit import Demands, Presentation, audit
from victims_known import Linear, samples_for

EVIL = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "'-alert(3)-'", "</style><b>", "]]>", "&lt;b&gt;",
    "{{ 7*7 }}", "</svg><svg onload=alert(4)>", "a\nb\x00c\x1b[31m", "‮evil", "javascript:alert(5)",
)  # fmt: skip
MARKUP = re.compile(r"<script>alert|<img src=x|<svg onload|</style><b>|onerror=alert\(2\)>", re.I)


class Angry(Linear):
    """Fails on one sample, with markup in what it says."""

    def predict(self, batch):
        if (batch[:, 0, 0, 0] == 0.5).any():
            raise RuntimeError(EVIL[0] + EVIL[1])
        return super().predict(batch)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, victim = tmp_path_factory.mktemp("words") / "<b>out</b>", Angry((1, 8, 8), classes=len(EVIL))
    samples, labels = samples_for(victim, 5)
    samples = samples.copy()
    samples[4, 0, 0, 0] = np.float32(0.5)
    shown = Presentation(title=EVIL[0] + EVIL[7], command=EVIL[1], class_names=EVIL)
    audit(
        victim, samples, labels, Run(agent="random", budget=20, patch=4), out=folder, presentation=shown,
        demands=Demands(max_success_rate=0.0), source={"victim": EVIL[2], "data": EVIL[0]},
    )  # fmt: skip
    return folder


def test_reports_show_names_as_text(written):
    pages = [*written.rglob("*.html")]
    assert pages
    for page in pages:
        text = page.read_text()
        assert not MARKUP.search(text), MARKUP.search(text)
        assert "49" not in re.findall(r"\{\{.*?\}\}", text)
        assert "&lt;script&gt;alert(1)" in text


def test_markdown_holds_no_markup_of_others(written):
    for page in written.rglob("*.md"):
        outside_of_code = re.sub(r"^(`{3,}).*?^\1", "", page.read_text(), flags=re.M | re.S)
        assert not MARKUP.search(outside_of_code), MARKUP.search(outside_of_code)


def test_machines_read_what_was_said(written):
    assert list(written.glob("*.json"))
    for path in [*written.rglob("*.json"), *written.rglob("*.sarif")]:
        json.loads(path.read_text())
    for path in written.rglob("*.xml"):
        ET.fromstring(path.read_text())
    for path in written.rglob("*.csv"):
        list(csv.reader(path.open()))
