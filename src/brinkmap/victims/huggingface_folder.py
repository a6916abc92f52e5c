"""What lies in a folder of `save_pretrained`, looked at before anything is loaded: plain JSON and safetensors only."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

from brinkmap.errors import InputError

__all__ = ["ModelFolder", "checksum_of_folder"]

CONFIG = "config.json"
SCALING = "preprocessor_config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
"""What a part of the weights may be called: nothing that leads out of the folder."""
DEEP = re.compile(r"layers|depth|blocks|stages")
"""Settings that count layers, each of which has a tensor at least."""
MOST_BYTES = 2**24
"""JSON beyond this is no configuration."""


@final
@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds a model; every member says in one line what is wrong with it."""

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json.

        Raises:
            InputError: there is none, or it needs what is never loaded: adapters, quantised weights.
        """
        if not (self.path / CONFIG).is_file():
            raise InputError(
                f"victim {str(self.path)!r}: no {CONFIG} in it, so it is no Hugging Face model. "
                "Save one there with model.save_pretrained(folder)."
            )
        if (self.path / "adapter_config.json").exists():
            raise InputError(
                f"victim {str(self.path)!r}: an adapter, not a whole model. Merge it into its base model first."
            )
        config = self._json(CONFIG)
        if "quantization_config" in config:
            raise InputError(f"victim {str(self.path)!r}: quantised weights. Save the model in float32, or as ONNX.")
        return config

    @cached_property
    def scaling(self) -> dict[str, Any] | None:
        """preprocessor_config.json, or None where there is none.

        Raises:
            InputError: it cannot be read.
        """
        return self._json(SCALING) if (self.path / SCALING).is_file() else None

    @cached_property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor in the weights, from their headers: nothing is loaded.

        Raises:
            InputError: there are none, they are pickled, or cannot be read.
        """
        from safetensors import SafetensorError, safe_open

        shapes: dict[str, tuple[int, ...]] = {}
        for file in self._files():
            try:
                with safe_open(str(file), "pt") as held:
                    for name in held.keys():  # noqa: SIM118 - safetensors has no iterator
                        shapes[name] = tuple(held.get_slice(name).get_shape())
            except (OSError, SafetensorError, ValueError) as error:
                raise InputError(f"victim {str(self.path)!r}: {file.name} cannot be read: {error}.") from error
        return shapes

    def check_depth(self) -> None:
        """That the configuration asks for no more layers than there are tensors: building a billion takes for ever.

        Raises:
            InputError: it does.
        """
        for name, value in self.config.items():
            counts = value if isinstance(value, list) else [value]
            asked = sum(one for one in counts if isinstance(one, int)) if DEEP.search(name) else 0
            if asked > len(self.tensors):
                raise InputError(
                    f"victim {str(self.path)!r}: {CONFIG} asks for {name}={value}, and the weights have "
                    f"{len(self.tensors)} tensors. They do not belong together; save the model again."
                )

    def check_tensors(self, wanted: dict[str, tuple[int, ...]]) -> None:
        """That the weights have every tensor in the shape in which the model wants it.

        Raises:
            InputError: one is missing or of another shape; the message names the first.
        """
        for name, shape in wanted.items():
            if name in self.tensors and math.prod(self.tensors[name]) != math.prod(shape):
                raise InputError(
                    f"victim {str(self.path)!r}: {name}: {CONFIG} says {shape}, the weights have "
                    f"{self.tensors[name]}. They do not belong together; save the model again."
                )

    def _files(self) -> list[Path]:
        if (self.path / WEIGHTS).is_file():
            return [self.path / WEIGHTS]
        if (self.path / INDEX).is_file():
            places = self._json(INDEX).get("weight_map")
            names = sorted(set(places.values())) if isinstance(places, dict) else []
            for name in names:
                if not (isinstance(name, str) and PLAIN.fullmatch(name)):
                    raise InputError(
                        f"victim {str(self.path)!r}: {INDEX} names the file {name!r}, which is not beside it. "
                        "Do not use this model."
                    )
            if names:
                return [self.path / name for name in names]
        pickled = sorted(one.name for one in self.path.iterdir() if one.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        if pickled:
            raise InputError(
                f"victim {str(self.path)!r}: its weights are pickled ({pickled[0]}), which can run code and are never "
                "loaded. Save them again with model.save_pretrained(folder, safe_serialization=True)."
            )
        raise InputError(f"victim {str(self.path)!r}: no {WEIGHTS} in it. Save it with model.save_pretrained(folder).")

    def _json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"{path.stat().st_size:,} bytes are no configuration")
            told = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(told, dict):
                raise ValueError(f"expected an object, got {type(told).__name__}")
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"victim {str(self.path)!r}: {name} cannot be read: {error}.") from error
        return told


def checksum_of_folder(path: Path) -> str:
    """SHA-256 over the configuration and the weights of a model's folder, in hexadecimal."""
    total = hashlib.sha256()
    for file in sorted([*path.glob("*.json"), *path.glob("*.safetensors")]):
        with open(file, "rb") as held:
            total.update(f"{file.name} {hashlib.file_digest(held, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
