"""The residual network: the same at every rank and after a trip to disk, with what its card says of signals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")

from brinkmap import InputError  # noqa: E402
from brinkmap.testing import check_victim  # noqa: E402
from brinkmap.victims import load_victim  # noqa: E402
from brinkmap.victims.networks import SmallResNet, save_classifier  # noqa: E402

SHAPES = {1: (2, 40), 2: (3, 16, 17), 3: (1, 8, 8, 9)}


@pytest.mark.parametrize("rank", SHAPES)
def test_what_is_saved_answers_as_before(tmp_path, rank):
    torch.manual_seed(0)
    net = SmallResNet(SHAPES[rank], 3, (4, 6), kernel=3).eval()
    path, scaled = tmp_path / "net.safetensors", np.random.default_rng(0).random((4, *SHAPES[rank]), dtype=np.float32)
    save_classifier(net, path, (-2.0, 2.0), rate_hz=250.0, unit="mV", class_names=["a", "b", "c"])
    victim = load_victim(str(path))
    told = (victim.shape, victim.classes, victim.bounds, victim.rate_hz, victim.unit, victim.class_names)
    assert told == (SHAPES[rank], 3, (-2.0, 2.0), 250.0, "mV", ("a", "b", "c"))
    with torch.inference_mode():
        wanted = net(torch.from_numpy(scaled)).softmax(1).numpy()
    assert_allclose(victim.predict(4 * scaled - 2), wanted, atol=1e-5)
    check_victim(victim, (4 * scaled - 2).astype(np.float32))


def test_a_card_of_another_network_is_refused(tmp_path):
    net = SmallResNet((1, 16), 2, (4,), kernel=3)
    net.architecture = "transformer"
    save_classifier(net, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match="a transformer, which only a newer Brinkmap knows"):
        load_victim(str(tmp_path / "net.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((1, 7), 2, (4, 4, 4, 4), 3), "4 widths and a stride of 1 need at least 8 values an axis, got \\[7\\]"),
        (((1, 64), 2, (4,), 4), "odd kernel, got 4"),
    ],
)
def test_what_cannot_work_is_said_at_once(arguments, said):
    with pytest.raises(InputError, match=said):
        SmallResNet(*arguments)
