"""Small models whose answers are known, for the adapters to be held against."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPES = [(2, 12), (3, 6, 5), (1, 3, 4, 4)]
"""One sample of each rank."""


def batch_of(shape, n=5, seed=0):
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def channel_means(batch):
    """(n, c, *extent) -> (n, 2) probabilities: the mean of all values, and the rest."""
    mean = batch.reshape(len(batch), -1).mean(axis=1)
    return np.stack([mean, 1 - mean], axis=1)


def linear(shape, classes=4, seed=1):
    return np.random.default_rng(seed).normal(size=(int(np.prod(shape)), classes)).astype(np.float32)


def write_onnx(path, shape, weights, batch="n", kind=TensorProto.FLOAT, inputs=1):
    """A linear model over the flattened sample, as an ONNX file."""
    ports = [helper.make_tensor_value_info(f"input{i}", kind, [batch, *shape]) for i in range(inputs)]
    answer = helper.make_tensor_value_info("scores", kind, [batch, weights.shape[1]])
    spare = helper.make_tensor_value_info("flat", kind, [batch, weights.shape[0]])
    stored = numpy_helper.from_array(weights.astype(helper.tensor_dtype_to_np_dtype(kind)), "weights")
    nodes = [
        helper.make_node("Flatten", ["input0"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(nodes, "linear", ports, [answer, spare], [stored])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
