"""Attacks of ART, foolbox, torchattacks and pyautoattack other than those that have names here."""

import functools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
foolbox = pytest.importorskip("foolbox")
torchattacks = pytest.importorskip("torchattacks")
pyautoattack = pytest.importorskip("pyautoattack")
pytest.importorskip("art")

from art.attacks import evasion  # noqa: E402
from art.estimators.classification import BlackBoxClassifierNeuralNetwork, PyTorchClassifier  # noqa: E402
from foolbox import attacks  # noqa: E402
from pyautoattack.square import SquareAttack  # noqa: E402

from attacks_known import bits, outcome  # noqa: E402
from brinkmap import InputError, Run  # noqa: E402
from brinkmap.compare import adapt  # noqa: E402
from brinkmap.compare.from_art import _cosines  # noqa: E402
from victims_known import LabelsOnly, Linear, samples_for  # noqa: E402

VICTIMS = {1: Linear((2, 24), bounds=(-3, 5)), 2: Linear((1, 10, 10)), 3: Linear((1, 4, 6, 6))}
NOBODY = torch.nn.Linear(1, 1)


def nobody(batch):
    raise AssertionError("asked")


ESTIMATOR = BlackBoxClassifierNeuralNetwork(nobody, (1, 10, 10), 3, clip_values=(0, 1))


def attacked(attack, rank=2, victim=None, count=6, **changes):
    victim = victim or VICTIMS[rank]
    run = Run(**({"agent": attack, "patch": 2, "budget": 60} | changes))
    found = outcome(victim, *samples_for(victim, count), run)
    assert sum(one.queries for one in found.results) == found.ledger == found.seen
    return found.results


ROWS = [
    (torchattacks.Square(NOBODY, norm="L2", eps=1.0), {"max_l2": 1.0}, (2,)),
    (torchattacks.GN(NOBODY, std=0.3), {}, (1, 2, 3)),
    (torchattacks.MultiAttack([torchattacks.GN(NOBODY, std=0.3), torchattacks.Square(NOBODY, eps=0.2)]), {}, (2,)),
    (SquareAttack(None, norm="Linf", eps=None, n_queries=60), {"max_linf": 0.1}, (2,)),
    (SquareAttack(None, eps=None), {"max_l2": 1.0}, (2,)),
    (
        pyautoattack.AutoAttack(NOBODY, version="custom", attacks=["square"], eps=0.1),
        {"max_linf": 0.1},
        (2,),
    ),
    (attacks.LinearSearchBlendedUniformNoiseAttack(steps=20), {"refine_budget": 20}, (1, 2, 3)),
    (attacks.L2AdditiveGaussianNoiseAttack().repeat(40), {"max_l2": 2.5}, (1, 2, 3)),
    (attacks.LinfRepeatedAdditiveUniformNoiseAttack(), {"max_linf": 0.3}, (1, 2, 3)),
    (attacks.SaltAndPepperNoiseAttack(), {}, (1, 2, 3)),
    (attacks.SpatialAttack(grid_search=False, random_steps=40), {}, (2,)),
    (evasion.PixelAttack(ESTIMATOR, th=5, es=1), {"budget": 400}, (2,)),
    (evasion.ZooAttack(ESTIMATOR, use_resize=False, use_importance=False, learning_rate=0.3, nb_parallel=20),
     {"budget": 400}, (2,)),
    (evasion.SquareAttack(ESTIMATOR, norm=2, eps=1.0, max_iter=60), {"max_l2": 1.0}, (2,)),
    (evasion.HopSkipJump(ESTIMATOR), {}, (1, 2, 3)),
    (evasion.BoundaryAttack(ESTIMATOR, targeted=False), {}, (1, 2, 3)),
    (evasion.SquareAttack, {"max_linf": 0.1}, (2,)),
    (evasion.SimBA, {}, (2,)),
    (functools.partial(evasion.SimBA, attack="px", max_iter=30, epsilon=0.3), {}, (1, 2, 3)),
    (lambda estimator: evasion.SignOPTAttack(estimator, targeted=False), {}, (1, 2, 3)),
]  # fmt: skip
CASES = [(attack, terms, rank) for attack, terms, ranks in ROWS for rank in ranks]
IDS = [f"{adapt(attack).name} {rank}" for attack, _, rank in CASES]


