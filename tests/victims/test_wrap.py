import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from models import SHAPES, batch_of, channel_means, linear, softmax, write_onnx
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from brinkmap.errors import InputError, MissingExtra, VictimError
from brinkmap.victims import FunctionVictim, wrap


def module_of(shape, classes=4):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(int(np.prod(shape)), classes))


def direct(module, batch):
    with torch.no_grad():
        return torch.softmax(module.eval()(torch.from_numpy(batch)), dim=1).numpy()


def fitted(estimator, shape, labels=("ox", "ant", "bee")):
    rows = np.random.default_rng(3).random((60, int(np.prod(shape))), dtype=np.float32)
    return estimator.fit(rows, np.resize(labels, 60))


# PyTorch


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_module_answers_as_if_called_directly(shape):
    module, batch = module_of(shape), batch_of(shape)
    assert_allclose(wrap(module).predict(batch), direct(module, batch), atol=1e-6)


def test_a_module_is_put_in_evaluation_mode_for_each_query():
    module, batch = module_of((1, 4, 4)).train(), batch_of((1, 4, 4))
    victim = wrap(module)
    first = victim.predict(batch)
    module.train()
    assert_array_equal(victim.predict(batch), first)


def test_a_read_only_batch_raises_no_warning_in_torch():
    batch = batch_of((1, 4, 4))
    batch.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrap(module_of((1, 4, 4))).predict(batch).shape == (5, 4)


def test_a_module_in_double_precision_is_fed_doubles():
    module, batch = module_of((1, 4, 4)), batch_of((1, 4, 4))
    expected = direct(module, batch)
    assert_allclose(wrap(module.double()).predict(batch), expected, atol=1e-6)


def test_a_module_without_parameters_is_fed_floats():
    batch = batch_of((3, 4, 4))
    found = wrap(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()), device="cpu").predict(batch)
    assert_allclose(found, softmax(batch.mean(axis=(2, 3))), atol=1e-6)


def test_normalisation_of_a_module_happens_inside():
    module, batch = module_of((3, 6, 5)), batch_of((3, 6, 5))
    mean, std = np.float32([0.4, 0.5, 0.6]), np.float32([0.2, 0.3, 0.4])
    expected = direct(module, (batch - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1))
    assert_allclose(wrap(module, mean=mean, std=std).predict(batch), expected, atol=1e-6)


def test_a_module_that_answers_a_pair_is_named():
    class Pair(torch.nn.Module):
        def forward(self, batch):
            return batch, batch

    with pytest.raises(VictimError, match="one tensor, got tuple"):
        wrap(Pair()).predict(batch_of((1, 4, 4)))


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(InputError, match=f"device: cannot use '{device}'"):
        wrap(module_of((1, 4, 4)), device=device)


def test_missing_torch_names_the_extra(monkeypatch):
    module = module_of((1, 4, 4))
    monkeypatch.setitem(sys.modules, "torch", None)
    from brinkmap.victims.torch_adapter import torch_function

    with pytest.raises(MissingExtra, match=re.escape("a torch victim needs an optional dependency: pip install")):
        torch_function(module)


# ONNX


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("batch_axis", ["n", 1], ids=["dynamic", "fixed to 1"])
def test_an_onnx_file_answers_like_its_weights(tmp_path, shape, batch_axis):
    weights, batch = linear(shape), batch_of(shape)
    victim = wrap(str(write_onnx(tmp_path / "linear.onnx", shape, weights, batch_axis)))
    assert (victim.shape, victim.classes, victim.name) == (shape, 4, "linear")
    assert_allclose(victim.predict(batch), softmax(batch.reshape(5, -1) @ weights), atol=1e-5)


def test_a_dynamic_extent_is_learned_from_the_first_query(tmp_path):
    victim = wrap(write_onnx(tmp_path / "m.onnx", (1, "h", "w"), linear((1, 4, 4))))
    assert victim.shape is None
    victim.predict(batch_of((1, 4, 4)))
    assert victim.shape == (1, 4, 4)


