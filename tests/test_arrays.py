"""What crosses a seam: samples, steps of a file and answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brinkmap.arrays import as_samples, check_answer_shape, check_bounds, check_sample, faults, on_steps
from brinkmap.errors import InputError, VictimError

EXTENTS = [(11,), (4, 5), (3, 4, 5)]
BOUNDS = [(0.0, 1.0), (-1.0, 1.0), (-5.0, 5.0), (0.0, 255.0), (-0.31, 1.0), (-2.118, 2.64)]


class Tensor:
    """What a torch tensor looks like from outside."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.values


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("extent", EXTENTS, ids=str)
def test_uint8_is_read_channels_last_and_spans_the_bounds(extent, channels, bounds):
    pixels = np.random.default_rng(0).integers(0, 256, (2, *extent, channels)).astype(np.uint8)
    samples = as_samples(pixels, bounds)
    assert (samples.shape, samples.dtype) == ((2, channels, *extent), np.float32)
    assert samples.flags.c_contiguous
    expected = bounds[0] + pixels.astype(float) / 255 * (bounds[1] - bounds[0])
    for channel in range(channels):
        np.testing.assert_allclose(samples[:, channel], expected[..., channel], rtol=1e-6, atol=1e-6)


def test_uint8_on_0_to_1_is_what_dividing_by_255_gives():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    np.testing.assert_array_equal(as_samples(pixels).ravel(), np.arange(256, dtype=np.float32) / np.float32(255))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("extent", EXTENTS, ids=str)
def test_floats_are_taken_as_they_are(extent, dtype):
    values = np.random.default_rng(0).normal(size=(2, 3, *extent)).astype(dtype)
    samples = as_samples(values, (-5, 5))
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, values.astype(np.float32))


def test_tensors_lists_and_views_are_taken():
    values = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    for given_ in (Tensor(values), values.tolist(), np.asfortranarray(values), values[:, :, ::-1][:, :, ::-1]):
        samples = as_samples(given_)
        np.testing.assert_array_equal(samples, values)
        assert samples.flags.c_contiguous


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((3, 4)), r"expected \(n, c, \*extent\) with 1 to 3 axes in extent, got shape \(3, 4\). Add the chan"),
        (np.zeros((1,) * 6), "with 1 to 3 axes in extent, got shape"),
        (np.float32(1), r"got shape \(\)"),
        (np.zeros((1, 1, 4), np.int64), r"or uint8 \(n, \*extent, c\), got dtype int64. Convert with .astype"),
        (np.zeros((1, 1, 4), bool), "got dtype bool"),
        (np.zeros((1, 1, 4), complex), "got dtype complex128"),
        (np.full((1, 1, 4), "a"), "got dtype <U1"),
    ],
)
def test_what_is_no_sample_is_refused(values, said):
    with pytest.raises(InputError, match=said):
        as_samples(values)


@pytest.mark.parametrize("last", [1, 15, 255, 65535])
@given(low=st.floats(-100, 100), span=st.floats(0.01, 100))
def test_steps_begin_and_end_on_the_bounds_and_rise(last, low, span):
    bounds = (low, low + span)
    found = on_steps(np.arange(last + 1), last, bounds)
    assert found.dtype == np.float32
    assert (found[0], found[-1]) == (np.float32(bounds[0]), np.float32(bounds[1]))
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("last", [1, 15, 255, 65535])
def test_steps_can_be_told_from_their_values(last, bounds):
    steps = np.arange(last + 1)
    values = on_steps(steps, last, bounds)
    back = np.rint((values - bounds[0]) / (bounds[1] - bounds[0]) * last)
    np.testing.assert_array_equal(back, steps)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_steps_keep_their_shape_and_may_be_written_to(shape, dtype):
    found = on_steps(np.ones(shape, dtype), 255, (0.0, 1.0))
    assert found.shape == shape
    found += 1
    assert on_steps(np.ones(shape, dtype), 255, (0.0, 1.0)).max() == np.float32(1 / 255)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ((1, 0), r"bounds: expected two finite numbers, the lower first, got \(1, 0\)"),
        ((0, 0), r"got \(0, 0\)"),
        ((float("nan"), 1), r"got \(nan, 1\)"),
        ((0, float("inf")), r"got \(0, inf\)"),
    ],
    ids=str,
)
def test_bounds_that_bound_nothing_are_refused(bounds, said):
    with pytest.raises(InputError, match=said):
        check_bounds(bounds)


def test_bounds_become_floats():
    found = check_bounds((np.int64(-1), 1))
    assert found == (-1.0, 1.0)
    assert [type(one) for one in found] == [float, float]


