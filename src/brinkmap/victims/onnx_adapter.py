"""ONNX files as functions of NumPy batches, through ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.arrays import RANKS, Array
from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims.answers import Outputs
from brinkmap.victims.source import Source

__all__ = ["onnx_source"]


def onnx_source(path: Path, outputs: Outputs | None = None) -> Source:
    """The model in an ONNX file: its first output, from its one float32 input.

    The shape comes from the input and the classes from the output where they are fixed. A model exported for batches
    of exactly one sample is called once a sample. ONNX Runtime has a thread for each processor it may use.

    Args:
        path: the file.
        outputs: what the first output means; logits where not stated.

    Raises:
        MissingExtra: onnxruntime is not installed.
        InputError: no such file, not a model, or an input that samples cannot be fed to.
    """
    session = _session(path)
    port = _input(session, path)
    batch, *axes = port.shape
    name, first = port.name, session.get_outputs()[0]

    def call(samples: Array) -> Array:
        answer: Array = session.run([first.name], {name: samples})[0]
        return answer

    outputs = outputs or "logits"
    static = all(isinstance(axis, int) for axis in axes)
    columns = first.shape[1] if len(first.shape or ()) == 2 and outputs != "labels" else None
    return Source(
        function=_one_by_one(call) if batch == 1 else call,
        outputs=outputs,
        shape=tuple(axes) if static else None,
        classes=columns if isinstance(columns, int) else None,
        name=path.stem,
    )


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("an ONNX victim", "onnx") from error
    if not path.is_file():
        raise InputError(f"no such file: {path}. Give the path of an .onnx file.")
    options = onnxruntime.SessionOptions()
    # Left alone it has a thread for each processor of the machine, not of those this process may use, and they spin.
    options.intra_op_num_threads = _processors()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a class of its own for each status code
        raise InputError(f"{path} cannot be read as an ONNX model: {error}. Export the model again.") from error


def _processors() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _input(session: Any, path: Path) -> Any:
    ports = session.get_inputs()
    if len(ports) != 1:
        names = ", ".join(port.name for port in ports)
        raise InputError(f"{path}: expected one input, got {len(ports)} ({names}). Export the model with one input.")
    [port] = ports
    if port.type != "tensor(float)":
        raise InputError(f"{path}: expected a float32 input, got {port.type}. Export the model with a float32 input.")
    if len(port.shape) - 2 not in RANKS:
        raise InputError(
            f"{path}: expected an input of shape (n, c, *extent) with 1 to 3 axes in extent, got {port.shape}. "
            "Export the model with the reshaping inside."
        )
    if isinstance(port.shape[0], int) and port.shape[0] != 1:
        raise InputError(
            f"{path}: expected a free batch axis, or one of 1, got one fixed to {port.shape[0]}. "
            "Export the model with a dynamic batch axis."
        )
    return port


def _one_by_one(call: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def each(samples: Array) -> Array:
        return np.concatenate([call(samples[i : i + 1]) for i in range(len(samples))])

    return each
