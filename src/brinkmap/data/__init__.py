"""Samples and labels from files, the digits that come with Brinkmap, and sets whose labels have a known cause."""

from brinkmap.data.dataset import DataSet
from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.data.ecg.rhythms import ecg_rhythms
from brinkmap.data.known_beats import abnormal_beats
from brinkmap.data.known_cause import KnownCause
from brinkmap.data.known_digits import digits_on_textures
from brinkmap.data.known_motion import moving_digits
from brinkmap.data.load import load_data

__all__ = [
    "DataSet",
    "KnownCause",
    "abnormal_beats",
    "digits_heldout",
    "digits_on_textures",
    "digits_train",
    "ecg_rhythms",
    "load_data",
    "moving_digits",
]
