"""Which victim, and how its samples are to be read: the same flags wherever one is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from brinkmap.registry import is_registered
from brinkmap.victims import Victim, load_victim
from brinkmap.victims.huggingface_folder import checksum_of_folder

__all__ = ["VictimFlags", "source_of", "victim_of"]


@dataclass(frozen=True, kw_only=True)
class VictimFlags:
    """The classifier under test."""

    victim: str
    """model.onnx, a model.safetensors of `brinkmap harden`, http://host/v2/models/name, a victim.toml that says how a
    service is asked, a folder of Hugging Face's save_pretrained, a name from `brinkmap list`, path/to/file.py:factory
    or package.module:factory."""
    mean: tuple[float, ...] = ()
    """Per channel, subtracted before the victim sees a sample."""
    std: tuple[float, ...] = ()
    """Per channel, divided by."""
    bounds: tuple[float, float] | None = None
    """The valid range of the victim's samples; none given means what the victim says, else 0 1."""
    outputs: str | None = None
    """What the model answers: logits, probabilities or labels."""
    unit: str | None = None
    """The unit of a signal's values, such as mV."""
    rate_hz: float | None = None
    """A signal's sampling rate, which the ECG filters need."""


def victim_of(flags: VictimFlags) -> Victim:
    """The victim.

    Raises:
        BrinkmapError: there is none, or it cannot be loaded.
    """
    return load_victim(
        flags.victim,
        bounds=flags.bounds,
        mean=flags.mean or None,
        std=flags.std or None,
        outputs=cast("Any", flags.outputs),
        unit=flags.unit,
        rate_hz=flags.rate_hz,
    )


def source_of(flags: VictimFlags, data: str, checksum: str) -> dict[str, str]:
    """What results are of: the names as typed, and what the files hold."""
    source = {"victim": flags.victim, "data": data, "data_sha256": checksum}
    for name in ("mean", "std", "bounds", "outputs", "unit", "rate_hz"):
        if getattr(flags, name):
            source[name] = str(getattr(flags, name))
    path = Path(flags.victim.partition(":")[0])
    if path.is_dir() and not is_registered("victim", flags.victim):
        source["victim_sha256"] = checksum_of_folder(path)
    if path.is_file():
        source["victim_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return source
