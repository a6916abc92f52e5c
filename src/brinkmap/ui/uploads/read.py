"""From uploaded files to one sample for one victim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brinkmap.arrays import Array, as_samples, check_bounds, check_sample
from brinkmap.errors import InputError
from brinkmap.ui.catalogue import Offer
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads.clips import read_clip
from brinkmap.ui.uploads.kinds import File, kind_of
from brinkmap.ui.uploads.pictures import FORMATS, read_picture
from brinkmap.ui.uploads.signals import Reading, Wanted, read_recording, sample_of_recording, stored_recording
from brinkmap.ui.uploads.stored import read_stored

__all__ = ["Sampled", "read_upload"]

RECORDINGS = ("csv", "edf", "hea")


@dataclass(frozen=True, eq=False)
class Sampled:
    """A sample made of an upload."""

    name: str
    sample: Array
    """(c, *extent) float32 within the victim's bounds."""
    notes: tuple[str, ...]
    """What was done to get it, one line each."""


def read_upload(files: Sequence[tuple[str, bytes]], reading: Reading, offer: Offer, limits: Limits) -> Sampled:
    """One sample for a victim.

    Args:
        files: name and content; several only for a WFDB record.
        reading: what is said of them.
        offer: the victim.
        limits: how much is read.

    Raises:
        InputError: they are of no kind that is read, too large, broken, or nothing for this victim.
        MissingExtra: the library that reads them is not installed.
    """
    assert offer.victim is not None
    given = [File(_plain(name), content) for name, content in files]
    if not given or not all(file.content for file in given):
        raise InputError("expected a file, got an empty one. Choose another.")
    wanted = Wanted(
        offer.shape, check_bounds(offer.victim.bounds), getattr(offer.victim, "rate_hz", None), offer.millivolts
    )
    main = next((file for file in given if file.suffix == ".hea"), given[0])
    if main.suffix == ".dat":
        raise InputError(f"{main.name}: choose its header (.hea) together with it.")
    if len(given) > 1 and main.suffix != ".hea":
        raise InputError(f"expected one file, or a .hea with its .dat, got {len(given)} files.")
    sample, notes = _read(main, given, reading, wanted, limits)
    if sample.size > limits.values:
        raise InputError(f"{main.name}: {sample.size:,} values, and a sample may have {limits.values:,} here.")
    check_sample(sample, wanted.shape or sample.shape, wanted.bounds)
    return Sampled(main.name, sample, tuple(notes))


def _read(
    main: File, given: Sequence[File], reading: Reading, wanted: Wanted, limits: Limits
) -> tuple[Array, list[str]]:
    kind = kind_of(main)
    if kind == "npz":
        return _stored(main, reading, wanted, limits)
    if kind in RECORDINGS:
        _check_takes_signals(main, wanted)
        recording = read_recording(given, kind, reading, wanted, limits)
        return sample_of_recording(recording, reading, wanted)
    if kind in FORMATS and not (kind == "gif" and wanted.shape is not None and len(wanted.shape) == 4):
        return read_picture(main, kind, wanted.shape, wanted.bounds, limits)
    return read_clip(main, kind, wanted.shape, wanted.bounds, limits)


def _check_takes_signals(file: File, wanted: Wanted) -> None:
    if wanted.shape is not None and len(wanted.shape) != 2:
        raise InputError(f"{file.name}: a recording, and this victim takes no signals. Choose another victim.")


def _stored(file: File, reading: Reading, wanted: Wanted, limits: Limits) -> tuple[Array, list[str]]:
    """A row of x: as a recording, where the file says its unit, and as it is where not."""
    arrays = read_stored(file, limits)
    x = arrays["x"]
    row, notes = _row(file, x, reading.index, wanted)
    unit = str(arrays["unit"]) if arrays.get("unit") is not None and arrays["unit"].ndim == 0 else ""
    if unit and wanted.shape is not None and len(wanted.shape) == 2:
        rate_hz = float(arrays["rate_hz"]) if "rate_hz" in arrays and arrays["rate_hz"].size == 1 else reading.rate_hz
        if rate_hz is None:
            raise InputError(f"{file.name}: sampling rate unknown. Save rate_hz beside x, or state it.")
        recording = stored_recording(file, row, rate_hz, unit, reading, wanted.shape[0])
        sample, more = sample_of_recording(recording, reading, wanted)
        return sample, notes + more
    if wanted.shape is not None and row.shape != wanted.shape:
        raise InputError(
            f"{file.name}: x: expected samples of shape {wanted.shape} as the victim takes them, got {row.shape}."
        )
    return row, notes


def _row(file: File, x: np.ndarray, index: int, wanted: Wanted) -> tuple[Array, list[str]]:
    """(c, *extent) float32: x itself if it is one sample of the victim's shape, or one of its rows."""
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise InputError(f"{file.name}: x: expected floats or uint8, got {x.dtype}. Convert it first.")
    if x.shape == wanted.shape and x.dtype != np.uint8:
        return np.ascontiguousarray(x, np.float32), []
    if x.ndim - 2 not in (1, 2, 3):
        raise InputError(f"{file.name}: x: expected (n, c, *extent), got shape {x.shape}.")
    if not 0 <= index < len(x):
        raise InputError(f"{file.name}: expected a sample from 0 to {len(x) - 1}, got {index}.")
    row = as_samples(x[index : index + 1], wanted.bounds)[0]
    return row, [f"sample {index} of {len(x)}"] if len(x) > 1 else []


def _plain(name: str) -> str:
    """A file's name without folders and control characters, of a bearable length."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[-100:] or "unnamed"