@pytest.mark.parametrize(("attack", "terms", "rank"), CASES, ids=IDS)
def test_it_flips_some_and_the_same_ones_one_by_one(attack, terms, rank, capfd):
    results = attacked(adapt(attack), rank, **terms)
    assert {one.error for one in results} == {None}
    assert sum(one.success for one in results) >= 2
    assert all(one.queries <= terms.get("budget", 60) + terms.get("refine_budget", 0) for one in results)
    assert all(one.l2 <= terms.get("max_l2", np.inf) for one in results)
    assert all(one.linf <= terms.get("max_linf", np.inf) + 2.0**-22 for one in results)
    assert bits(attacked(adapt(attack), rank, slots=1, **terms)) == bits(results)
    assert capfd.readouterr() == ("", "")


DECIDES = [
    attacks.HopSkipJumpAttack(),
    attacks.SaltAndPepperNoiseAttack(),
    evasion.HopSkipJump(ESTIMATOR),
    evasion.BoundaryAttack(ESTIMATOR, targeted=False),
]


@pytest.mark.parametrize("attack", DECIDES, ids=lambda attack: type(attack).__name__)
def test_attacks_that_look_only_at_the_class_take_a_victim_of_labels(attack):
    assert not adapt(attack).needs_scores
    results = attacked(adapt(attack), victim=LabelsOnly(VICTIMS[2]))
    assert sum(one.success for one in results) >= 2


@pytest.mark.parametrize("attack", [torchattacks.Pixle(NOBODY), evasion.SimBA], ids=["Pixle", "SimBA"])
def test_attacks_that_look_at_more_do_not(attack):
    with pytest.raises(InputError, match="needs probabilities, and this victim answers labels only"):
        attacked(adapt(attack), victim=LabelsOnly(VICTIMS[2]))


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize(
    "attack",
    [torchattacks.Pixle(NOBODY), SquareAttack(None, eps=0.1), evasion.GeoDA],
    ids=["Pixle", "SquareAttack", "GeoDA"],
)
def test_attacks_on_pictures_say_so_of_other_samples(attack, rank):
    with pytest.raises(InputError, match=rf"agent '\w+' attacks samples of 2 axes, got {rank}"):
        attacked(adapt(attack), rank)


@pytest.mark.parametrize(
    ("attack", "terms", "reason"),
    [
        (attacks.L2AdditiveGaussianNoiseAttack(), {"max_linf": 0.1}, "searches at an L2 distance. Give max_l2."),
        (attacks.LinfAdditiveUniformNoiseAttack(), {"max_l2": 1.0}, "searches at an Linf distance. Give max_linf."),
        (attacks.L1FastGradientAttack(), {"max_l2": 1.0}, "searches at an L1 distance. No run has a bound on that."),
    ],
    ids=["L2", "Linf", "L1"],
)
def test_a_search_at_a_distance_needs_that_distance(attack, terms, reason):
    assert {one.error for one in attacked(adapt(attack, "it"), **terms)} == {f"it: {reason}"}


@pytest.mark.parametrize(
    "attack",
    [SquareAttack(None, eps=None), attacks.L2AdditiveGaussianNoiseAttack(), evasion.SquareAttack],
    ids=["pyautoattack", "foolbox", "art"],
)
def test_a_distance_that_is_not_stated_has_to_be_the_runs(attack):
    with pytest.raises(InputError, match=r"it: needs exactly one bound\. Give either max_l2 or max_linf\."):
        attacked(adapt(attack, "it"))


WHITE = PyTorchClassifier(NOBODY, torch.nn.CrossEntropyLoss(), (1, 10, 10), 3)


