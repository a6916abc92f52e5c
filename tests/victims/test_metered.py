"""The meter: what the victim saw is what was paid, to the query."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metering import CLASSES, CountsSamples, answer_to, ask, metered

from brinkmap.errors import BudgetSpent

ASKS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=20), min_size=1, max_size=6
)  # what is asked in each call: (task, content)


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


def test_batches_are_cut_from_new_questions_only():
    victim = CountsSamples()
    meter = metered(victim, batch_size=2)
    ask(meter, (0, 1), (0, 2), (0, 3))
    ask(meter, (0, 1), (0, 4), (0, 2), (1, 1), (0, 4), (2, 7))
    assert victim.batches == [[1, 2], [3], [4, 1], [7]]


def test_the_search_uses_paid_queries_only_and_freezes():
    victim = CountsSamples()
    meter = metered(victim, [10**4], largest_batch=32, clock=iter(range(10**6)).__next__)
    for first in range(0, 250, 50):
        ask(meter, *[(0, content) for content in range(first, first + 50)])
    sizes = [len(batch) for batch in victim.batches]
    assert sizes[:3] == [16, 16, 16]
    assert meter.batches.frozen == 32
    assert victim.seen == meter.ledger.total == 250
