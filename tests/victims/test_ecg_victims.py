"""The shipped ECG victims: small, in millivolts, and as good on strips they have not seen as was written down."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from brinkmap.data import ecg_rhythms
from brinkmap.errors import MissingExtra
from brinkmap.victims import ecg, load_victim

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "ecg"
SHAPES = {"ecg-rhythms": (1, 3000), "mitbih-beats": (1, 576), "mitbih-strips": (1, 3600)}


@pytest.mark.parametrize("name", SHAPES)
def test_says_what_it_takes_and_is_small(name):
    pytest.importorskip("torch")
    victim = load_victim(name)
    assert (victim.shape, victim.unit, victim.name) == (SHAPES[name], "mV", name)
    assert victim.rate_hz == (300.0 if name == "ecg-rhythms" else 360.0)
    assert len(victim.class_names) == victim.classes
    assert ecg.SHIPPED[name].stat().st_size < 400_000


def test_reads_unseen_rhythms_as_well_as_was_written_down():
    pytest.importorskip("torch")
    data = ecg_rhythms("heldout", 400)
    victim = load_victim("ecg-rhythms")
    answers = victim.predict(data.stacked(victim.bounds)).argmax(axis=1)
    stated = json.loads((RESULTS / "victim-ecg-rhythms.json").read_text())["accuracy"]
    assert np.mean(answers == data.labels) == pytest.approx(stated, abs=0.01)
    assert victim.class_names == data.class_names


def test_missing_torch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("brinkmap.victims.networks", "brinkmap.victims.resnet"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(MissingExtra, match="the victim ecg-rhythms needs an optional dependency"):
        ecg.ecg_rhythms_resnet()
