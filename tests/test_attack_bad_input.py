"""Settings, samples, labels and victims that are wrong: refused, made a row with the reason, or ending the run."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attacks_known import SAMPLES, VICTIMS, bits, outcome, settings
from brinkmap import InputError, Run, VictimError, attack
from victims_known import AnswersNaNFor, CountsSamples, RaisesFor, WritesIntoItsInput, near, samples_for


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_a_victim_that_breaks_the_run_leaves_no_thread_behind(party):
    victim, before = VICTIMS[2], set(threading.enumerate())
    changed = CountsSamples(victim)
    changed.predict = lambda batch: victim.predict(batch)[:, : 2 if len(batch) < SAMPLES else 3]
    samples, labels = samples_for(victim, SAMPLES)
    with pytest.raises(VictimError, match="expected 3 classes, got 2"):
        list(attack(changed, samples, labels, settings(party, 2)))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()


GOOD, ONES = samples_for(VICTIMS[2], 4)


def spoilt(value):
    samples = GOOD.copy()
    samples[1, 0, 3, 3] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "labels", "changes", "said"),
    [
        (GOOD[:, :, :7], None, {}, r"samples: expected the victim's shape \(1, 8, 8\), got \(1, 7, 8\)"),
        (GOOD[0, 0], None, {}, r"expected \(n, c, \*extent\) with 1 to 3 axes"),
        ((GOOD * 255).astype(np.int64), None, {}, "got dtype int64. Convert with"),
        (GOOD[:0], None, {}, "samples: expected at least one, got none"),
        (iter([]), None, {}, "samples: expected at least one, got none"),
        (GOOD, ONES[:3], {}, "labels: expected 4, one a sample, got 3"),
        (GOOD, None, {"distortions": ("gaussian-noise", "fog")}, "unknown distortion 'fog'. Known: bare-detached"),
        (GOOD, None, {"agent": "genius"}, "unknown agent 'genius'. Known: .*credit, .*greedy"),
        (GOOD, None, {"criterion": "targeted:3"}, "criterion targeted:3: expected a class from 0 to 2, got 3"),
        (GOOD, None, {"criterion": "topk:3"}, "expected k from 1 to 2 for 3 classes"),
        (GOOD, None, {"patch": "2x2x2"}, "patch: expected 2 positive numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_refused_before_the_first_query(samples, labels, changes, said):
    victim = CountsSamples(VICTIMS[2])
    with pytest.raises(InputError, match=said) as raised:
        attack(victim, samples, labels, Run(**changes))
    assert "\n" not in str(raised.value)
    assert victim.seen == 0


@pytest.mark.parametrize(
    ("samples", "labels", "queries", "said"),
    [
        (spoilt(np.nan), None, 0, "sample 1: expected finite values, got NaN or infinity"),
        (spoilt(1.5), None, 0, "sample 1: expected values within the victim's bounds 0 to 1, got"),
        ([GOOD[0], GOOD[1, :, :7], *GOOD[2:]], None, 0, r"sample 1: expected the victim's shape (1, 8, 8), got (1, 7,"),
        ([GOOD[0], GOOD[1].astype(int), *GOOD[2:]], None, 0, "sample 1: samples: expected float"),
        (GOOD, [ONES[0], 3, *ONES[2:]], 1, "label: expected a class from 0 to 2, got 3."),
        (GOOD, [ONES[0], -1, *ONES[2:]], 1, "label: expected a class from 0 to 2, got -1."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_one_bad_sample_is_a_row_with_the_reason(party, samples, labels, queries, said):
    found = outcome(VICTIMS[2], samples, labels, settings(party, 2))
    good = outcome(VICTIMS[2], GOOD, None if labels is None else ONES, settings(party, 2)).results
    assert found.results[1].error.startswith(said)
    assert "\n" not in found.results[1].error
    assert (found.results[1].queries, found.results[1].success, found.results[1].attacked) == (queries, False, False)
    assert bits([*found.results[:1], *found.results[2:]]) == bits([*good[:1], *good[2:]])
    assert found.ledger == found.seen == sum(one.queries for one in found.results)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (ONES[:3], "got fewer"),
        ([*ONES, 0], "got more"),
        ([0, "cat", 1, 2], "got 'cat'"),
        ([0, 1.5, 1, 2], r"got 1\.5"),
    ],
    ids=["fewer", "more", "text", "fraction"],
)
def test_labels_that_do_not_go_with_the_samples_end_the_run_and_keep_what_is_done(labels, said):
    results = attack(VICTIMS[2], iter(GOOD), iter(labels), settings("random", 2, slots=1))
    kept = [next(results)]
    with pytest.raises(InputError, match=f"labels: expected one integer a sample, {said}"):
        kept += list(results)
    assert kept


def test_a_sample_that_cannot_be_read_says_so_itself():
    def broken():
        yield GOOD[0]
        raise InputError("cat.png cannot be read as an image")

    with pytest.raises(InputError, match=r"^cat.png cannot be read as an image$"):
        list(attack(VICTIMS[2], broken(), iter(ONES), settings("random", 2)))


@pytest.mark.parametrize("but_clean", [False, True], ids=["at once", "once distorted"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (RaisesFor, "the victim raised RuntimeError: no answer to that"),
        (AnswersNaNFor, "the victim answered NaN or infinity where a probability was expected"),
    ],
    ids=["raises", "NaN"],
)
@pytest.mark.parametrize("party", ["random", "credit", "square within L2"])
def test_a_victim_that_fails_for_one_sample_does_not_stop_the_others(party, kind, said, but_clean):
    victim = kind(VICTIMS[2], near(GOOD[1], but_clean=but_clean))
    found = outcome(victim, GOOD, ONES, settings(party, 2, max_l2=1.0))
    assert [one.error for one in found.results] == [None, said, None, None]
    assert found.results[1].after is None if not but_clean else found.results[1].after.argmax() == ONES[1]
    assert found.ledger == found.seen == sum(one.queries for one in found.results)
    assert all(one.queries <= 40 + 15 for one in found.results)
    assert any(one.success for one in found.results)


@pytest.mark.parametrize("party", ["random", "square within L2"])
def test_a_victim_that_writes_into_its_input_is_stopped(party):
    samples = GOOD.copy()
    found = outcome(WritesIntoItsInput(VICTIMS[2]), samples, ONES, settings(party, 2))
    assert all(
        "the victim raised ValueError: assignment destination is read-only" in one.error for one in found.results
    )
    assert_array_equal(samples, GOOD)
