"""What a CI system reads: JUnit that parses whatever a victim says, and SARIF of the right form."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from audited import LABELS, RUN, SAMPLES, VICTIM
from brinkmap import Demands, InputError, audit
from brinkmap.report import Threshold, write_gate

SUMMARY = {"samples": 4, "errors": 0, "seconds": 1.5, "versions": {"brinkmap": "0.1.0"}, "passed": False}
MET, MISSED = Threshold("success rate at most", 0.5, 0.4, True), Threshold("median L2 at least", 1.0, None, False)
NASTY = 'nul \0 & <b> "quoted" ]]> \x1b[31m caf\udce9 名\nsecond line'


def gate(folder, thresholds=(), reasons=()):
    summary = SUMMARY | {"errors": len(reasons)}
    write_gate(folder, "Audit <1>", "brinkmap audit", summary, thresholds, reasons)
    return (
        ElementTree.parse(folder / "junit.xml").getroot(),
        json.loads((folder / "report.sarif").read_text(encoding="utf-8")),
    )


def test_each_threshold_is_a_test_case(tmp_path):
    junit, sarif = gate(tmp_path, [MET, MISSED])
    assert (junit.get("tests"), junit.get("failures"), junit.get("errors")) == ("3", "1", "0")
    names = [one.get("name") for one in junit.iter("testcase")]
    assert names == ["success rate at most 0.5", "median L2 at least 1", "samples"]
    [failed] = junit.iter("failure")
    assert failed.get("message") == "median L2 at least 1: measured none"
    [run] = sarif["runs"]
    assert [(one["level"], one["kind"]) for one in run["results"]] == [("none", "pass"), ("error", "fail")]
    assert {one["ruleId"] for one in run["results"]} == {one["id"] for one in run["tool"]["driver"]["rules"]}


def test_without_thresholds_a_case_is_skipped(tmp_path):
    junit, sarif = gate(tmp_path)
    assert (junit.get("skipped"), junit.get("failures")) == ("1", "0")
    assert sarif["runs"][0]["results"] == []


def test_samples_in_error_are_one_error_with_every_reason(tmp_path):
    junit, sarif = gate(tmp_path, [MET], [(3, "first"), (7, "second")])
    assert junit.get("errors") == "1"
    [error] = junit.iter("error")
    assert error.get("message") == "2 of 4 samples could not be attacked; the first: first"
    assert error.text == "sample 3: first\nsample 7: second"
    assert [one["level"] for one in sarif["runs"][0]["results"]] == ["none", "warning", "warning"]


def test_whatever_a_victim_says_the_files_parse(tmp_path):
    nasty = Threshold(NASTY, 0.5, NASTY, False)
    junit, sarif = gate(tmp_path, [nasty], [(0, NASTY)])
    [error] = junit.iter("error")
    assert '& <b> "quoted" ]]>' in error.text
    assert "\0" not in error.text
    assert sarif["version"] == "2.1.0"
    assert (tmp_path / "report.sarif").read_text().isascii()
    assert "\udce9" not in sarif["runs"][0]["results"][0]["message"]["text"]


def test_every_result_of_sarif_points_somewhere(tmp_path):
    _, sarif = gate(tmp_path, [MISSED], [(0, "x")])
    for one in sarif["runs"][0]["results"]:
        [place] = one["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "report.html"


def test_an_audit_writes_both_also_where_not_one_sample_could_be_attacked(tmp_path):
    with pytest.raises(InputError, match="not one of 12"):
        audit(VICTIM, SAMPLES + 2, LABELS, RUN, out=tmp_path, demands=Demands(max_success_rate=0.5))
    junit = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (junit.get("errors"), junit.get("failures")) == ("1", "1")
    sarif = json.loads((tmp_path / "report.sarif").read_text())
    assert sarif["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert len(sarif["runs"][0]["results"]) == 1 + len(np.unique(np.arange(12)))
