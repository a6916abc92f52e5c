"""Open Inference Protocol v2, as Triton, KServe, MLServer, TorchServe and OpenVINO speak it: JSON and binary tensors.

Source: https://github.com/kserve/open-inference-protocol and Triton's binary tensor data extension.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, final
from urllib.parse import unquote
from uuid import uuid4

import httpx
import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import RANKS, Array
from brinkmap.errors import InputError
from brinkmap.victims.http.dialect import Garbled, Introduction, Question, Reply
from brinkmap.victims.http.line import Line, bare
from brinkmap.victims.http.tensors import HEADER_LENGTH, split, tensor_of

__all__ = ["OpenInference"]

INPUTS = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}


@final
@dataclass(frozen=True, kw_only=True)
class OpenInference:
    """A model at `.../v2/models/NAME`, with or without `/versions/V`.

    The names of input and output, the shape and the number of classes come from the model's metadata, which are asked
    for unless both names are stated. No sample is sent for that.
    """

    input: str | None = None
    """The name of the input; needed where the service has several or does not tell."""
    output: str | None = None
    """The name of the output that holds the scores; likewise."""
    tensors: Literal["json", "binary"] | None = None
    """How samples travel; None: binary where the service says that it can, else JSON. Both are exact."""

    def __post_init__(self) -> None:
        if self.tensors not in (None, "json", "binary"):
            raise InputError(f"tensors: expected json or binary, got {self.tensors!r}.")

    def introduce(self, line: Line) -> Introduction:
        """Learn names, shape and classes from the model's metadata.

        Raises:
            InputError: the address is no model's, or the model takes no samples.
            VictimError: the service does not answer.
        """
        url = httpx.URL(line.endpoint.url)
        path = url.path.rstrip("/").removesuffix("/infer")
        root, models, model = path.partition("/v2/models/")
        if not models or not model:
            raise InputError(f"url: expected .../v2/models/NAME, got {line.endpoint.shown}. Name the model in it.")
        at = str(url.copy_with(path=f"{path}/infer"))
        entry, exit_ = _Port(self.input or "", "FP32"), _Port(self.output or "", "FP32")
        if not (self.input and self.output):
            told = _metadata(line, str(url.copy_with(path=path)))
            entry = _port(told, "inputs", self.input)
            exit_ = _port(told, "outputs", self.output)
        binary = self.tensors == "binary"
        if self.tensors is None:
            binary = "binary_tensor_data" in _extensions(line, str(url.copy_with(path=f"{root}/v2")))
        speaker = _Speaker(_checked(entry), exit_.name, binary)
        fixed = len(exit_.shape) == 2 and exit_.shape[1] > 1
        return Introduction(
            ask=speaker.ask,
            url=at,
            shape=entry.shape[1:] if len(entry.shape) > 2 and min(entry.shape[1:]) > 0 else None,
            classes=exit_.shape[1] if fixed else None,
            name=unquote(model.partition("/")[0]),
            largest_request=1 if entry.shape[:1] == (1,) else None,
        )


@final
@dataclass(frozen=True)
class _Port:
    """One input or output of a model."""

    name: str
    datatype: str
    shape: tuple[int, ...] = ()
    """With the batch axis; -1 for an axis of any length; empty where nobody said."""


@final
@dataclass(frozen=True)
class _Speaker:
    """Turns samples into requests and answers into scores."""

    entry: _Port
    output: str
    binary: bool

    def ask(self, batch: Array) -> Question:
        rows = batch.reshape(len(batch), -1) if len(self.entry.shape) == 2 else batch
        values = np.ascontiguousarray(rows, dtype=INPUTS[self.entry.datatype])
        name = uuid4().hex
        tensor: dict[str, Any] = {"name": self.entry.name, "shape": list(values.shape), "datatype": self.entry.datatype}
        wanted: dict[str, Any] = {"name": self.output}
        if not self.binary:
            head = json.dumps({"id": name, "outputs": [wanted]})[:-1]
            text = f'{head},"inputs":[{json.dumps(tensor)[:-1]},"data":[{_numbers(values)}]}}]}}'
            parts = {"content": text.encode(), "headers": {"Content-Type": "application/json"}}
            return Question(parts, lambda reply: self._read(reply, name, len(batch)))
        wanted["parameters"] = {"binary_data": True}
        tensor["parameters"] = {"binary_data_size": values.nbytes}
        header = json.dumps({"id": name, "inputs": [tensor], "outputs": [wanted]}, separators=(",", ":")).encode()
        headers = {HEADER_LENGTH: str(len(header)), "Content-Type": "application/octet-stream"}
        parts = {"content": header + values.tobytes(), "headers": headers}
        return Question(parts, lambda reply: self._read(reply, name, len(batch)))

    def _read(self, reply: Reply, name: str, rows: int) -> NDArray[Any]:
        told, tail = split(reply)
        if told.get("id", name) not in (name, ""):
            raise Garbled(f"expected the answer to request {name}, got that to {told['id']!r:.40}")
        values = tensor_of(told, tail, self.output)
        if values.shape == (rows, 1):  # one label a sample, in a column
            values = values[:, 0]
        return values


def _numbers(values: NDArray[Any]) -> str:
    """The values as JSON has them, exact to the last bit, and as short as can be had quickly.

    Nine digits tell any two float32 apart, with room to spare for a service that reads them as float64 first.
    """
    form = "%.9g" if values.itemsize <= 4 else "%.17g"
    return ",".join(map(form.__mod__, values.ravel().tolist()))


def _metadata(line: Line, url: str) -> Mapping[str, Any]:
    reply = line.get(url)
    try:
        told = reply.json() if reply.status == 200 else None
    except Garbled:
        told = None
    if not isinstance(told, dict):
        raise InputError(
            f"GET {bare(url)}: expected the model's metadata, got status {reply.status}, "
            f"{line.secrets.quote(reply.body)}. Check the model's name, or state input and output."
        )
    return told


def _extensions(line: Line, url: str) -> list[Any]:
    """What the server says it can; nothing where it does not say (gateways often hide this page)."""
    reply = line.get(url)
    try:
        told = reply.json() if reply.status == 200 else {}
    except Garbled:
        return []
    found = told.get("extensions") if isinstance(told, dict) else None
    return found if isinstance(found, list) else []


def _port(told: Mapping[str, Any], key: str, name: str | None) -> _Port:
    ports = told.get(key)
    ports = [one for one in ports if isinstance(one, dict)] if isinstance(ports, list) else []
    names = [str(one.get("name")) for one in ports]
    if name is None and len(names) != 1:
        known = f" ({', '.join(names)})" if names else ""
        raise InputError(f"{key}: expected one in the model's metadata, got {len(names)}{known}. State {key[:-1]}.")
    if name is not None and name not in names:
        if names:
            raise InputError(f"{key[:-1]}: the model has {', '.join(names)}, got {name!r}.")
        return _Port(name, "FP32")
    port = ports[names.index(name) if name is not None else 0]
    shape = port.get("shape")
    whole = isinstance(shape, list) and all(type(axis) is int for axis in shape)
    return _Port(str(port.get("name")), str(port.get("datatype", "FP32")), tuple(shape) if whole and shape else ())


def _checked(entry: _Port) -> _Port:
    if entry.datatype not in INPUTS:
        raise InputError(
            f"input {entry.name!r}: expected FP32, FP64 or FP16, got {entry.datatype}. Ask it through a Hook that "
            "makes such values of the samples."
        )
    if entry.shape and (len(entry.shape) - 2 not in (0, *RANKS)):
        raise InputError(
            f"input {entry.name!r}: expected (n, c, *extent) with 1 to 3 axes in extent, or (n, features), "
            f"got {list(entry.shape)}. Ask it through a Hook."
        )
    if entry.shape and entry.shape[0] > 1:
        raise InputError(
            f"input {entry.name!r}: expected a free batch axis, or one of 1, got one fixed to {entry.shape[0]}. "
            "Serve the model with a dynamic batch axis."
        )
    return replace(entry)
