"""The answer of an Open Inference server: its JSON, and the raw tensors that may follow it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brinkmap.victims.http.dialect import Garbled, Reply

__all__ = ["HEADER_LENGTH", "split", "tensor_of"]

KINDS = {"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"} | {
    f"{sign}INT{8 * size}": f"<{kind}{size}" for sign, kind in (("", "i"), ("U", "u")) for size in (1, 2, 4, 8)
}
HEADER_LENGTH = "Inference-Header-Content-Length"


def split(reply: Reply) -> tuple[dict[str, Any], bytes]:
    """The JSON of an answer and the raw tensors after it.

    Raises:
        Garbled: it is no such answer.
    """
    length = reply.headers.get(HEADER_LENGTH.lower())
    tail = b""
    if length is not None:
        if not (length.isascii() and length.isdigit() and int(length) <= len(reply.body)):
            raise Garbled(f"its {HEADER_LENGTH} is {length[:20]!r} for a body of {len(reply.body)} bytes")
        tail, reply = reply.body[int(length) :], replace(reply, body=reply.body[: int(length)])
    told = reply.json()
    if not isinstance(told, dict):
        raise Garbled("expected a JSON object")
    return told, tail


def tensor_of(told: dict[str, Any], tail: bytes, name: str) -> NDArray[Any]:
    """The output of that name, in its own shape and kind.

    Raises:
        Garbled: there is none, or what it holds is not what it says.
    """
    outputs = told.get("outputs")
    start, names = 0, []
    for one in outputs if isinstance(outputs, list) else []:
        if not isinstance(one, dict):
            continue
        if one.get("name") == name:
            return _values(one, tail[start:])
        names.append(str(one.get("name")))
        start += _size(one) or 0
    raise Garbled(f"expected an output {name!r}, got {', '.join(names) or 'none'}")


def _size(tensor: dict[str, Any]) -> int | None:
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (type(size) is not int or size < 0):
        raise Garbled(f"expected a number of bytes in binary_data_size, got {size!r:.40}")
    return size


def _values(tensor: dict[str, Any], tail: bytes) -> NDArray[Any]:
    shape, datatype, size = tensor.get("shape"), tensor.get("datatype"), _size(tensor)
    if not isinstance(shape, list) or not all(type(axis) is int and axis >= 0 for axis in shape):
        raise Garbled(f"expected the shape of the output as a list of sizes, got {shape!r:.40}")
    if datatype not in KINDS:
        raise Garbled(f"expected an output of numbers, got datatype {datatype!r:.40}")
    kind, count = np.dtype(KINDS[datatype]), math.prod(shape)
    if size is None:
        values = _flat(tensor.get("data"), kind)
    elif size > len(tail) or size % kind.itemsize:
        raise Garbled(f"expected {size} bytes of {datatype}, got {len(tail)}")
    else:
        values = np.frombuffer(tail[:size], kind)
    if values.size != count:
        raise Garbled(f"expected {count} values for shape {shape}, got {values.size}")
    return values.reshape(shape)


def _flat(data: Any, kind: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.asarray(data, dtype=np.float64 if kind.kind == "f" else None).astype(kind).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise Garbled(f"its data are no numbers: {error}") from error
