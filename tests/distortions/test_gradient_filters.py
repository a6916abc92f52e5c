"""FGSM and PGD as filters: the known answer on linear networks, and the surrogate left as it was."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import brinkmap
from brinkmap.distortions.gradient import GradientSign, fgsm, pgd
from brinkmap.errors import InputError, MissingExtra
from brinkmap.plan import make_grid
from brinkmap.testing import check_distortion

torch = pytest.importorskip("torch")

LEVELS = range(1, 6)
SHAPE = (1, 8, 8)
BOTH = pytest.mark.parametrize("make", [fgsm, pgd])


class Pooled(torch.nn.Module):
    """Works on any extent of three channels."""

    def __init__(self):
        super().__init__()
        self.mix, self.head = torch.nn.Linear(3, 6), torch.nn.Linear(6, 4)

    def forward(self, batch):
        return self.head(torch.tanh(4 * self.mix(batch.flatten(2).transpose(1, 2))).mean(1))


def linear(classes=2, shape=SHAPE, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(int(np.prod(shape)), classes))


def conv(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.Tanh(),
        torch.nn.Conv2d(8, 8, 3, stride=2),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.5),
        torch.nn.Flatten(),
        torch.nn.Linear(72, 5),
    )


def sample_of(shape=SHAPE, seed=0):
    sample = np.random.default_rng(seed).random(shape, dtype=np.float32)
    sample.flags.writeable = False
    return sample


def paint(one, sample, level=3, rng=None):
    return one.paint(sample, level, rng or np.random.default_rng(0), make_grid(None, sample.shape[1:]))


def logits_of(net, sample):
    with torch.no_grad():
        return net.eval()(torch.tensor(sample[None])).double()[0]


def loss(net, sample, clean):
    """Cross-entropy of the class that the network answers on the clean sample."""
    return -float(torch.log_softmax(logits_of(net, sample), 0)[logits_of(net, clean).argmax()])


def test_importing_it_leaves_torch_alone():
    code = "import sys, brinkmap.distortions.gradient; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@BOTH
def test_without_torch_the_extra_is_named(make, monkeypatch):
    net = linear()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"a gradient filter needs .* 'brinkmap\[torch\]'"):
        make(net)


@BOTH
def test_keeps_the_contract_at_every_rank(make):
    torch.manual_seed(0)
    one = make(Pooled())
    check_distortion(one)
    assert (one.name, one.levels, one.ranks, one.natural) == (make.__name__, 5, (1, 2, 3), False)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", LEVELS)
def test_fgsm_of_a_linear_network_is_the_sign_of_its_weights(seed, level):
    net, sample = linear(seed=seed), sample_of(seed=seed)
    own = int(logits_of(net, sample).argmax())
    weights = net[1].weight.detach().numpy()
    uphill = np.sign(weights[1 - own] - weights[own]).reshape(SHAPE)
    assert_allclose(paint(fgsm(net), sample, level), sample + uphill * 2 ** (level - 1) / 255, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_fgsm_ascends_cross_entropy_where_there_are_more_classes(seed):
    net, sample = linear(classes=6, seed=seed), sample_of(seed=seed)
    odds = torch.softmax(logits_of(net, sample), 0).numpy()
    odds[odds.argmax()] -= 1
    uphill = np.sign(odds @ net[1].weight.detach().double().numpy()).reshape(SHAPE)
    assert_array_equal(np.sign(paint(fgsm(net), sample) - sample), uphill)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-3.0, 5.0)])
@pytest.mark.parametrize("std", [None, (0.2, 4.0)])
def test_bounds_and_normalisation_reach_the_surrogate(bounds, std):
    class Quadratic(torch.nn.Module):
        """Its gradient is the input itself, so a wrong scale or offset turns signs."""

        def forward(self, batch):
            half = (batch**2).flatten(1).sum(1, keepdim=True) / 2
            return torch.cat([half, half * 0 - 1], 1)

    mean = None if std is None else (0.4, 1.5)
    sample = sample_of((2, 6, 5))
    given = bounds[0] + (bounds[1] - bounds[0]) * sample
    if std is not None:
        given = (given - np.reshape(mean, (2, 1, 1))) / np.reshape(std, (2, 1, 1))
    moved = paint(fgsm(Quadratic(), mean=mean, std=std, bounds=bounds), sample)
    assert_array_equal(np.sign(moved - sample), -np.sign(given))


@BOTH
@pytest.mark.parametrize("epsilon", [1 / 255, 0.002])
@pytest.mark.parametrize("level", LEVELS)
def test_no_value_moves_further_than_the_radius_and_some_as_far(make, epsilon, level):
    sample = 0.3 + 0.4 * sample_of()
    moved = np.abs(paint(make(conv(), epsilon=epsilon), sample, level) - sample)
    assert moved.max() == pytest.approx(epsilon * 2 ** (level - 1), abs=1e-6)
    if make is fgsm:
        assert moved.min() == pytest.approx(moved.max(), abs=1e-6)


@BOTH
def test_a_value_the_surrogate_does_not_read_stays(make):
    net, sample = linear(), sample_of()
    with torch.no_grad():
        net[1].weight[:, 5:20] = 0
    moved = paint(make(net), sample, 5).ravel()
    assert_array_equal(moved[5:20], sample.ravel()[5:20])
    assert (np.delete(moved, range(5, 20)) != np.delete(sample.ravel(), range(5, 20))).all()


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_rises_with_the_level_on_a_linear_network(make, seed):
    net, sample = linear(classes=4, seed=seed), sample_of(seed=seed)
    losses = [loss(net, sample, sample), *(loss(net, paint(make(net), sample, level), sample) for level in LEVELS)]
    assert losses == sorted(set(losses))


def test_a_surrogate_that_is_sure_still_says_where():
    """Its cross-entropy is 0 in float32, and so would its gradient be."""
    net, sample = linear(classes=3), sample_of()
    doubting = paint(fgsm(net), sample)
    with torch.no_grad():
        for weights in net[1].parameters():
            weights *= 1e5
    assert loss(net, sample, sample) == 0
    kept = paint(fgsm(net), sample)
    assert (kept != sample).all()
    assert np.mean(kept == doubting) > 0.6  # not all: a sure one sees the runner-up alone


@pytest.mark.parametrize("level", [3, 4, 5])
def test_pgd_ends_no_lower_than_fgsm_on_a_curved_network(level):
    higher = 0
    for seed in range(20):
        net, sample = conv(seed), sample_of(seed=seed)
        with torch.no_grad():
            net[0].weight *= 6  # curved within the radius
        one, many = (loss(net, np.clip(paint(make(net), sample, level), 0, 1), sample) for make in (fgsm, pgd))
        higher += many >= one
    assert higher >= 19


def test_pgd_of_one_step_is_fgsm():
    net, sample = conv(), sample_of()
    for level in LEVELS:
        assert_array_equal(paint(pgd(net, steps=1), sample, level), paint(fgsm(net), sample, level))


def test_pgd_asks_only_about_valid_samples_within_the_radius():
    class Watched(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.seen = conv(), []

        def forward(self, batch):
            self.seen.append(batch.detach().numpy()[0])
            return self.net(batch)

    net, sample = Watched(), sample_of()
    paint(pgd(net, steps=7), sample, 5)
    assert len(net.seen) == 1 + 7  # the clean answer, then a gradient a step
    assert np.min(net.seen) >= 0
    assert np.max(net.seen) <= 1
    assert np.abs(np.array(net.seen) - sample).max() <= 16 / 255 + 1e-6
    assert len({seen.tobytes() for seen in net.seen}) > 2


@BOTH
def test_the_surrogate_and_the_generators_are_left_as_they_were(make):
    net, sample, rng = conv().train(), sample_of(), np.random.default_rng(3)
    net[1].eval()
    modes = [module.training for module in net.modules()]
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    before, drawn, torch_drawn = sample.tobytes(), rng.bit_generator.state, torch.get_rng_state()
    paint(make(net), sample, 4, rng)
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert all(one.grad is None and one.requires_grad for one in net.parameters())
    assert sample.tobytes() == before
    assert rng.bit_generator.state == drawn
    assert torch.equal(torch.get_rng_state(), torch_drawn)
    assert torch.backends.cudnn.enabled


def test_the_surrogate_gets_its_mode_back_though_it_failed():
    class Fails(torch.nn.Module):
        def forward(self, batch):
            raise RuntimeError("no")

    net = Fails().train()
    with pytest.raises(RuntimeError, match="no"):
        paint(fgsm(net), sample_of())
    assert net.training
    assert torch.backends.cudnn.enabled


@BOTH
@pytest.mark.parametrize("level", LEVELS)
def test_paints_the_same_bits_twice_whatever_the_mode(make, level):
    net, sample = conv(), sample_of()
    first = paint(make(net.train()), sample, level)
    assert first.tobytes() == paint(make(net.eval()), sample.copy(), level).tobytes()
    with torch.no_grad():
        assert first.tobytes() == paint(make(net), sample, level).tobytes()
    with torch.inference_mode():
        assert first.tobytes() == paint(make(net), sample, level).tobytes()


def test_a_surrogate_in_double_precision_is_fed_doubles():
    net, sample = linear(), sample_of()
    expected = paint(fgsm(net), sample)
    painting = paint(fgsm(net.double()), sample)
    assert painting.dtype == np.float32
    assert_array_equal(painting, expected)


class Answers(torch.nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, batch):
        return self.answer(batch)


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (lambda batch: (batch, batch), "got tuple"),
        (lambda batch: batch.flatten(1).sum(1, keepdim=True), r"got torch\.Size\(\[1, 1\]\)"),
        (lambda batch: batch.flatten(), r"got torch\.Size\(\[64\]\)"),
    ],
)
def test_a_surrogate_that_answers_no_logits_is_named(answer, got):
    with pytest.raises(InputError, match=f"surrogate of 'fgsm': expected logits .*{got}"):
        paint(fgsm(Answers(answer)), sample_of())


@pytest.mark.parametrize("surrogate", [None, torch.nn.Linear, len], ids=repr)
def test_a_surrogate_that_is_no_module_is_named(surrogate):
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module that answers logits, got a "):
        fgsm(surrogate)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        ({"epsilon": 0}, "epsilon: expected a number above 0"),
        ({"epsilon": float("nan")}, "epsilon: expected a number above 0"),
        ({"bounds": (1, 0)}, "bounds: expected two finite numbers"),
        ({"mean": 0.5}, "mean was given without std"),
    ],
)
def test_numbers_that_cannot_work_are_named(stated, message):
    with pytest.raises(InputError, match=message):
        pgd(linear(), **stated)


def test_a_normalisation_of_other_channels_is_named():
    with pytest.raises(InputError, match="mean: expected 1 value or one for each of 1 channels, got 3"):
        paint(fgsm(linear(), mean=(0, 0, 0), std=(1, 1, 1)), sample_of())


def test_its_repr_is_a_line_without_the_network():
    assert repr(fgsm(linear())).startswith("GradientSign(name='fgsm', steps=1")
    assert isinstance(fgsm(linear()), GradientSign)


def attacked(net, distortions):
    samples = np.stack([sample_of(seed=seed) for seed in range(6)])
    run = brinkmap.Run(distortions=distortions, patch=4, budget=20)
    return sorted(brinkmap.attack(brinkmap.wrap(net, shape=SHAPE), samples, None, run), key=lambda one: one.index)


@BOTH
def test_an_attack_with_it_flips_a_network_within_the_budget(make):
    results = attacked(net := linear(), [make(net)])
    for result in results:
        assert result.error is None
        assert 1 < result.queries <= 20
        assert 0 < result.linf <= 16 / 255 + 1e-6
        assert set(result.where) <= {make.__name__}
        assert result.success == (result.after.argmax() != result.reference)
    assert sum(result.success for result in results) >= 3


def test_a_file_may_hold_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "from brinkmap.distortions.gradient import fgsm\n"
        "torch.manual_seed(0)\n"
        "network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))\n"
        "my_fgsm = fgsm(network)\n"
    )
    named = attacked(linear(), [f"{tmp_path / 'mine.py'}:my_fgsm"])
    made = attacked(net := linear(), [fgsm(net)])
    assert [(one.queries, one.l2) for one in named] == [(one.queries, one.l2) for one in made]
