"""Criteria: what a margin means, and that its sign is the verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brinkmap.errors import InputError
from brinkmap.objective import (
    ConfidenceBelow,
    Criterion,
    Targeted,
    TopK,
    Untargeted,
    criterion_of,
    label_fault,
    log_probabilities,
)

CLASSES = 6
LOGITS = arrays(np.float64, (4, CLASSES), elements=st.floats(-10, 10))
REFERENCES = arrays(np.int64, 4, elements=st.integers(0, CLASSES - 1))
ROWS = np.arange(4)
ULPS = 1e-6
"""Nats within which two probabilities count as equal: float32 logarithms."""


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def others_of(probabilities, own):
    """(n, classes - 1) the other classes, likeliest first."""
    return -np.sort(-np.array([np.delete(row, one) for row, one in zip(probabilities, own, strict=True)]), axis=1)


@given(LOGITS, REFERENCES)
def test_the_untargeted_margin_is_the_logit_margin(logits, references):
    margins = Untargeted().margins(softmax(logits), references, ROWS)
    assert (margins.shape, margins.dtype) == ((4,), np.float32)
    np.testing.assert_allclose(margins, logits[ROWS, references] - others_of(logits, references)[:, 0], atol=1e-4)


@given(LOGITS, REFERENCES)
def test_top_1_is_untargeted(logits, references):
    probabilities = softmax(logits)
    expected = Untargeted().margins(probabilities, references, ROWS)
    np.testing.assert_array_equal(TopK(1).margins(probabilities, references, ROWS), expected)


@pytest.mark.parametrize("k", range(1, CLASSES))
@given(LOGITS, REFERENCES)
def test_the_top_k_margin_is_the_lead_over_the_kth_best_other(k, logits, references):
    expected = logits[ROWS, references] - others_of(logits, references)[:, k - 1]
    np.testing.assert_allclose(TopK(k).margins(softmax(logits), references, ROWS), expected, atol=1e-4)


@pytest.mark.parametrize("wanted", range(CLASSES))
@given(LOGITS, REFERENCES)
def test_the_targeted_margin_is_the_lead_of_the_best_other_over_the_wanted_class(wanted, logits, references):
    expected = others_of(logits, [wanted] * 4)[:, 0] - logits[:, wanted]
    margins = Targeted(wanted).margins(softmax(logits), references, ROWS)
    np.testing.assert_allclose(margins, expected, atol=1e-4)


@given(LOGITS, st.permutations(range(CLASSES)), arrays(np.int64, 4, elements=st.integers(0, CLASSES - 1)))
def test_target_labels_are_looked_up_by_sample_index(logits, labels, indices):
    probabilities = softmax(logits)
    margins = Targeted(tuple(labels)).margins(probabilities, np.zeros(4, int), indices)
    alone = [
        Targeted(labels[index]).margins(probabilities[[row]], np.zeros(1, int), np.array([0]))[0]
        for row, index in enumerate(indices)
    ]
    np.testing.assert_array_equal(margins, alone)


@pytest.mark.parametrize("value", [0.05, 0.5, 0.9, 1.0])
@given(LOGITS, REFERENCES)
def test_the_confidence_margin_is_the_logarithm_of_the_ratio(value, logits, references):
    probabilities = softmax(logits)
    expected = np.log(probabilities[ROWS, references].astype(float) / value)
    np.testing.assert_allclose(ConfidenceBelow(value).margins(probabilities, references, ROWS), expected, atol=2e-6)


def met(criterion, probabilities, reference):
    """The verdict in words: how many nats of room there are, judged without the margin."""
    match criterion:
        case Untargeted():
            return probabilities.max() > probabilities[reference]
        case Targeted(labels=wanted):
            return probabilities[wanted] > np.delete(probabilities, wanted).max()
        case TopK(k=k):
            return np.sum(probabilities > probabilities[reference]) >= k
        case ConfidenceBelow(value=value):
            return probabilities[reference] < value
    raise AssertionError(criterion)


CRITERIA = [Untargeted(), Targeted(2), TopK(1), TopK(2), TopK(5), ConfidenceBelow(0.5), ConfidenceBelow(0.1)]


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@given(LOGITS, REFERENCES)
def test_the_margin_is_negative_where_the_criterion_is_met(criterion, logits, references):
    probabilities = softmax(logits)
    margins = criterion.margins(probabilities, references, ROWS)
    for row in ROWS[np.abs(margins) > ULPS]:
        assert (margins[row] < 0) == met(criterion, probabilities[row], references[row])


@pytest.mark.parametrize(
    ("criterion", "tie"),
    [
        (Untargeted(), [0.25, 0.375, 0.375, 0]),
        (Targeted(0), [0.5, 0.5, 0, 0]),
        (TopK(2), [0.5, 0.25, 0.25, 0]),
        (ConfidenceBelow(0.5), [0.3, 0.5, 0.2, 0]),
    ],
    ids=str,
)
def test_a_tie_does_not_meet_the_criterion(criterion, tie):
    assert criterion.margins(np.float32([tie]), np.array([1]), np.array([0])).tolist() == [0]


@pytest.mark.parametrize(
    ("criterion", "margins"),
    [
        (Untargeted(), [69.08, -69.08]),
        (Targeted(1), [69.08, -69.08]),
        (TopK(2), [69.08, 0]),
        (ConfidenceBelow(0.5), [0.69, -68.38]),
    ],
    ids=str,
)
def test_one_hot_answers_have_finite_margins(criterion, margins):
    one_hot = np.float32([[1, 0, 0], [0, 1, 0]])
    found = criterion.margins(one_hot, np.array([0, 0]), np.arange(2))
    np.testing.assert_allclose(found, margins, atol=0.01)


def test_exact_zeros_are_lifted_and_everything_else_is_kept():
    probabilities = np.float32([[0, 1e-30, 1e-7, 0.5, 1]])
    logs = log_probabilities(probabilities)
    assert logs.dtype == np.float32
    np.testing.assert_allclose(logs, [np.log([1e-30, 1e-30, 1e-7, 0.5, 1])], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("untargeted", Untargeted()),
        ("targeted:3", Targeted(3)),
        ("topk:5", TopK(5)),
        ("confidence:0.5", ConfidenceBelow(0.5)),
        ("confidence:1e-3", ConfidenceBelow(0.001)),
    ],
)
def test_a_criterion_is_what_its_text_says_and_says_so(text, criterion):
    assert criterion_of(text) == criterion
    assert criterion_of(str(criterion)) == criterion
    assert criterion_of(criterion) is criterion
    assert isinstance(criterion, Criterion)


@pytest.mark.parametrize(
    "text",
    ["", "best", "untargeted:1", "targeted", "targeted:", "targeted:cat", "topk:2.5", "confidence:low", "topk:1:2", 5],
    ids=str,
)
def test_text_that_is_no_criterion_is_refused(text):
    said = f"criterion: expected untargeted, targeted:CLASS, topk:K or confidence:PROBABILITY, got {text!r}"
    with pytest.raises(InputError, match=said):
        criterion_of(text)


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        (Targeted(4), "criterion targeted:4: expected a class from 0 to 3, got 4"),
        (Targeted(-1), "criterion targeted:-1: expected a class from 0 to 3, got -1"),
        (Targeted((0, 9, 1)), "criterion targeted:9: expected a class from 0 to 3, got 9"),
        (TopK(0), "criterion topk:0: expected k from 1 to 3 for 4 classes"),
        (TopK(4), "criterion topk:4: expected k from 1 to 3 for 4 classes"),
        (ConfidenceBelow(0), "criterion confidence:0: expected a probability above 0 and at most 1"),
        (ConfidenceBelow(1.5), "criterion confidence:1.5: expected a probability above 0 and at most 1"),
        (ConfidenceBelow(float("nan")), "criterion confidence:nan: expected a probability above 0"),
    ],
    ids=str,
)
def test_a_criterion_that_cannot_be_met_is_refused(criterion, said):
    with pytest.raises(InputError, match=said):
        criterion.check(4)


@pytest.mark.parametrize(
    "criterion", [Untargeted(), Targeted(3), Targeted((0, 3)), TopK(1), TopK(3), ConfidenceBelow(1)], ids=str
)
def test_a_criterion_that_can_be_met_is_let_through(criterion):
    criterion.check(4)


def test_a_sample_without_a_target_label_is_named():
    with pytest.raises(InputError, match="expected a label for sample 5, got 2 labels"):
        Targeted((0, 1)).margins(np.full((2, 3), 1 / 3, np.float32), np.zeros(2, int), np.array([0, 5]))


@pytest.mark.parametrize("labels", [np.int64(1), np.int32(1), 1], ids=lambda label: type(label).__name__)
def test_a_numpy_integer_is_a_target_label(labels):
    margins = Targeted(labels).margins(np.float32([[0.2, 0.8]]), np.zeros(1, int), np.array([7]))
    assert margins == pytest.approx(-np.log(4), rel=1e-6)
    assert str(Targeted(labels)) == "targeted:1"


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        (None, None),
        (0, None),
        (2, None),
        (3, "label: expected a class from 0 to 2, got 3."),
        (-1, "label: expected a class from 0 to 2, got -1."),
    ],
)
def test_a_label_is_a_class_or_unknown(label, fault):
    assert label_fault("label", label, 3) == fault
