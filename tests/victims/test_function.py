import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from victim_models import SHAPES, batch_of, channel_means, softmax

from brinkmap.errors import InputError, VictimError
from brinkmap.victims import FunctionVictim, Victim
from brinkmap.victims.protocol import has_scores


def answers(values):
    """A function that answers the same whatever it is asked."""
    return lambda batch: values


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_probabilities_come_back_as_the_function_gave_them(shape):
    batch = batch_of(shape)
    victim = FunctionVictim(channel_means)
    found = victim.predict(batch)
    assert_array_equal(found, channel_means(batch))
    assert found.dtype == np.float32
    assert isinstance(victim, Victim)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_classes_are_learned_from_the_first_query(shape):
    victim = FunctionVictim(channel_means)
    assert (victim.shape, victim.classes) == (None, None)
    victim.predict(batch_of(shape))
    assert (victim.shape, victim.classes) == (shape, 2)
    with pytest.raises(InputError, match="expected the victim's shape"):
        victim.predict(batch_of((shape[0] + 1, *shape[1:])))


def test_nothing_is_learned_from_a_query_that_failed():
    victim = FunctionVictim(answers([[2.0, 3.0]]))
    with pytest.raises(VictimError):
        victim.predict(batch_of((1, 8, 8), n=1))
    assert (victim.shape, victim.classes) == (None, None)


def test_logits_become_their_softmax():
    logits = np.float32([[1, 2, 3], [1000, 0, -1000], [-5, -5, -np.inf]])
    found = FunctionVictim(answers(logits), outputs="logits").predict(batch_of((1, 4, 4), n=3))
    assert_allclose(found, softmax(logits.astype(np.float64)), atol=1e-7)


@pytest.mark.parametrize("labels", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], torch.tensor([0, 1, 1])], ids=str)
def test_labels_become_one_hot_rows(labels):
    victim = FunctionVictim(answers(labels), outputs="labels", classes=3)
    assert_array_equal(victim.predict(batch_of((1, 4, 4), n=3)), [[1, 0, 0], [0, 1, 0], [0, 1, 0]])
    assert not has_scores(victim)


def test_probabilities_have_scores():
    assert has_scores(FunctionVictim(channel_means))


def test_the_three_outputs_agree_on_the_label():
    batch = batch_of((1, 4, 4))
    logits = np.random.default_rng(0).normal(size=(5, 3))
    found = [
        FunctionVictim(answers(logits), outputs="logits").predict(batch),
        FunctionVictim(answers(softmax(logits))).predict(batch),
        FunctionVictim(answers(logits.argmax(axis=1)), outputs="labels", classes=3).predict(batch),
    ]
    assert_allclose(found[0], found[1], atol=1e-6)
    assert_array_equal(found[1].argmax(axis=1), found[2].argmax(axis=1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_normalisation_happens_inside(shape):
    batch, seen = batch_of(shape), []
    mean, std = np.linspace(0.1, 0.5, shape[0]), np.linspace(0.2, 0.4, shape[0])
    victim = FunctionVictim(lambda b: seen.append(b) or channel_means(batch), mean=mean, std=std)
    victim.predict(batch)
    for channel in range(shape[0]):
        assert_allclose(seen[0][:, channel], (batch[:, channel] - mean[channel]) / std[channel], atol=1e-6)
    assert seen[0].dtype == np.float32


def test_one_mean_and_std_serve_all_channels():
    batch, seen = batch_of((3, 4, 4)), []
    FunctionVictim(lambda b: seen.append(b) or channel_means(batch), mean=0.5, std=0.25).predict(batch)
    assert_allclose(seen[0], (batch - 0.5) / 0.25, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"mean": 0.5, "std": 0.5}], ids=["as it is", "normalised"])
def test_the_function_cannot_write_to_the_callers_batch(settings):
    def writes(batch):
        batch[:] = 0
        return [[0.5, 0.5]] * len(batch)

    batch = batch_of((1, 4, 4))
    before = batch.copy()
    victim = FunctionVictim(writes, **settings)
    if settings:
        victim.predict(batch)
    else:
        with pytest.raises(ValueError, match="read-only"):
            victim.predict(batch)
    assert_array_equal(batch, before)
    assert batch.flags.writeable


@pytest.mark.parametrize("settings", [{}, {"mean": 0.5, "std": 0.5}], ids=["as it is", "normalised"])
def test_a_read_only_batch_is_welcome(settings):
    batch = batch_of((1, 4, 4))
    victim = FunctionVictim(lambda b: 3 * channel_means(b), outputs="logits", **settings)
    expected = victim.predict(batch)
    batch.flags.writeable = False
    assert_array_equal(victim.predict(batch), expected)


def test_an_answer_survives_a_model_that_reuses_its_memory():
    memory = np.float32([[0.25, 0.75]])
    victim = FunctionVictim(answers(memory))
    first = victim.predict(batch_of((1, 4, 4), n=1))
    memory[:] = 0.5
    assert_array_equal(first, [[0.25, 0.75]])


def test_tensors_and_channels_last_bytes_are_the_same_samples():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
    floats = np.moveaxis(pixels, -1, 1).astype(np.float32) / 255
    victim = FunctionVictim(channel_means)
    expected = victim.predict(floats)
    assert_allclose(victim.predict(pixels), expected, atol=1e-6)
    assert_array_equal(victim.predict(torch.from_numpy(floats).requires_grad_()), expected)


def test_an_exception_of_the_model_reaches_the_caller():
    def breaks(batch):
        raise ZeroDivisionError("in the model")

    with pytest.raises(ZeroDivisionError, match="in the model"):
        FunctionVictim(breaks).predict(batch_of((1, 4, 4)))


