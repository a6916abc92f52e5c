"""A network whose gradients are masked on purpose is told from the same network without the mask."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.harden import FGSM, Labelled, Modern, Recipe, auto_attack, fit, masking_signs  # noqa: E402
from brinkmap.harden.strength import STAGES  # noqa: E402
from brinkmap.victims.networks import SmallVGG  # noqa: E402

EPSILON = 0.2


def stripes(count=120, seed=0, classes=2):
    """Pictures that are brighter the higher the class, which a small change hides."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    shades = 0.35 + 0.3 * labels / (classes - 1)
    samples = rng.normal(0, 0.03, (count, 1, 8, 8)) + shades[:, None, None, None]
    return Labelled(np.clip(samples, 0, 1).astype(np.float32), labels.astype(np.int64))


class Stairs(torch.nn.Module):
    """The same answers, but the samples are rounded first, so that every gradient is nothing."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, samples):
        return self.net((samples * 64).round() / 64)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    data = stripes()
    net = SmallVGG((1, 8, 8), 2, (4, 8), 16, layer_norm=False)
    return fit(net, data, data, Recipe(optimiser=Modern(0.01), epochs=8, judge=FGSM(0.05))).net


def test_a_mask_is_seen_by_attacks_that_need_no_gradient(trained):
    few = stripes(40, seed=1)
    open_, masked = (
        masking_signs(net, few, EPSILON, {"twin": trained}, budget=100) for net in (trained, Stairs(trained))
    )
    assert open_.natural == masked.natural == 1
    assert masked.vanished == 1
    assert masked.white_box["PGD"] > 0.9
    assert masked.missed > 0.5
    assert masked.masked
    assert open_.white_box["PGD"] < 0.1
    assert open_.vanished == 0
    assert not open_.masked


def test_what_black_boxes_ask_is_counted(trained):
    signs = masking_signs(trained, stripes(10, seed=2), 0.02, {}, budget=30)
    assert signs.queries == 2 * 10 * 30
    assert signs.missed == 0


@pytest.mark.slow
def test_autoattack_only_takes_away(trained):
    pytest.importorskip("pyautoattack")
    torch.manual_seed(0)
    data = stripes(200, classes=10)
    net = fit(SmallVGG((1, 8, 8), 10, (4, 8), 16), data, data, Recipe(optimiser=Modern(0.01), epochs=25)).net
    with torch.inference_mode():
        read = net(torch.from_numpy(data.samples)).argmax(dim=1).numpy() == data.labels
    few = Labelled(data.samples[read][:6], data.labels[read][:6])
    left = auto_attack(net, few, 0.05)
    assert list(left) == ["natural", *STAGES]
    assert left["natural"] == 1
    shares = list(left.values())
    assert shares == sorted(shares, reverse=True)
    assert auto_attack(net, few, 0.05) == left
    assert shares[-1] < shares[0]
