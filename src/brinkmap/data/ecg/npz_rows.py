"""Recordings as the rows of one .npz file: x (n, c, time), and optionally y, rate_hz and unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from brinkmap.data.dataset import DataSet
from brinkmap.data.ecg.recording import Recording, pick_leads
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.units import to_millivolts
from brinkmap.errors import InputError

__all__ = ["recordings_of"]


def recordings_of(data: DataSet, path: Path, signals: Signals) -> Iterator[Recording]:
    """Each sample of a .npz file as a recording; leads have no names, only numbers.

    Raises:
        InputError: the samples are no signals, there is no such lead, or rate or unit is not known.
    """
    if len(data.shape) != 2:
        raise InputError(f"{path}: x: expected signals (n, c, time), got samples of {data.shape}. Leave signals out.")
    rate_hz = signals.file_rate_hz if data.rate_hz is None else data.rate_hz
    if rate_hz is None:
        raise InputError(
            f"{path}: sampling rate unknown. Save rate_hz beside x, or state it with Signals(file_rate_hz=360), "
            "or --file-rate-hz 360."
        )
    if signals.file_rate_hz not in (None, rate_hz):
        raise InputError(
            f"{path}: rate_hz is {rate_hz:g}, file_rate_hz says {signals.file_rate_hz:g}. Leave file_rate_hz out."
        )
    names = [str(number) for number in range(data.shape[0])]
    places = pick_leads(signals.leads, names, path)
    scale = to_millivolts(data.unit, signals.file_unit, names[places[0]], path)
    for index, sample in enumerate(data):
        yield Recording(
            name=data.names[index], source=path, leads=tuple(names[place] for place in places),
            values=sample[places].astype(np.float64) * scale, rate_hz=rate_hz,
            label=None if data.labels is None else int(data.labels[index]),
        )  # fmt: skip
