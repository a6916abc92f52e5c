"""Victims that raise, answer wrongly or take arrays for their own: who fails, and who pays."""

import numpy as np
import pytest
from metering import CLASSES, Answering, CountsSamples, answer_to, ask, metered

from brinkmap.errors import InputError, VictimError


def test_a_sample_that_the_victim_raises_on_fails_alone_and_all_passes_are_charged():
    victim = CountsSamples(raises={5}, error=KeyError("five"))
    meter = metered(victim, [9, 9, 9, 9], batch_size=4)
    answers = ask(meter, (0, 1), (1, 5), (2, 2), (3, 3))
    assert answers.failed == {1: "the victim raised KeyError: 'five'"}
    assert np.isnan(answers.probabilities[1]).all()
    np.testing.assert_array_equal(answers.probabilities[[0, 2, 3]], [answer_to(content) for content in (1, 2, 3)])
    assert victim.batches == [[1, 5, 2, 3], [1], [5], [2], [3]]
    assert [meter.spent(task) for task in range(4)] == [2, 2, 2, 2]
    assert meter.ledger.total == victim.seen == 8


def test_a_batch_of_one_that_fails_is_not_tried_again():
    victim = CountsSamples(raises={5})
    meter = metered(victim, [9], batch_size=1)
    assert ask(meter, (0, 5)).failed == {0: "the victim raised RuntimeError: no"}
    assert (victim.seen, meter.spent(0)) == (1, 1)
    assert ask(meter, (0, 5)).paid.tolist() == [True]  # a failure is no answer, so it is not remembered


def test_a_task_without_a_query_left_is_not_tried_again():
    victim = CountsSamples(raises={5})
    meter = metered(victim, [1, 2, 2], batch_size=3)
    answers = ask(meter, (0, 1), (1, 5), (2, 2))
    assert list(answers.failed) == [0, 1]
    assert [meter.spent(task) for task in range(3)] == [1, 2, 2]
    assert victim.batches == [[1, 5, 2], [5], [2]]


def test_a_second_try_takes_no_query_that_another_row_was_promised():
    victim = CountsSamples(raises={5})
    meter = metered(victim, [3], batch_size=2)
    answers = ask(meter, (0, 5), (0, 1), (0, 2))
    assert (meter.spent(0), victim.seen) == (3, 3)
    assert list(answers.failed) == [0, 1]
    np.testing.assert_array_equal(answers.probabilities[2], answer_to(2))


def test_a_question_that_fails_fails_for_all_who_asked_it():
    answers = ask(metered(CountsSamples(raises={5})), (0, 5), (0, 5), (0, 1))
    assert answers.failed == dict.fromkeys([0, 1], "the victim raised RuntimeError: no")
    np.testing.assert_array_equal(answers.probabilities[2], answer_to(1))


def test_rows_of_nan_fail_alone_and_are_not_asked_again():
    victim = CountsSamples(answers_nan={5, 6})
    meter = metered(victim)
    answers = ask(meter, (0, 1), (1, 5), (2, 6), (3, 2))
    assert answers.failed == dict.fromkeys(
        [1, 2], "the victim answered NaN or infinity where a probability was expected"
    )
    assert np.isnan(answers.probabilities[1:3]).all()
    np.testing.assert_array_equal(answers.probabilities[[0, 3]], [answer_to(1), answer_to(2)])
    assert (victim.seen, meter.ledger.total) == (4, 4)
    assert not meter.remembers(1, bytes([5]))


@pytest.mark.parametrize(
    ("answer", "classes", "said"),
    [
        (lambda batch: np.ones((len(batch) + 1, 3)) / 3, 3, r"expected an answer of shape \(2, 3\), got \(3, 3\)"),
        (lambda batch: np.ones(len(batch)), 3, r"expected an answer of shape \(2, 3\), got \(2,\)"),
        (lambda batch: np.ones((len(batch), 1)), None, r"expected an answer of shape \(2, classes\), got \(2, 1\)"),
        (lambda batch: np.ones((len(batch), 4)) / 4, 3, "victim: expected 3 classes, got 4"),
        (lambda batch: None, 3, r"got \(\)"),
    ],
    ids=["rows", "axes", "one class", "classes", "None"],
)
def test_an_answer_of_another_shape_ends_the_run_and_is_charged(answer, classes, said):
    meter = metered(Answering(answer, classes))
    with pytest.raises(VictimError, match=said):
        ask(meter, (0, 1), (1, 2))
    assert meter.ledger.total == 2


@pytest.mark.parametrize("error", [VictimError("down"), InputError("wrong")], ids=repr)
def test_errors_raised_on_purpose_are_passed_on_at_once(error):
    victim = CountsSamples(raises={5}, error=error)
    meter = metered(victim)
    with pytest.raises(type(error), match=str(error)):
        ask(meter, (0, 1), (0, 5))
    assert meter.ledger.total == victim.seen == meter.spent(0) == 2


def test_the_number_of_classes_is_learned_and_then_held():
    victim = CountsSamples(classes=None)
    meter = metered(victim)
    assert meter.classes is None
    ask(meter, (0, 1))
    assert meter.classes == CLASSES
    meter.victim = Answering(lambda batch: np.ones((len(batch), 4)) / 4)
    with pytest.raises(VictimError, match="expected 3 classes, got 4"):
        ask(meter, (0, 2))


@pytest.mark.parametrize("questions", [[(0, 1), (1, 2)], [(0, 1), (0, 1), (0, 2)]], ids=["whole", "with a gap"])
def test_the_victim_cannot_write_into_the_question(questions):
    def scribble(batch):
        batch += 1

    meter = metered(Answering(scribble))
    reasons = set(ask(meter, *questions).failed.values())
    assert reasons == {"the victim raised ValueError: output array is read-only"}


def test_the_callers_batch_stays_writeable_and_unchanged():
    meter, batch = metered(CountsSamples()), np.float32([[[1, 1]], [[2, 2]]])
    meter.ask([0, 1], batch, [b"1", b"2"])
    assert batch.flags.writeable
    assert batch.ravel().tolist() == [1, 1, 2, 2]


def test_a_victim_may_answer_in_an_array_that_it_uses_again():
    buffer = np.zeros((1, CLASSES), np.float32)

    def answer(batch):
        buffer[:] = answer_to(int(batch[0, 0, 0]))
        return buffer

    meter = metered(Answering(answer), batch_size=1)
    answers = ask(meter, (0, 1), (0, 2))
    np.testing.assert_array_equal(answers.probabilities, [answer_to(1), answer_to(2)])
    np.testing.assert_array_equal(ask(meter, (0, 1)).probabilities, [answer_to(1)])