@pytest.mark.parametrize("shape", [(1, 5), (3, 4, 4), (3, 2, 4, 4)], ids=str)
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_a_sample_and_a_batch_on_the_bounds_are_let_through(shape, bounds):
    low, high = np.float32(bounds)
    for samples in (np.full(shape, low), np.full((2, *shape), high), np.zeros((0, *shape), np.float32)):
        check_sample(samples, shape, bounds)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (np.zeros((1, 4, 3)), r"expected the victim's shape \(1, 4, 4\), got \(1, 4, 3\). Reshape, resize or move"),
        (np.zeros((4, 4)), r"expected the victim's shape \(1, 4, 4\), got \(4, 4\)"),
        (np.zeros((1, 1, 1, 4, 4)), r"expected the victim's shape \(1, 4, 4\), got \(1, 1, 1, 4, 4\)"),
        (np.full((1, 4, 4), np.nan), "expected finite values, got NaN or infinity. Fill or drop"),
        (np.full((2, 1, 4, 4), np.inf), "expected finite values, got NaN or infinity"),
        (np.where(np.arange(16) == 5, np.nan, 0).reshape(1, 4, 4), "expected finite values"),
        (np.where(np.arange(16) == 5, np.inf, 0).reshape(1, 4, 4), "expected finite values"),
        (np.where(np.arange(16) == 5, -np.inf, 0).reshape(1, 4, 4), "expected finite values"),
        (np.full((1, 4, 4), 1.5), r"within the victim's bounds 0 to 1, got 1.5 to 1.5. Give .* bounds=\(0, 1.5\)"),
        (
            np.linspace(-0.31, 1, 16).reshape(1, 4, 4),
            r"got -0.31 to 1. .* bounds=\(-0.31, 1\), or scale",
        ),
        (np.full((1, 4, 4), np.nextafter(np.float32(1), np.float32(2))), "within the victim's bounds 0 to 1"),
    ],
    ids=range(11),
)
def test_a_sample_that_the_victim_does_not_take_is_refused(sample, said):
    with pytest.raises(InputError, match=said):
        check_sample(sample.astype(np.float32), (1, 4, 4), (0.0, 1.0))


@pytest.mark.parametrize("answer", [[[0.5, 0.5], [1, 0]], np.float64([[0.5, 0.5], [1, 0]])], ids=["list", "float64"])
def test_an_answer_becomes_float32(answer):
    found = check_answer_shape(answer, 2, None)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, answer)


@pytest.mark.parametrize(
    ("answer", "classes", "said"),
    [
        (np.zeros((1, 3)), 3, r"victim: expected an answer of shape \(2, 3\), got \(1, 3\). Return one row"),
        (np.zeros(2), None, r"expected an answer of shape \(2, classes\), got \(2,\)"),
        (np.zeros((2, 3, 1)), 3, r"expected an answer of shape \(2, 3\), got \(2, 3, 1\)"),
        (np.zeros((2, 1)), None, r"got \(2, 1\). Return one row of at least two class probabilities"),
        (np.zeros((2, 4)), 3, "victim: expected 3 classes, got 4. Give the victim classes=4"),
        (None, 3, r"expected an answer of shape \(2, 3\), got \(\)"),
    ],
    ids=range(6),
)
def test_an_answer_of_another_shape_is_refused(answer, classes, said):
    with pytest.raises(VictimError, match=said):
        check_answer_shape(answer, 2, classes)


@given(arrays(np.float64, (5, 4), elements=st.floats(0, 1)))
def test_distributions_have_no_faults(weights):
    weights = weights + 1e-3
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    assert faults(probabilities) == {}
    assert faults(probabilities.astype(np.float16).astype(np.float32)) == {}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([0.5, 0.6, 0], "the victim's answer is no distribution: it sums to 1.1 with least value 0, expected"),
        ([1.5, -0.5, 0], "it sums to 1 with least value -0.5"),
        ([2, -3, 9], "if these are logits, wrap it with outputs='logits'"),
        ([0, 0, 0], "it sums to 0"),
        ([np.nan, 0.5, 0.5], "the victim answered NaN or infinity where a probability was expected"),
        ([np.inf, 0, 0], "the victim answered NaN or infinity"),
        ([np.inf, -np.inf, 1], "the victim answered NaN or infinity"),
    ],
    ids=str,
)
def test_a_row_that_is_no_distribution_is_found_with_its_reason(row, said):
    good = [0.25, 0.5, 0.25]
    found = faults(np.float32([good, row, good]))
    assert list(found) == [1]
    assert said in found[1]
