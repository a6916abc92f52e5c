"""Trainings by rewards and by labels: gradients that are known, resumption to the bit, and what is picked."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")

from brinkmap import InputError  # noqa: E402
from brinkmap.harden import (  # noqa: E402
    FGSM,
    PGD,
    Balanced,
    Constant,
    CrossEntropy,
    ExpectedReward,
    Labelled,
    MeanReward,
    Modern,
    NoBaseline,
    PolicyGradient,
    Published,
    Recipe,
    Repeated,
    accuracy,
    fit,
    policy_gradient,
    split,
)

SCHEDULES = [Constant(), Repeated(), Balanced((1.0, 3.0, 0.5))]
OBJECTIVES = [CrossEntropy(), PolicyGradient(baseline=ExpectedReward())]
BASELINES = [NoBaseline(), MeanReward(), ExpectedReward()]


def clouds(count=240, seed=0, rank=1):
    """Three classes, each bright in a place of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    samples = rng.uniform(0.2, 0.4, (count, 1, *[6] * rank)).astype(np.float32)
    for row, label in enumerate(labels):
        samples[(row, 0, *([slice(2 * label, 2 * label + 2)] * rank))] += 0.4
    return Labelled(samples, labels.astype(np.int64))


def network(classes=3, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.LazyLinear(16), torch.nn.ReLU(), torch.nn.Linear(16, classes)
    )


def made(data):
    net = network()
    net(data.tensors()[0][:1])  # the lazy layer learns its width
    return net


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda one: type(one).__name__)
def test_a_bandit_is_solved(baseline):
    """One state, four arms, of which the third pays: the optimum is known, p = 1 for it."""
    data = Labelled(np.full((64, 1, 2), 0.5, np.float32), np.full(64, 2, np.int64))
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 4))
    recipe = Recipe(optimiser=Modern(0.1), epochs=30, batch=16, judge=FGSM(0.01))
    net.load_state_dict(policy_gradient(net, data, data, recipe, baseline=baseline).last)
    with torch.inference_mode():
        assert net(data.tensors()[0][:1]).softmax(1)[0, 2] > 0.95


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("rewards", SCHEDULES, ids=lambda one: type(one).__name__)
def test_the_gradient_is_that_of_the_expected_reward_whatever_is_taken_off(baseline, rewards):
    """d/dz of sum_a p_a R_a, written out by hand, against the mean over a hundred thousand drawn answers."""
    logits = torch.tensor([[0.3, -0.2, 0.5]])
    n, label = 100_000, 1
    labels, mistakes = torch.full((n,), label), torch.full((n,), 2)
    given = logits.repeat(n, 1).requires_grad_()
    outcome = PolicyGradient(rewards, baseline)(given, labels, mistakes, torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(outcome.loss, given)
    chances = logits[0].softmax(0).numpy()
    if_right, if_wrong = (
        rewards(torch.tensor([right]), torch.tensor([label]), torch.tensor([2])).item() for right in (True, False)
    )
    worth = np.where(np.arange(3) == label, if_right, if_wrong)
    wanted = -chances * (worth - chances @ worth)
    assert_allclose(gradient.sum(0).numpy(), wanted, atol=0.015)


def test_an_expected_baseline_steadies_the_gradient_while_answers_are_guesses():
    logits = torch.zeros(4000, 10)
    spread = {}
    for baseline in (NoBaseline(), ExpectedReward()):
        given = logits.clone().requires_grad_()
        loss = PolicyGradient(baseline=baseline)(
            given, torch.full((4000,), 2), torch.zeros(4000, dtype=torch.int64), torch.Generator().manual_seed(1)
        ).loss
        (gradient,) = torch.autograd.grad(loss, given)
        spread[type(baseline).__name__] = float((4000 * gradient).var(dim=0).sum())
    assert spread["ExpectedReward"] < 0.5 * spread["NoBaseline"]


def test_rewards_say_what_they_promise():
    right, labels, mistakes = torch.tensor([True, False, False]), torch.tensor([0, 0, 1]), torch.tensor([3, 0, 9])
    assert Constant()(right, labels, mistakes).tolist() == [1, -1, -1]
    assert Repeated(0.5, 4)(right, labels, mistakes).tolist() == [1, -1, -3]
    balanced = Balanced.of([0, 0, 0, 1], 2)
    assert balanced.weights == pytest.approx((2 / 3, 2.0))
    assert balanced(right, labels, mistakes).tolist() == pytest.approx([2 / 3, -2 / 3, -2])


def test_mistakes_in_a_row_are_counted_for_each_sample():
    seen = []

    class Watches:
        def __call__(self, right, labels, mistakes):
            seen.append(mistakes.clone())
            return torch.where(right, 0.0, 0.0)  # nothing is learned

    data = Labelled(np.zeros((1, 1, 2), np.float32), np.zeros(1, np.int64))
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 2))
    with torch.no_grad():
        net[1].bias.copy_(torch.tensor([-50.0, 50.0]))  # always wrong
    fit(net, data, data, Recipe(objective=PolicyGradient(Watches()), epochs=4, judge=FGSM(0.1)))
    assert [int(one) for one in seen if one.shape == (1,)][::3] == [0, 1, 2, 3]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
