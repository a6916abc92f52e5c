import re
import subprocess
import sys

import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from victim_models import SHAPES, batch_of, channel_means, linear, write_onnx

from brinkmap.errors import InputError
from brinkmap.victims import FunctionVictim, wrap


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_callable_answers_probabilities(shape):
    batch = batch_of(shape)
    victim = wrap(channel_means, unit="mV", bounds=(0, 2))
    assert_array_equal(victim.predict(batch), channel_means(batch))
    assert (victim.unit, victim.bounds, victim.name) == ("mV", (0.0, 2.0), "channel_means")


def test_a_callable_may_answer_labels():
    batch = batch_of((1, 4, 4))
    found = wrap(lambda b: channel_means(b).argmax(axis=1), outputs="labels", classes=2).predict(batch)
    assert_array_equal(found.argmax(axis=1), channel_means(batch).argmax(axis=1))


def test_a_victim_needs_no_wrapping():
    victim = wrap(channel_means)
    assert wrap(victim) is victim
    with pytest.raises(InputError, match="a victim already and keeps its own settings, got mean, std, bounds"):
        wrap(victim, mean=0.5, std=0.5, bounds=(0, 2))


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (FunctionVictim, {}, "got the class FunctionVictim. Give an instance"),
        (LogisticRegression, {}, "got the class LogisticRegression. Give an instance"),
        (5, {}, "got a int"),
        ("model.pt", {}, "expected the path of an .onnx file, got 'model.pt'"),
        (channel_means, {"device": "cpu"}, "device: only a PyTorch module can be moved, got a function"),
        (channel_means, {"outputs": "votes"}, "expected one of logits, probabilities, labels, got 'votes'"),
        (channel_means, {"shape": 8}, "shape: expected (channels, *extent)"),
    ],
)
def test_what_cannot_be_wrapped_is_named(model, settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        wrap(model, **settings)


def test_a_stated_shape_must_be_the_models_own(tmp_path):
    path = write_onnx(tmp_path / "m.onnx", (1, 4, 4), linear((1, 4, 4)))
    assert wrap(path, shape=[1, 4, 4]).shape == (1, 4, 4)
    with pytest.raises(InputError, match=re.escape("shape: the model itself says (1, 4, 4), got (3, 4, 4)")):
        wrap(path, shape=(3, 4, 4))


@pytest.mark.parametrize("library", ["torch", "onnxruntime", "sklearn"])
def test_importing_victims_imports_no_library_that_runs_models(library):
    code = f"import sys, brinkmap.victims, brinkmap.data; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
