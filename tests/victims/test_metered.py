"""The meter: what the victim saw is what was paid, to the query."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.errors import BudgetSpent, InputError, VictimError
from brinkmap.victims.metered import Metered

CLASSES = 3
ASKS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=20), min_size=1, max_size=6
)  # what is asked in each call: (task, content)


NO = RuntimeError("no")


class CountsSamples:
    """Answers by content, notes what it was given, and fails where it is told to."""

    shape, bounds = (1, 2), (0.0, 100.0)

    def __init__(self, classes=CLASSES, raises=(), answers_nan=(), error=NO):
        self.classes, self.raises, self.answers_nan, self.error = classes, raises, answers_nan, error
        self.batches = []

    @property
    def seen(self):
        return sum(len(batch) for batch in self.batches)

    def predict(self, batch):
        contents = [int(content) for content in batch[:, 0, 0]]
        self.batches.append(contents)
        if any(content in self.raises for content in contents):
            raise self.error
        answers = np.zeros((len(batch), CLASSES), np.float32)
        for row, content in enumerate(contents):
            answers[row] = np.nan if content in self.answers_nan else answer_to(content)
        return answers


def answer_to(content):
    weights = np.float32([1 + content, 2, 3 + content % 4])
    return weights / weights.sum()


def metered(victim, limits=(100, 100, 100, 100), **settings):
    """A meter with one open task a limit."""
    found = Metered(victim, **settings)
    for task, limit in enumerate(limits):
        found.open(task, limit)
    return found


def ask(meter, *questions):
    """Ask about (task, content) pairs."""
    tasks, contents = [task for task, _ in questions], [content for _, content in questions]
    batch = np.repeat(np.float32(contents).reshape(-1, 1, 1), 2, axis=2)
    return meter.ask(tasks, batch, [bytes([content]) for content in contents])


@pytest.mark.parametrize("batch_size", [None, 1, 2, 7, 64])
@given(ASKS)
def test_every_query_is_charged_to_its_task_whatever_the_batch_size(batch_size, asks):
    victim = CountsSamples()
    meter = metered(victim, batch_size=batch_size, largest_batch=16)
    known = set()
    for questions in asks:
        answers = ask(meter, *questions)
        for row, question in enumerate(questions):
            assert answers.paid[row] == (question not in known)
            np.testing.assert_array_equal(answers.probabilities[row], answer_to(question[1]))
            known.add(question)
        assert answers.failed == {}
    each = Counter(task for task, _ in known)
    assert [meter.spent(task) for task in range(4)] == [each[task] for task in range(4)]
    assert meter.ledger.total == victim.seen == len(known)
    assert meter.ledger.cache_hits == sum(map(len, asks)) - len(known)
    assert [meter.remaining(task) for task in range(4)] == [100 - each[task] for task in range(4)]
    assert [meter.close(task) for task in range(4)] == [each[task] for task in range(4)]


@pytest.mark.parametrize("batch_size", [None, 1, 3, 64])
@given(ASKS, st.lists(st.integers(0, 12), min_size=4, max_size=4), st.sets(st.integers(0, 9), max_size=3))
def test_no_task_is_charged_beyond_its_limit_even_where_the_victim_raises(batch_size, asks, limits, raises):
    victim = CountsSamples(raises=raises)
    meter = metered(victim, limits, batch_size=batch_size)
    for questions in asks:
        due = Counter(task for task, content in set(questions) if not meter.remembers(task, bytes([content])))
        before = [meter.spent(task) for task in range(4)], victim.seen, meter.ledger.cache_hits
        if any(due[task] > meter.remaining(task) for task in due):
            with pytest.raises(BudgetSpent, match=r"all \d+ queries of the budget are spent"):
                ask(meter, *questions)
            assert ([meter.spent(task) for task in range(4)], victim.seen, meter.ledger.cache_hits) == before
        else:
            answers = ask(meter, *questions)
            for row, (_, content) in enumerate(questions):
                failed = row in answers.failed
                assert failed or content not in raises
                assert np.isnan(answers.probabilities[row]).all() == failed
        assert all(meter.spent(task) <= limit for task, limit in enumerate(limits))
        assert meter.ledger.total == victim.seen == sum(meter.spent(task) for task in range(4))


def test_the_last_query_may_be_spent_and_not_one_more():
    meter = metered(CountsSamples(), [2])
    ask(meter, (0, 1), (0, 2))
    assert meter.remaining(0) == 0
    ask(meter, (0, 1), (0, 2), (0, 1))
    with pytest.raises(BudgetSpent, match="all 2 queries of the budget are spent"):
        ask(meter, (0, 3))
    meter.set_limit(0, 3)
    ask(meter, (0, 3))
    assert (meter.spent(0), meter.remaining(0)) == (3, 0)


def test_a_memo_ends_with_its_task_and_is_not_shared():
    victim = CountsSamples()
    meter = metered(victim, [5, 5])
    assert ask(meter, (0, 1), (1, 1)).paid.tolist() == [True, True]
    assert (meter.remembers(0, bytes([1])), meter.remembers(0, bytes([2]))) == (True, False)
    assert meter.close(0) == 1
    meter.open(0, 5)
    assert not meter.remembers(0, bytes([1]))
    assert ask(meter, (0, 1), (1, 1)).paid.tolist() == [True, False]
    assert (victim.seen, meter.ledger.total, meter.ledger.cache_hits) == (3, 3, 1)


def test_a_task_is_not_opened_twice():
    with pytest.raises(AssertionError, match="task 0 is open already"):
        metered(CountsSamples(), [5]).open(0, 5)


def test_what_is_asked_twice_in_one_batch_is_paid_once():
    victim = CountsSamples()
    meter = metered(victim, [2])
    answers = ask(meter, (0, 4), (0, 4), (0, 5), (0, 4))
    assert answers.paid.tolist() == [True, False, True, False]
    assert victim.batches == [[4, 5]]
    np.testing.assert_array_equal(answers.probabilities, [answer_to(content) for content in (4, 4, 5, 4)])


def test_nothing_to_ask_is_nothing_to_pay():
    victim = CountsSamples()
    answers = ask(metered(victim))
    assert answers.probabilities.shape == (0, CLASSES)
    assert (victim.batches, answers.paid.tolist(), answers.failed) == ([], [], {})


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


class Answering(CountsSamples):
    """Answers what it is told to."""

    def __init__(self, answer, classes=CLASSES):
        super().__init__(classes)
        self.answer = answer

    def predict(self, batch):
        super().predict(batch)
        return self.answer(batch)


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


def test_batches_are_cut_from_new_questions_only():
    victim = CountsSamples()
    meter = metered(victim, batch_size=2)
    ask(meter, (0, 1), (0, 2), (0, 3))
    ask(meter, (0, 1), (0, 4), (0, 2), (1, 1), (0, 4), (2, 7))
    assert victim.batches == [[1, 2], [3], [4, 1], [7]]


class Clock:
    """Time that passes only where the victim works or the meter sleeps."""

    def __init__(self):
        self.now, self.slept = 50.0, 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds
        self.slept += seconds


def working(clock, seconds_a_sample):
    def answer(batch):
        clock.now += seconds_a_sample * len(batch)
        return np.stack([answer_to(int(content)) for content in batch[:, 0, 0]])

    return Answering(answer)


@pytest.mark.parametrize("work", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_rate_limit_is_kept_and_not_slower_than_need_be(batch_size, work):
    clock, starts = Clock(), []
    victim = working(clock, work)
    predict = victim.predict
    victim.predict = lambda batch: (starts.append((clock.now, len(batch))), predict(batch))[1]
    meter = metered(victim, batch_size=batch_size, rate_limit=10, clock=clock, sleep=clock.sleep)
    for content in range(0, 80, 8):
        ask(meter, *[(0, content + one) for one in range(8)])
    began, rows = np.array(starts).T
    before = np.cumsum(rows) - rows
    assert (before <= 10 * (began - began[0]) + 1e-6).all()
    assert clock.now - 50 == pytest.approx(max(80 * work, (80 - batch_size) / 10 + batch_size * work), rel=0.01)


def test_without_a_rate_limit_nothing_waits():
    clock = Clock()
    meter = metered(working(clock, 0.5), clock=clock, sleep=clock.sleep)
    ask(meter, (0, 1), (0, 2))
    assert clock.slept == 0


@pytest.mark.parametrize("batch_size", [None, 4, 64])
def test_time_in_the_victim_and_the_peak_rate_are_noted(batch_size):
    clock = Clock()
    meter = metered(working(clock, 0.5), batch_size=batch_size, clock=clock, sleep=clock.sleep)
    assert meter.batches.peak_rate == 0
    ask(meter, (0, 1), (0, 2), (1, 1))
    assert meter.ledger.victim_seconds == pytest.approx(1.5)
    assert meter.batches.peak_rate == pytest.approx(2)


def test_time_in_a_victim_that_raises_is_noted():
    clock = Clock()

    def answer(batch):
        clock.now += 3
        raise RuntimeError("no")

    meter = metered(Answering(answer), clock=clock)
    ask(meter, (0, 1))
    assert meter.ledger.victim_seconds == pytest.approx(3)


def test_the_search_uses_paid_queries_only_and_freezes():
    victim = CountsSamples()
    meter = metered(victim, [10**4], largest_batch=32, clock=iter(range(10**6)).__next__)
    for first in range(0, 250, 50):
        ask(meter, *[(0, content) for content in range(first, first + 50)])
    sizes = [len(batch) for batch in victim.batches]
    assert sizes[:3] == [16, 16, 16]
    assert meter.batches.frozen == 32
    assert victim.seen == meter.ledger.total == 250