def test_normalisation_of_an_onnx_file_happens_inside(tmp_path):
    weights, batch = linear((3, 4, 4)), batch_of((3, 4, 4))
    victim = wrap(write_onnx(tmp_path / "m.onnx", (3, 4, 4), weights, 1), mean=0.5, std=0.25)
    assert_allclose(victim.predict(batch), softmax(((batch - 0.5) / 0.25).reshape(5, -1) @ weights), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 8}, "one fixed to 8. Export the model with a dynamic batch axis"),
        ({"kind": TensorProto.DOUBLE}, "expected a float32 input, got tensor(double)"),
        ({"inputs": 2}, "expected one input, got 2 (input0, input1)"),
        ({"shape": (16,)}, "expected an input of shape (n, c, *extent)"),
    ],
    ids=str,
)
def test_an_onnx_input_that_cannot_be_fed_is_named(tmp_path, settings, message):
    made = {"shape": (1, 4, 4), "weights": linear((1, 4, 4))} | settings
    with pytest.raises(InputError, match=re.escape(message)):
        wrap(write_onnx(tmp_path / "m.onnx", **made))


def test_a_broken_onnx_file_is_named(tmp_path):
    path = write_onnx(tmp_path / "m.onnx", (1, 4, 4), linear((1, 4, 4)))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"m\.onnx cannot be read as an ONNX model"):
        wrap(path)


def test_a_missing_onnx_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*absent\.onnx"):
        wrap(tmp_path / "absent.onnx")


def test_missing_onnxruntime_names_the_extra(tmp_path, monkeypatch):
    path = write_onnx(tmp_path / "m.onnx", (1, 4, 4), linear((1, 4, 4)))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=re.escape("brinkmap[onnx]")):
        wrap(path)


# scikit-learn


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_predict_proba_is_what_a_classifier_answers(shape):
    estimator, batch = fitted(make_pipeline(StandardScaler(), LogisticRegression()), shape), batch_of(shape)
    victim = wrap(estimator)
    assert_allclose(victim.predict(batch), estimator.predict_proba(batch.reshape(5, -1)), atol=1e-6)
    assert (victim.outputs, victim.classes) == ("probabilities", 3)


@pytest.mark.parametrize("kind", [LinearSVC, RidgeClassifier])
@pytest.mark.parametrize("labels", [("ox", "ant", "bee"), (7, 3, 5)], ids=str)
def test_a_classifier_without_probabilities_answers_places_in_classes(kind, labels):
    estimator, batch = fitted(kind(), (1, 4, 4), labels), batch_of((1, 4, 4), n=40)
    victim = wrap(estimator)
    found = estimator.classes_[victim.predict(batch).argmax(axis=1)]
    assert_array_equal(found, estimator.predict(batch.reshape(40, -1)))
    assert len(np.unique(found)) == 3
    assert not victim.scores


def test_labels_can_be_asked_of_a_classifier_with_probabilities():
    estimator, batch = fitted(LogisticRegression(), (1, 4, 4)), batch_of((1, 4, 4))
    found = wrap(estimator, outputs="labels").predict(batch)
    assert_array_equal(found.argmax(axis=1), estimator.predict_proba(batch.reshape(5, -1)).argmax(axis=1))
    assert_array_equal(found.max(axis=1), 1)


@pytest.mark.parametrize(
    ("estimator", "settings", "message"),
    [
        (LogisticRegression(), {}, "expected a fitted classifier, got one without classes_. Call its fit first"),
        (make_pipeline(LogisticRegression()), {}, "expected a fitted classifier"),
        (fitted(LinearRegression(), (1, 4, 4), (1, 2)), {}, "a regressor cannot be a victim"),
        (fitted(LinearSVC(), (1, 4, 4)), {"outputs": "probabilities"}, "LinearSVC offers labels, got 'probabilities'"),
        (fitted(LogisticRegression(), (1, 4, 4)), {"outputs": "logits"}, "offers probabilities or labels, got 'logits'"),
        (fitted(LinearSVC(), (1, 4, 4)), {"shape": (1, 5, 5)}, "fitted on 16 features, a sample of shape (1, 5, 5) has 25"),
        (fitted(LinearSVC(), (1, 4, 4)), {"classes": 4}, "classes: the model itself says 3, got 4"),
    ],
    ids=str,
)
def test_a_classifier_that_cannot_serve_is_named(estimator, settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        wrap(estimator, **settings)


def test_features_are_checked_at_the_first_query_too():
    with pytest.raises(InputError, match=r"fitted on 16 features, a sample of shape \(1, 5, 5\) has 25"):
        wrap(fitted(LinearSVC(), (1, 4, 4))).predict(batch_of((1, 5, 5)))


def test_a_classifier_of_several_labels_a_sample_is_refused():
    estimator = fitted(LogisticRegression(), (1, 4, 4))
    estimator.classes_ = [estimator.classes_, estimator.classes_]
    with pytest.raises(InputError, match="expected one label a sample, got 2"):
        wrap(estimator)


# callables, victims, and what is neither


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
    ids=str,
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
