"""Samples and labels from files, and the digits that come with Brinkmap."""

from brinkmap.data.dataset import DataSet
from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.data.load import load_data

__all__ = ["DataSet", "digits_heldout", "digits_train", "load_data"]
