import sys

import numpy as np
import pytest
from safetensors import safe_open

from brinkmap.data import digits_heldout
from brinkmap.errors import MissingExtra
from brinkmap.victims.digits import WEIGHTS, digits_cnn


def test_reads_the_held_out_digits_as_well_as_its_weights_say():
    x, y = digits_heldout()
    reached = float(np.mean(digits_cnn().predict(x).argmax(axis=1) == y))
    with safe_open(WEIGHTS, "np") as file:
        stated = file.metadata()
    assert reached >= 0.98
    assert f"{reached:.4f}" == stated["heldout_accuracy"]
    assert stated["script"] == "scripts/train_digits.py"


def test_says_what_it_takes_before_the_first_query():
    victim = digits_cnn()
    assert (victim.shape, victim.classes, victim.bounds, victim.name) == ((1, 8, 8), 10, (0.0, 1.0), "digits")


def test_its_weights_are_small_enough_to_ship():
    assert WEIGHTS.stat().st_size < 200_000


def test_missing_torch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="the digits victim needs an optional dependency"):
        digits_cnn()
