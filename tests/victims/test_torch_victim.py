import re
import sys
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from victim_models import SHAPES, batch_of, softmax

from brinkmap.errors import InputError, MissingExtra, VictimError
from brinkmap.victims import wrap


def module_of(shape, classes=4):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(int(np.prod(shape)), classes))


def direct(module, batch):
    with torch.no_grad():
        return torch.softmax(module.eval()(torch.from_numpy(batch)), dim=1).numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_module_answers_as_if_called_directly(shape):
    module, batch = module_of(shape), batch_of(shape)
    assert_allclose(wrap(module).predict(batch), direct(module, batch), atol=1e-6)


def test_a_module_is_put_in_evaluation_mode_for_each_query():
    module, batch = module_of((1, 4, 4)).train(), batch_of((1, 4, 4))
    victim = wrap(module)
    first = victim.predict(batch)
    module.train()
    assert_array_equal(victim.predict(batch), first)


def test_a_read_only_batch_raises_no_warning_in_torch():
    batch = batch_of((1, 4, 4))
    batch.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrap(module_of((1, 4, 4))).predict(batch).shape == (5, 4)


def test_a_module_in_double_precision_is_fed_doubles():
    module, batch = module_of((1, 4, 4)), batch_of((1, 4, 4))
    expected = direct(module, batch)
    assert_allclose(wrap(module.double()).predict(batch), expected, atol=1e-6)


def test_a_module_without_parameters_is_fed_floats():
    batch = batch_of((3, 4, 4))
    found = wrap(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()), device="cpu").predict(batch)
    assert_allclose(found, softmax(batch.mean(axis=(2, 3))), atol=1e-6)


def test_normalisation_of_a_module_happens_inside():
    module, batch = module_of((3, 6, 5)), batch_of((3, 6, 5))
    mean, std = np.float32([0.4, 0.5, 0.6]), np.float32([0.2, 0.3, 0.4])
    expected = direct(module, (batch - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1))
    assert_allclose(wrap(module, mean=mean, std=std).predict(batch), expected, atol=1e-6)


def test_a_module_that_answers_a_pair_is_named():
    class Pair(torch.nn.Module):
        def forward(self, batch):
            return batch, batch

    with pytest.raises(VictimError, match="one tensor, got tuple"):
        wrap(Pair()).predict(batch_of((1, 4, 4)))


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(InputError, match=f"device: cannot use '{device}'"):
        wrap(module_of((1, 4, 4)), device=device)


def test_missing_torch_names_the_extra(monkeypatch):
    module = module_of((1, 4, 4))
    monkeypatch.setitem(sys.modules, "torch", None)
    from brinkmap.victims.torch_adapter import torch_function

    with pytest.raises(MissingExtra, match=re.escape("a torch victim needs an optional dependency: pip install")):
        torch_function(module)