@pytest.mark.parametrize(
    "attack",
    [
        evasion.FastGradientMethod,
        evasion.FastGradientMethod(WHITE),
        evasion.DeepFool(WHITE),
        pyautoattack.AutoAttack(NOBODY),
    ],
    ids=["class", "FastGradientMethod", "DeepFool", "AutoAttack"],
)
def test_white_box_attacks_are_refused_where_it_can_be_seen_beforehand(attack):
    with pytest.raises(InputError, match=r"^it.*: needs gradients, which a black box has none of\."):
        adapt(attack, "it")


@pytest.mark.parametrize(
    "make", [evasion.DeepFool, lambda estimator: evasion.UniversalPerturbation(estimator, verbose=False)],
    ids=["refused", "found out"],
)  # fmt: skip
def test_white_box_attacks_that_a_function_makes_are_told_at_the_first_sample(make):
    results = attacked(adapt(lambda estimator: make(estimator), "it"), count=2)
    assert {one.error for one in results} == {"it: needs gradients, which a black box has none of."}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (evasion.BoundaryAttack(ESTIMATOR), "is set to reach a target class"),
        (evasion.DecisionTreeAttack, "attacks .*ScikitlearnDecisionTreeClassifier.* only, and a black box is none"),
        (ESTIMATOR, "expected an evasion attack, with `generate`, got BlackBoxClassifierNeuralNetwork"),
        (foolbox.distances.l2, "expected an attack with `run`, got LpDistance"),
    ],
    ids=["targeted", "trees", "no attack of ART", "no attack of foolbox"],
)
def test_what_is_no_attack_on_a_black_box_is_refused(given, reason):
    with pytest.raises(InputError, match=reason):
        adapt(given)


def test_an_attack_of_art_that_aims_at_a_class_unless_told_otherwise_is_told_so_of_a_class():
    results = attacked(adapt(evasion.BoundaryAttack))
    assert sum(one.success for one in results) >= 2


@pytest.mark.parametrize(
    ("kind", "scale"), [(evasion.SquareAttack, np.exp), (evasion.ZooAttack, np.exp), (evasion.SimBA, np.array)]
)
def test_attacks_of_art_are_answered_in_logits_or_probabilities_as_they_expect(kind, scale):
    class Peeks(kind):
        def generate(self, x, y=None, **_):
            return x * np.allclose(scale(self.estimator.predict(x)), VICTIMS[2].predict(x), atol=1e-6)

    results = attacked(adapt(lambda estimator: Peeks(estimator)))
    assert {(one.error, one.queries) for one in results} == {(None, 1)}


def test_a_question_of_art_that_is_not_finite_is_answered_in_kind_and_costs_nothing():
    class Wonders(evasion.SimBA):
        def generate(self, x, y=None, **_):
            assert np.isnan(self.estimator.predict(x * np.nan)).all()
            self.estimator.predict(1 - x)
            while True:
                self.estimator.predict(x + np.inf)

    results = attacked(adapt(lambda estimator: Wonders(estimator)))
    assert {(one.error, one.queries) for one in results} == {(None, 2)}


@pytest.mark.parametrize("kind", [evasion.SignOPTAttack, evasion.GeoDA, evasion.HopSkipJump], ids=lambda k: k.__name__)
def test_two_classes_are_enough(kind):
    results = attacked(adapt(kind), victim=Linear((1, 10, 10), classes=2))
    assert {one.error for one in results} == {None}
    assert sum(one.success for one in results) >= 2


def test_the_basis_of_geoda_is_the_one_of_its_own_formula():
    def wave(k, n, size):
        return math.sqrt((1 if k == 0 else 2) / size) * math.cos((2 * n + 1) * k * math.pi / (2 * size))

    for count, side in [(3, 5), (5, 3)]:
        size = max(count, side)
        basis = _cosines(count, side)
        assert basis.shape == (side**2, count**2)
        for row in range(side):
            for column in range(side):
                expected = [wave(v, row, size) * wave(u, column, size) for u in range(count) for v in range(count)]
                assert_allclose(basis[row * side + column], expected, atol=1e-6)


def test_geoda_leaves_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attacked(adapt(evasion.GeoDA), count=1)
    assert list(tmp_path.iterdir()) == []
