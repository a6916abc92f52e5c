"""Where P, QRS and T are in a lead: NeuroKit2's delineation as masks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.errors import InputError, MissingExtra

__all__ = ["WAVES", "Delineation", "delineate"]

WAVES = ("P", "QRS", "T")
EDGES = {"P": ("ECG_P_Onsets", "ECG_P_Offsets"), "QRS": ("ECG_R_Onsets", "ECG_R_Offsets"),
         "T": ("ECG_T_Onsets", "ECG_T_Offsets")}  # fmt: skip
QRS_S = 0.05
"""To either side of an R peak, where no end of its QRS is found."""
SHORTEST_S = 2.0
"""NeuroKit2 needs several beats."""


@final
@dataclass(frozen=True, eq=False)
class Delineation:
    """The waves of one lead."""

    r_peaks: Ints
    """(beats,) where each R is, in values."""
    waves: dict[str, NDArray[np.bool_]]
    """For P, QRS and T: (time,) where they are."""


def delineate(lead: Array | Floats, rate_hz: float) -> Delineation:
    """The waves of one lead, by the prominence of their peaks.

    A P or T that is not found is not in the masks; every R peak has a QRS, whose ends are looked for within 50 ms, so
    that of a broad one only the middle is marked.

    Args:
        lead: (time,) mV, at least 2 s.
        rate_hz: values a second.

    Raises:
        InputError: it is too short, or holds no beats that can be told.
        MissingExtra: neurokit2 is not installed.

    Source: Makowski et al. 2021, NeuroKit2, doi:10.3758/s13428-020-01516-y; method `prominence`, after
    Emrich et al. 2024 (EUSIPCO). Its wavelets gave QRS complexes of 160 to 230 ms on simulated and real normal beats.
    """
    lead = np.asarray(lead, np.float64)
    if lead.ndim != 1 or len(lead) < SHORTEST_S * rate_hz:
        raise InputError(
            f"lead: expected one row of at least {SHORTEST_S:g} s to tell its waves apart, got shape {lead.shape}, "
            f"{lead.shape[-1] / rate_hz:.2g} s. Give a strip rather than a beat."
        )
    peaks, found = _found(lead, rate_hz)
    waves = {wave: np.zeros(len(lead), bool) for wave in WAVES}
    nearest = round(QRS_S * rate_hz)
    for wave, (onsets, offsets) in EDGES.items():
        for peak, *ends in zip(peaks, found[onsets], found[offsets], strict=True):
            first, last = ends if np.isfinite(ends).all() else (peak - nearest, peak + nearest)
            if np.isfinite(ends).all() or wave == "QRS":
                waves[wave][max(int(first), 0) : int(last) + 1] = True
    for wave in ("P", "T"):
        waves[wave] &= ~waves["QRS"]
    return Delineation(peaks, waves)


def _found(lead: Floats, rate_hz: float) -> tuple[Ints, dict[str, Any]]:
    try:
        import neurokit2  # two seconds to import
    except ImportError as error:
        raise MissingExtra("telling the waves of an ECG apart", "ecg") from error
    rate, nothing = (
        round(rate_hz),
        InputError("lead: no beats are found in it that could be told apart: it is too noisy, too short or flat."),
    )
    if np.ptp(lead) == 0:
        raise nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clean = neurokit2.ecg_clean(lead, sampling_rate=rate)
            peaks = np.asarray(neurokit2.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"], np.int64)
            _, found = neurokit2.ecg_delineate(clean, peaks, sampling_rate=rate, method="prominence")
        except Exception as error:  # IndexError, ValueError, ZeroDivisionError ... where there are no or few beats
            raise nothing from error
    if len(peaks) < 2:
        raise nothing
    return peaks, found
