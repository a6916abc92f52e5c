import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from victim_models import batch_of, linear, write_onnx

from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims import Victim, load_victim

FACTORIES = """
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from brinkmap.errors import MissingExtra
from brinkmap.victims import wrap

def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))

def half(batch):
    return np.full((len(batch), 2), 0.5)

def victim():
    return wrap(half, shape=(1, 4, 4), classes=2)

def pair():
    return net(), (1, 4, 4)

def triple():
    return net(), (1, 4, 4), 3

def described():
    module = net()
    module.shape, module.classes, module.bounds = (1, 4, 4), 3, (-1.0, 1.0)
    module.mean, module.std, module.outputs = 0.5, 0.25, "logits"
    return module

def normalises_itself():
    module = net()
    module.register_buffer("mean", torch.zeros(1))
    return module

def estimator():
    return LogisticRegression().fit(np.eye(16), np.arange(16) % 2)

def function():
    def answers(batch):
        return half(batch)
    answers.shape = (1, 4, 4)
    return answers

def breaks():
    raise KeyError("weights")

def needs_an_argument(path):
    return net()

def nothing():
    return None

def lacks_a_library():
    raise MissingExtra("this victim", "torch")

class Made:
    shape, classes, bounds = (1, 4, 4), 2, (0.0, 1.0)
    def predict(self, batch):
        return half(batch)

def itself(batch):
    return half(batch)

itself.shape = (1, 4, 4)
ready = victim()
number = 5
"""


@pytest.fixture
def factories(tmp_path):
    path = tmp_path / "factories.py"
    path.write_text(FACTORIES)
    return path


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("victim", (1, 4, 4), 2),
        ("pair", (1, 4, 4), 3),
        ("described", (1, 4, 4), 3),
        ("net", (1, 4, 4), 3),
        ("estimator", (1, 4, 4), 2),
        ("function", (1, 4, 4), 2),
        ("Made", (1, 4, 4), 2),
        ("itself", (1, 4, 4), 2),
        ("ready", (1, 4, 4), 2),
    ],
)
def test_a_reference_becomes_a_victim(factories, name, shape, classes):
    victim = load_victim(f"{factories}:{name}")
    answer = victim.predict(batch_of((1, 4, 4)))
    assert isinstance(victim, Victim)
    assert (victim.shape, victim.classes, answer.shape) == (shape, classes, (5, classes))


def test_what_a_module_says_of_itself_is_used(factories):
    victim = load_victim(f"{factories}:described")
    assert (victim.bounds, victim.mean, victim.std, victim.outputs) == ((-1.0, 1.0), 0.5, 0.25, "logits")


def test_what_is_stated_goes_before_what_a_module_says_of_itself(factories):
    victim = load_victim(f"{factories}:described", bounds=(0, 2), mean=0.1, std=0.2, outputs="logits")
    assert (victim.bounds, victim.mean, victim.std) == ((0.0, 2.0), 0.1, 0.2)


def test_a_package_reference_is_resolved(factories, monkeypatch):
    monkeypatch.syspath_prepend(factories.parent)
    monkeypatch.delitem(sys.modules, "factories", raising=False)
    assert load_victim("factories:victim").classes == 2


def test_an_onnx_file_is_loaded_with_its_normalisation(tmp_path):
    path = write_onnx(tmp_path / "m.onnx", (1, 4, 4), linear((1, 4, 4)))
    victim = load_victim(str(path), mean=0.5, std=0.25)
    batch = batch_of((1, 4, 4))
    assert_array_equal(victim.predict(batch), load_victim(str(path), bounds=(-9, 9)).predict((batch - 0.5) / 0.25))


def test_the_registered_digits_are_loaded():
    assert load_victim("digits").shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("triple", "expected a pair (module, shape), got 3 values"),
        ("normalises_itself", "keeps mean as a tensor, so forward() may apply it already"),
        ("breaks", "KeyError: 'weights'"),
        ("needs_an_argument", "TypeError: needs_an_argument() missing 1 required positional argument"),
        ("nothing", "got a NoneType"),
        ("number", "got a int"),
        ("absent", "has no 'absent'"),
    ],
)
def test_a_reference_that_fails_is_named(factories, name, message):
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        load_victim(f"{factories}:{name}")
    assert f"factories.py:{name}" in str(raised.value)


def test_a_missing_library_stays_what_it_is(factories):
    with pytest.raises(MissingExtra, match=re.escape("brinkmap[torch]")):
        load_victim(f"{factories}:lacks_a_library")


def test_a_victim_keeps_its_own_settings(factories):
    with pytest.raises(InputError, match="keeps its own settings, got mean, std"):
        load_victim(f"{factories}:victim", mean=0.5, std=0.5)


def test_an_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(InputError, match=r"unknown victim 'nobody'\. Known: .*digits"):
        load_victim("nobody")


def test_answers_do_not_depend_on_the_route(factories):
    batch = batch_of((1, 4, 4))
    routes = [load_victim(f"{factories}:{name}").predict(batch) for name in ("net", "pair")]
    assert_array_equal(routes[0], routes[1])
    assert np.ptp(routes[0]) > 0
