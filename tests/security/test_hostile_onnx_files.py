"""ONNX files from a stranger: weights beside the file may be named, weights anywhere else may not."""

import numpy as np
import pytest
from hostile import pickled, refused_or_read

from brinkmap.victims import load_victim

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper  # noqa: E402


@pytest.fixture
def model(tmp_path):
    """Writes a linear model whose weights are said to lie at `location`."""
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (folder / "beside.bin", tmp_path / "outside.bin"):
        np.arange(8, dtype=np.float32).tofile(place)
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")

    def write(location, length="32", offset="0"):
        weights = TensorProto(name="w", data_type=1, dims=[4, 2], data_location=TensorProto.EXTERNAL)
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            weights.external_data.add(key=key, value=value)
        nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
        ports = (helper.make_tensor_value_info("x", 1, ["n", 1, 4]), helper.make_tensor_value_info("y", 1, ["n", 2]))
        graph = helper.make_graph(nodes, "g", [ports[0]], [ports[1]], [weights])
        told = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        (folder / "m.onnx").write_bytes(told.SerializeToString())
        return str(folder / "m.onnx")

    return write


def test_weights_beside_the_file_are_read(model):
    assert refused_or_read(load_victim, model("beside.bin")) is None


@pytest.mark.parametrize(
    "location", ["../outside.bin", "{}/outside.bin", "a/../../outside.bin", "link.bin", "/dev/zero"]
)
def test_weights_elsewhere_are_not_read(model, tmp_path, location):
    assert "cannot be read as an ONNX model" in str(refused_or_read(load_victim, model(location.format(tmp_path))))


@pytest.mark.parametrize(("length", "offset"), [("9999999999999", "0"), ("32", "9999999999999"), ("-1", "-1")])
def test_lengths_are_held_against_the_file(model, length, offset):
    assert refused_or_read(load_victim, model("beside.bin", length, offset)) is not None


def test_what_is_no_model_is_refused(tmp_path):
    canary = tmp_path / "ran"
    for content in (b"", b"\x00" * 100, b"\x08\x07" * 1000, pickled(canary)):
        (tmp_path / "m.onnx").write_bytes(content)
        assert refused_or_read(load_victim, str(tmp_path / "m.onnx")) is not None
    assert not canary.exists()
