"""EDF and EDF+ recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brinkmap.data.ecg.recording import Recording, pick_leads
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.ecg.units import to_millivolts
from brinkmap.errors import InputError, MissingExtra

__all__ = ["read_edf"]


def read_edf(path: Path, signals: Signals) -> Recording:
    """The chosen signals of an EDF file, calibrated as its header says. Its annotations are not read.

    Raises:
        InputError: it cannot be read or is not continuous, there is no such lead, its unit is no voltage, or the chosen
            leads differ in rate.
        MissingExtra: edfio is not installed.
    """
    try:
        import edfio
    except ImportError as error:
        raise MissingExtra(f"{path}: reading an EDF file", "ecg") from error
    try:
        recording = edfio.read_edf(path)
        continuous, labels = recording.is_continuous, recording.labels
    except Exception as error:  # edfio raises ValueError, IndexError, UnicodeDecodeError and more on broken files
        raise InputError(f"{path} cannot be read as EDF: {error or type(error).__name__}. Fetch it again.") from error
    if not continuous:
        raise InputError(f"{path}: a recording with breaks (EDF+D). Split it into continuous files first.")
    chosen = [recording.signals[place] for place in pick_leads(signals.leads, labels, path)]
    rates = {float(one.sampling_frequency) for one in chosen}
    if len(rates) > 1:
        listed = ", ".join(f"{one.label} {one.sampling_frequency:g} Hz" for one in chosen)
        raise InputError(f"{path}: expected leads of one sampling rate, got {listed}. Choose among those of one rate.")
    scales = [to_millivolts(one.physical_dimension, signals.file_unit, one.label, path) for one in chosen]
    try:
        rows = [one.data * scale for one, scale in zip(chosen, scales, strict=True)]
    except Exception as error:  # values are read only here
        raise InputError(f"{path} cannot be read as EDF: {error or type(error).__name__}. Fetch it again.") from error
    return Recording(
        name=path.stem, source=path, leads=tuple(one.label for one in chosen),
        values=np.stack(rows).astype(np.float64), rate_hz=rates.pop(),
    )  # fmt: skip
