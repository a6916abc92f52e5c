"""ECG recordings as samples: WFDB, EDF, CSV and NPZ; leads, windows, rates, gaps, beats and their classes."""

from brinkmap.data.ecg.aami import AAMI, AAMI_OF, DS1, DS2, SEVERITY, aami_labels, most_severe
from brinkmap.data.ecg.bounds import MITBIH_BOUNDS_MV, clipped
from brinkmap.data.ecg.cuts import Beats, Strips, Windows
from brinkmap.data.ecg.load import load_recordings, load_records, read_record
from brinkmap.data.ecg.mitbih import load_mitbih, missing_records
from brinkmap.data.ecg.recording import Annotations, Recording
from brinkmap.data.ecg.signals import Signals

__all__ = [
    "AAMI",
    "AAMI_OF",
    "DS1",
    "DS2",
    "MITBIH_BOUNDS_MV",
    "SEVERITY",
    "Annotations",
    "Beats",
    "Recording",
    "Signals",
    "Strips",
    "Windows",
    "aami_labels",
    "clipped",
    "load_mitbih",
    "load_recordings",
    "load_records",
    "missing_records",
    "most_severe",
    "read_record",
]
