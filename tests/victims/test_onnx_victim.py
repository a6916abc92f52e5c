import re
import sys

import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto
from victim_models import SHAPES, batch_of, linear, softmax, write_onnx

from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims import wrap


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
