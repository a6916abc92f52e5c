"""What flips would have done: kinds of known cases, counts that add up, and an audit that says so."""

import json

import numpy as np
import pandas as pd
import pytest

from brinkmap import InputError, Run, audit, wrap
from brinkmap.summary import flips_by_kind, meaning_of

NAMES = ("normal", "af", "ectopic", "noisy")
MEANING = meaning_of(["normal"], ["noisy"], NAMES)


@pytest.mark.parametrize(
    ("reference", "answer", "kind"),
    [
        ("af", "normal", "dangerous"), ("normal", "ectopic", "alarm"), ("af", "ectopic", "other"),
        ("normal", "noisy", "rejected"), ("af", "noisy", "rejected"), ("noisy", "normal", "other"),
        ("noisy", "af", "other"), ("noisy", "noisy", "other"),
    ],
)  # fmt: skip
def test_each_kind(reference, answer, kind):
    assert MEANING.kind(NAMES.index(reference), NAMES.index(answer)) == kind


def table(*rows):
    blank = {"label": None, "error": None, "success": True}
    return pd.DataFrame([blank | row for row in rows], columns=["label", "error", "success", "reference"])


def answer(name):
    return np.eye(4)[NAMES.index(name)]


def test_counts_are_of_the_attacked_and_add_up():
    rows = table(
        {"reference": 1}, {"reference": 0}, {"reference": 2}, {"reference": 1, "success": False},
        {"reference": 1, "label": 0}, {"reference": None, "error": "NaN", "success": False},
    )  # fmt: skip
    after = [answer(name) for name in ("normal", "noisy", "af", "af", "normal")]
    found = flips_by_kind(rows, [*after, None], MEANING)
    assert {kind: found[kind] for kind in ("dangerous", "alarm", "rejected", "other")} == {
        "dangerous": 1, "alarm": 0, "rejected": 1, "other": 1
    }  # fmt: skip
    assert (found["findings"], found["normals"]) == (3, 1), "the skipped and the failed are in no denominator"
    assert found["dangerous_rate"] == pytest.approx(1 / 3)
    assert found["alarm_rate"] == 0
    assert found["success_rate_unrejected"] == pytest.approx(2 / 4)


def test_nothing_attacked_is_no_rate():
    found = flips_by_kind(table({"reference": 1, "label": 0}), [answer("af")], MEANING)
    assert found["dangerous_rate"] is found["alarm_rate"] is found["success_rate_unrejected"] is None


@pytest.mark.parametrize(
    ("normal", "unclassifiable", "names", "said"),
    [
        ([], ["noisy"], NAMES, "normal: expected one class at least"),
        (["sinus"], [], NAMES, "no class 'sinus'. There are normal, af, ectopic, noisy"),
        (["normal"], ["0"], NAMES, "class 0 is among the normal ones too"),
        (["normal"], [], None, "no class 'normal'. There are numbers from 0"),
        (["7"], [], NAMES, "no class '7'"),
    ],
)
def test_classes_that_cannot_be(normal, unclassifiable, names, said):
    with pytest.raises(InputError, match=said):
        meaning_of(normal, unclassifiable, names)


def test_classes_by_number():
    assert meaning_of([0], ["3"]) == MEANING


def by_mean(batch):
    chances = np.exp(-30 * (batch.mean(axis=(1, 2))[:, None] - np.array([0.0, 0.33, 0.66, 1.0])) ** 2) + 1e-6
    return chances / chances.sum(axis=1, keepdims=True)


def test_an_audit_says_so_in_its_summary_for_each_bound(tmp_path):
    victim = wrap(by_mean, shape=(1, 12), classes=4, bounds=(0.0, 2.0), unit="mV")
    samples = np.full((4, 1, 12), 0.05, np.float32)
    samples[2:] = 0.33
    run = Run(distortions=["illuminate"], patch=3, budget=40, max_l2=[0.01, 2.0])
    done = audit(victim, samples, [0, 0, 1, 1], run, out=tmp_path, meaning=MEANING)
    flips = done.summary["flips"]
    assert sum(flips[kind] for kind in ("dangerous", "alarm", "rejected", "other")) == done.summary["successes"] > 0
    assert [part["flips"]["alarm"] for part in done.summary["by_bound"]] == [0, flips["alarm"]]
    assert json.loads((tmp_path / "summary.json").read_text())["flips"] == flips
    assert done.summary["linf_raw_mean"] == pytest.approx(2 * done.summary["linf_mean"])
    assert done.summary["unit"] == "mV"