def test_three_clouds_are_told_apart_at_every_rank(objective, rank):
    data, held = clouds(rank=rank), clouds(seed=1, rank=rank)
    net = made(data)
    fitted = fit(net, data, held, Recipe(objective=objective, optimiser=Modern(0.01), epochs=25, judge=FGSM(0.02)))
    assert accuracy(fitted.net, held) > 0.97


@pytest.mark.parametrize("optimiser", [Modern(0.01), Published(1e-3)], ids=lambda one: type(one).__name__)
def test_a_training_taken_up_again_ends_in_the_same_bits(tmp_path, optimiser):
    data, held = clouds(), clouds(seed=1)
    recipe = Recipe(
        objective=PolicyGradient(Repeated()), adversary=PGD(0.05), judge=FGSM(0.05), optimiser=optimiser, epochs=6,
        check_every=2,
    )  # fmt: skip
    whole = fit(made(data), data, held, recipe)

    class Stop(Exception):
        pass

    def stop(one):
        if one.epoch == 4:
            raise Stop

    with pytest.raises(Stop):
        fit(made(data), data, held, recipe, folder=tmp_path, watch=stop)
    again = fit(made(data), data, held, recipe, folder=tmp_path)
    assert [dataclasses.replace(one, seconds=0) for one in again.history] == [
        dataclasses.replace(one, seconds=0) for one in whole.history
    ]
    for name, values in whole.last.items():
        assert torch.equal(values, again.last[name]), name
    for name, values in whole.net.state_dict().items():
        assert torch.equal(values, again.net.state_dict()[name]), name


def test_a_steady_schedule_can_be_prolonged_and_a_falling_one_cannot(tmp_path):
    data = clouds()
    for name, optimiser in (("steady", Published(1e-3)), ("falling", Modern())):
        short, long = (Recipe(optimiser=optimiser, epochs=epochs, judge=FGSM(0.05)) for epochs in (2, 4))
        fit(made(data), data, data, short, folder=tmp_path / name)
        if name == "falling":
            with pytest.raises(InputError, match="was begun with"):
                fit(made(data), data, data, long, folder=tmp_path / name)
        else:
            prolonged = fit(made(data), data, data, long, folder=tmp_path / name)
            once = fit(made(data), data, data, long)
            assert all(torch.equal(one, once.last[key]) for key, one in prolonged.last.items())


def test_the_best_look_on_the_validation_split_is_the_one_that_is_kept():
    data, held = clouds(), clouds(seed=1)
    net = made(data)
    recipe = Recipe(optimiser=Modern(0.3), epochs=12, judge=FGSM(0.1))  # far too fast: accuracies jump about
    fitted = fit(net, data, held, recipe)
    judged = [one.judged["validation"] for one in fitted.history]
    assert fitted.best.judged["validation"] == max(judged) > judged[-1]
    assert accuracy(fitted.net, held, FGSM(0.1)) == max(judged)


@pytest.mark.parametrize("adversary", [FGSM(0.1), PGD(0.1, 0.03)], ids=lambda one: type(one).__name__)
def test_an_adversary_keeps_its_distance_and_raises_the_loss(adversary):
    data = clouds()
    net = made(data)
    fit(net, data, data, Recipe(epochs=10, optimiser=Modern(0.01)))
    samples, labels = data.tensors()
    changed = adversary(net, samples, labels, torch.Generator().manual_seed(0))
    assert float((changed - samples).abs().max()) <= 0.1 + 1e-6
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    before, after = (float(torch.nn.functional.cross_entropy(net(one), labels)) for one in (samples, changed))
    assert after > 1.3 * before
    assert not net.training


def test_an_adversary_leaves_batch_statistics_alone():
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(1), torch.nn.Flatten(), torch.nn.Linear(6, 3)).train()
    samples, labels = clouds().tensors()
    before = net[0].running_mean.clone()
    FGSM(0.1)(net, samples, labels, torch.Generator())
    assert net.training
    assert torch.equal(net[0].running_mean, before)


def test_a_split_shares_nothing_and_loses_nothing():
    data = clouds(50)
    train, apart = split(data, 0.2, seed=3)
    rows = [tuple(one.ravel()) for half in (train, apart) for one in half.samples]
    assert (len(train), len(apart)) == (40, 10)
    assert sorted(rows) == sorted(tuple(one.ravel()) for one in data.samples)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FGSM(0), "epsilon: expected a distance above 0"),
        (lambda: PGD(steps=0), "steps: expected at least 1, got 0"),
        (lambda: Recipe(epochs=0), "epochs: expected at least 1, got 0"),
        (lambda: Labelled(np.zeros((2, 1, 3)), np.zeros(3, int)), "labels: expected 2, one a sample, got 3"),
        (lambda: split(clouds(3)), "3 are too few to set a share of 0.1 apart"),
        (lambda: Balanced.of([0, 2], 3), r"no sample of class \[1\]"),
        (lambda: fit(network(), clouds(), clouds(), Recipe(optimiser=Modern(1e30), epochs=3)), "the loss is"),
        (lambda: fit(network(2), clouds(), clouds(), Recipe()), r"expected logits for the labels 0 to 2, got \(1, 2\)"),
        (lambda: fit(made(clouds()), clouds(), clouds(rank=2), Recipe()), r"cannot take samples of shape \(1, 6, 6\)"),
    ],
)
def test_what_cannot_work_is_said_at_once(make, said):
    with pytest.raises(InputError, match=said):
        make()
