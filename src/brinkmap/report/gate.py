"""What a CI system reads: thresholds as JUnit XML, and missed ones and failed samples as SARIF 2.1.0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from brinkmap.files import write_text
from brinkmap.report.view import Threshold
from brinkmap.report.wording import number, without_passwords

__all__ = ["JUNIT", "SARIF", "write_gate"]

JUNIT, SARIF = "junit.xml", "report.sarif"
PLACE = "report.html"
"""Where a finding points to: nothing of ours is a line of anybody's source."""
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, not even escaped."""
LISTED = 1000
"""Samples in error that are named; all are in results.parquet, and counted."""
ERROR_RULE = "sample-error"


def write_gate(
    folder: Path, title: str, command: str, summary: Mapping[str, Any], thresholds: Sequence[Threshold],
    errors: Sequence[tuple[int, str]],
) -> None:  # fmt: skip
    """Write `junit.xml` and `report.sarif`.

    Args:
        folder: of the run.
        title: of the report.
        command: that makes the run again.
        summary: of the run.
        thresholds: each a test case of its own.
        errors: index and reason of each sample that could not be attacked.
    """
    write_text(folder / JUNIT, without_passwords(_junit(title, summary, thresholds, errors)))
    found = _sarif(_clean(command), summary, thresholds, errors)
    write_text(folder / SARIF, without_passwords(json.dumps(found, indent=1)) + "\n")


def _junit(
    title: str, summary: Mapping[str, Any], thresholds: Sequence[Threshold], errors: Sequence[tuple[int, str]]
) -> str:
    seconds = f"{summary.get('seconds') or 0:.3f}"
    cases = [_threshold_case(one) for one in thresholds]
    skipped = not cases
    if skipped:
        cases = [_case("thresholds", f"<skipped message={_quoted('no threshold was set')}/>")]
    if errors:
        said = _quoted(
            f"{len(errors)} of {summary['samples']} samples could not be attacked; the first: {errors[0][1]}"
        )
        listed = "\n".join(f"sample {index}: {reason}" for index, reason in errors[:LISTED])
        cases.append(_case("samples", f"<error message={said} type={_quoted(ERROR_RULE)}>{_text(listed)}</error>"))
    else:
        cases.append(_case("samples", ""))
    counts = (
        f'tests="{len(cases)}" failures="{sum(not one.passed for one in thresholds)}" errors="{int(bool(errors))}" '
        f'skipped="{int(skipped)}" time="{seconds}"'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="brinkmap" {counts}>\n'
        f"<testsuite name={_quoted(title)} {counts}>\n" + "\n".join(cases) + "\n</testsuite>\n</testsuites>\n"
    )


def _threshold_case(one: Threshold) -> str:
    name = f"{one.name} {number(one.required)}"
    measured = f"measured {number(one.measured)}"
    if one.passed:
        return _case(name, f"<system-out>{_text(measured)}</system-out>")
    return _case(name, f"<failure message={_quoted(f'{name}: {measured}')} type={_quoted('threshold')}/>")


def _case(name: str, inside: str) -> str:
    return f"<testcase classname={_quoted('brinkmap.audit')} name={_quoted(name)}>{inside}</testcase>"


def _sarif(
    command: str, summary: Mapping[str, Any], thresholds: Sequence[Threshold], errors: Sequence[tuple[int, str]]
) -> dict[str, Any]:
    rules = {_rule(one.name): f"{one.name} a stated figure" for one in thresholds}
    results = [
        _finding(
            _rule(one.name), f"{one.name} {number(one.required)}: measured {number(one.measured)}.",
            level="none" if one.passed else "error", kind="pass" if one.passed else "fail",
        )
        for one in thresholds
    ]  # fmt: skip
    if errors:
        rules[ERROR_RULE] = "every sample can be put to the victim"
        results += [
            _finding(ERROR_RULE, f"Sample {index}: {reason}", "warning", "fail") for index, reason in errors[:LISTED]
        ]
    driver = {
        "name": "brinkmap",
        "version": str((summary.get("versions") or {}).get("brinkmap", "")) or "unknown",
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in rules.items()],
    }
    ran = {"executionSuccessful": summary["errors"] < summary["samples"], "commandLine": command}
    figures = {name: value for name, value in summary.items() if isinstance(value, (str, int, float, bool))}
    run = {"tool": {"driver": driver}, "invocations": [ran], "results": results, "properties": figures}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _finding(rule: str, text: str, level: str, kind: str) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": PLACE}}}
    return {"ruleId": rule, "level": level, "kind": kind, "message": {"text": _clean(text)}, "locations": [place]}


def _rule(name: str) -> str:
    return "-".join(name.lower().split())


def _clean(text: str) -> str:
    """Without what neither XML nor every reader of JSON can hold."""
    return FORBIDDEN.sub("\ufffd", text)


def _text(text: str) -> str:
    return escape(_clean(text))


def _quoted(text: str) -> str:
    return quoteattr(_clean(" ".join(text.split())))
