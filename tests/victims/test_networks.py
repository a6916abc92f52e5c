"""Small classifiers of our own: the same at every rank, and the same after a trip to disk."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")

from brinkmap import InputError  # noqa: E402
from brinkmap.testing import check_victim  # noqa: E402
from brinkmap.victims import load_victim  # noqa: E402
from brinkmap.victims.networks import SmallVGG, load_classifier, save_classifier  # noqa: E402

SHAPES = {1: (2, 24), 2: (3, 9, 8), 3: (1, 4, 6, 5)}


def net_for(shape, **settings):
    torch.manual_seed(0)
    return SmallVGG(shape, 4, (4, 8), 16, **settings).eval()


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-3.0, 5.0)], ids=str)
@pytest.mark.parametrize("rank", SHAPES)
def test_what_is_saved_answers_as_before(tmp_path, rank, bounds):
    net, path = net_for(SHAPES[rank]), tmp_path / "model.safetensors"
    save_classifier(net, path, bounds, figures={"test": 0.5})
    victim = load_victim(str(path))
    assert (victim.shape, victim.classes, victim.bounds) == (SHAPES[rank], 4, bounds)
    scaled = np.random.default_rng(0).uniform(size=(5, *SHAPES[rank])).astype(np.float32)
    low, high = bounds
    with torch.inference_mode():
        wanted = net(torch.from_numpy(scaled)).softmax(1).numpy()
    assert_allclose(victim.predict((low + (high - low) * scaled).astype(np.float32)), wanted, atol=1e-5)
    samples = np.random.default_rng(1).uniform(low, high, (8, *SHAPES[rank])).astype(np.float32)
    check_victim(victim, samples)


def test_a_layer_norm_bounds_the_logits_and_without_it_they_are_free():
    samples = torch.rand(6, 3, 9, 8)
    with torch.inference_mode():
        normed, free = (net_for(SHAPES[2], layer_norm=on)(samples) for on in (True, False))
    assert_allclose(normed.mean(dim=1).numpy(), 0, atol=1e-5)
    assert_allclose(normed.std(dim=1, correction=0).numpy(), 1, atol=0.02)
    assert float(free.std(dim=1, correction=0).std()) > 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SmallVGG((1, 3, 8), 10, (4, 8)), r"2 pairs halve an axis to nothing below 4 values, got \[3, 8\]"),
        (lambda: SmallVGG((1, 8, 8), 2), "2 logits after a layer norm are always"),
        (lambda: load_classifier("nowhere.safetensors"), "cannot be read"),
    ],
)
def test_what_cannot_work_is_said_at_once(make, said):
    with pytest.raises(InputError, match=said):
        make()