def test_logits_that_look_like_probabilities_are_warned_of_once(recwarn):
    victim = FunctionVictim(channel_means, outputs="logits")
    with pytest.warns(UserWarning, match="outputs='probabilities'"):
        victim.predict(batch_of((1, 4, 4)))
    recwarn.clear()
    victim.predict(batch_of((1, 4, 4)))
    assert len(recwarn) == 0


@pytest.mark.parametrize("logits", [[[0.25, 0.75]], [[0.2, 0.9], [0.5, 0.5]], [[2.0, -1.0], [0.5, 0.5]]], ids=str)
def test_logits_that_may_be_logits_are_not_warned_of(logits, recwarn):
    FunctionVictim(answers(logits), outputs="logits").predict(batch_of((1, 4, 4), n=len(logits)))
    assert len(recwarn) == 0


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((0, 1, 4, 4), np.float32), "at least one sample, got a batch of shape (0, 1, 4, 4)"),
        (np.zeros((4, 4), np.float32), "Add the channel axis"),
        (np.zeros((2, 1, 4, 4), np.int64), "got dtype int64"),
        (np.full((2, 1, 4, 4), np.nan, np.float32), "got NaN or infinity"),
        (np.full((2, 1, 4, 4), 255, np.float32), "within the victim's bounds 0 to 1, got 255 to 255"),
        (np.zeros((2, 4, 4, 1), np.float32), "expected the victim's shape (1, 4, 4), got (2, 4, 4, 1)"),
    ],
    ids=["empty", "axes", "dtype", "nan", "bounds", "shape"],
)
def test_a_wrong_batch_is_refused_before_the_model_sees_it(batch, message):
    calls = []
    with pytest.raises(InputError, match=re.escape(message)):
        FunctionVictim(calls.append, shape=(1, 4, 4)).predict(batch)
    assert calls == []


@pytest.mark.parametrize(
    ("answer", "settings", "message"),
    [
        ([[2.0, 3.0]] * 3, {}, "wrap it with outputs='logits'"),
        ([[np.nan, 0.5]] * 3, {}, "sample 0 of the first batch: the victim answered NaN"),
        ([[np.nan, 0.5]] * 3, {"outputs": "logits"}, "the victim answered NaN"),
        ([[0.5, 0.5]] * 2, {}, "expected an answer of shape (3, classes), got (2, 2)"),
        ([0.5, 0.5, 0.5], {}, "got (3,)"),
        ([[0.5, 0.5]] * 3, {"classes": 10}, "expected 10 classes, got 2. Give the victim classes=2"),
        ([["cat", "dog"]] * 3, {}, "expected an array of numbers, got list of dtype <U3"),
        ([[0.5], [0.5, 0.5], []], {}, "a list, is no array"),
        ([0, 1, 3], {"outputs": "labels", "classes": 3}, "labels from 0 to 2, got 3 for sample 2"),
        ([0, -1, 1], {"outputs": "labels", "classes": 3}, "got -1 for sample 1"),
        ([0, 0.5, 1], {"outputs": "labels", "classes": 3}, "got 0.5 for sample 1"),
        ([0, np.nan, 1], {"outputs": "labels", "classes": 3}, "got nan for sample 1"),
        ([[0.5, 0.5]] * 3, {"outputs": "labels", "classes": 2}, "or state outputs='probabilities' or 'logits'"),
    ],
)
def test_a_wrong_first_answer_is_named(answer, settings, message):
    with pytest.raises(VictimError, match=re.escape(message)):
        FunctionVictim(answers(answer), **settings).predict(batch_of((1, 4, 4), n=3))


def test_later_answers_are_held_to_the_learned_classes():
    replies = iter([[[0.5, 0.5]], [[0.2, 0.3, 0.5]]])
    victim = FunctionVictim(lambda batch: next(replies))
    victim.predict(batch_of((1, 4, 4), n=1))
    with pytest.raises(VictimError, match="expected 2 classes, got 3"):
        victim.predict(batch_of((1, 4, 4), n=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"outputs": "scores"}, "expected one of logits, probabilities, labels, got 'scores'"),
        ({"outputs": "labels"}, "Give classes="),
        ({"classes": 1}, "expected at least 2, got 1"),
        ({"bounds": (1.0, 0.0)}, "the lower first"),
        ({"shape": (8,)}, "(channels, *extent) with 1 to 3 axes in extent, got (8,)"),
        ({"shape": (1, 0, 8)}, "got (1, 0, 8)"),
        ({"shape": (1, 2.5)}, "got (1, 2.5)"),
        ({"mean": 0.5}, "mean was given without std. Give both, or std=1"),
        ({"std": 0.5}, "std was given without mean. Give both, or mean=0"),
        ({"mean": 0.5, "std": 0.0}, "std: expected values above 0, got 0"),
        ({"mean": np.nan, "std": 1.0}, "mean: expected finite numbers, got nan"),
        ({"mean": "grey", "std": 1.0}, "mean: expected a number or one for each channel, got 'grey'"),
        ({"mean": (0.5, 0.5), "std": 1.0, "shape": (3, 4, 4)}, "mean: expected 1 value or one for each of 3 channels"),
        ({"mean": 0.5, "std": (1.0, 1.0), "shape": (3, 4, 4)}, "std: expected 1 value or one for each of 3 channels"),
        ({"function": 5}, "function: expected a callable, got int"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_at_once(settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        FunctionVictim(**{"function": channel_means} | settings)


def test_channels_unknown_at_first_are_checked_at_the_first_query():
    with pytest.raises(InputError, match="one for each of 3 channels, got 2"):
        FunctionVictim(channel_means, mean=(0.5, 0.5), std=(1, 1)).predict(batch_of((3, 4, 4)))
