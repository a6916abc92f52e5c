"""Attacks of other packages that misbehave, and what `adapt` takes and refuses."""

import functools
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

torch = pytest.importorskip("torch")
foolbox = pytest.importorskip("foolbox")
torchattacks = pytest.importorskip("torchattacks")
pytest.importorskip("pyautoattack")

from pyautoattack.autopgd_base import APGDAttack  # noqa: E402

from attacks_known import bits, outcome  # noqa: E402
from brinkmap import InputError, Run  # noqa: E402
from brinkmap.compare import Foreign, adapt  # noqa: E402
from victims_known import Linear, samples_for  # noqa: E402

VICTIM = Linear((1, 8, 8), bounds=(-1.0, 3.0))
SAMPLES, LABELS = samples_for(VICTIM, 6)
NOBODY = torch.nn.Linear(1, 1)


class Made(torchattacks.attack.Attack):
    """An attack of somebody's own, on the base of a package, that does what it is given."""

    def __init__(self, does):
        super().__init__("Made", NOBODY)
        self.does = does

    def forward(self, images, labels):
        return self.does(self, images, labels)


def attacked(attack, **changes):
    run = Run(**({"agent": attack, "patch": 2, "budget": 20} | changes))
    found = outcome(VICTIM, SAMPLES, LABELS, run)
    assert sum(one.queries for one in found.results) == found.ledger == found.seen
    return found.results


def noisy(images):
    return torch.rand_like(images)


def asks_for_ever(attack, images, labels):
    while True:
        try:
            attack.get_logits(noisy(images))
        except Exception:  # the fault that is tested for
            continue


def asks_three_times(attack, images, labels):
    for _ in range(3):
        attack.get_logits(noisy(images) * 0.01 + images * 0.99)
    return images


def crashes_on_dark_ones(attack, images, labels):
    attack.get_logits(noisy(images) * 0.01 + images * 0.99)
    if images[0, 0, 0, 0] < 0.5:
        raise RuntimeError("too dark")
    return images


def writes(attack, images, labels):
    images.mul_(0.5)
    return images


def steepest(attack, images, labels):
    own, other = VICTIM.weights[labels[0]], VICTIM.weights[(labels[0] + 1) % 3]
    return images + 9.0 * torch.from_numpy(other - own).reshape(images.shape)


def test_a_crash_on_some_samples_leaves_the_others_alone():
    dark = (SAMPLES[:, 0, 0, 0] + 1) / 4 < 0.5
    assert 1 <= dark.sum() <= 5
    for one in attacked(adapt(Made(crashes_on_dark_ones))):
        assert one.error == ("the attack raised RuntimeError: too dark" if dark[one.index] else None)
        assert one.queries == 2


def test_an_attack_that_swallows_the_end_of_the_budget_is_ended_by_force_and_its_best_counts():
    results = attacked(adapt(Made(asks_for_ever)), budget=4)
    assert {one.error for one in results} == {"made: went on asking after its budget was spent."}
    assert any(one.success for one in results)
    assert all(one.success or one.queries == 4 for one in results)


@pytest.mark.parametrize(
    ("does", "reason", "queries"),
    [
        (lambda attack, images, labels: images * float("nan"), "expected to end with finite values", 1),
        (lambda attack, images, labels: attack.get_logits(images * float("nan")), "expected finite candidates", 1),
        (lambda attack, images, labels: attack.get_logits(images[..., :-1]), "expected finite candidates", 1),
        (lambda attack, images, labels: images[..., :-1], "expected to end with finite values of shape", 1),
        (writes, "made: wrote into its input.", 1),
    ],
    ids=["ends with NaN", "asks about NaN", "asks another shape", "ends with another shape", "writes into its input"],
)
def test_what_cannot_be_scored_is_an_error_of_that_sample(does, reason, queries):
    for one in attacked(adapt(Made(does))):
        assert reason in one.error
        assert one.queries == queries
        assert not one.success


def test_what_it_ends_with_beyond_the_bounds_is_brought_back_scored_and_said():
    results = attacked(adapt(Made(lambda attack, images, labels: 1.5 - 2 * images)))
    assert all(one.projected and one.queries == 2 for one in results)
    assert any(one.success for one in results)
    for one in results:
        assert -1 <= one.adversarial.min() <= one.adversarial.max() <= 3
        assert_array_equal(VICTIM.predict(one.adversarial[None])[0], one.after)


@pytest.mark.parametrize("bound", [{"max_l2": 0.7}, {"max_linf": 0.1}], ids=str)
def test_what_it_ends_with_beyond_the_distance_is_brought_back_scored_and_said(bound):
    results = attacked(adapt(Made(steepest)), **bound)
    assert all(one.projected and one.queries == 2 for one in results)
    for one in results:
        changed = one.l2 > 0  # none where it was no nearer to a flip
        assert one.l2 <= bound.get("max_l2", np.inf)
        assert one.linf <= bound.get("max_linf", np.inf) + 2.0**-22
        assert changed == (VICTIM.predict(SAMPLES[[one.index]])[0, one.reference] != one.after[one.reference])
    assert any(one.success for one in results)


def test_what_it_asks_about_counts_though_it_ends_with_the_clean_sample():
    results = attacked(adapt(Made(asks_three_times)))
    assert all(one.queries in (2, 3, 4) and not one.error for one in results)
    assert any(0 < one.l2 < 0.5 for one in results)


def test_the_clean_sample_has_been_paid_for():
    results = attacked(adapt(Made(lambda attack, images, labels: images * (attack.get_logits(images) < 9).all())))
    assert {(one.queries, one.error) for one in results} == {(1, None)}


def test_values_left_alone_are_so_to_the_bit():
    def first_value(attack, images, labels):
        changed = images.clone()
        changed[..., 0, 0] = 1 - changed[..., 0, 0].round()
        attack.get_logits(changed)
        return changed

    assert {one.changed for one in attacked(adapt(Made(first_value)))} <= {0, 1}


def test_it_asks_on_0_to_1_whatever_normalisation_the_model_wants():
    def sees(attack, images, labels):
        assert 0 <= images.min() <= images.max() <= 1
        return asks_three_times(attack, images, labels)

    plain, normalised = Made(sees), Made(sees)
    normalised.set_normalization_used([0.5], [0.1])
    assert bits(attacked(adapt(normalised))) == bits(attacked(adapt(plain)))
    assert normalised.normalization_used


def test_the_users_object_is_left_as_it_was_and_its_model_is_not_asked():
    class Private(torch.nn.Linear):
        def forward(self, batch):
            raise AssertionError("asked")

        def __deepcopy__(self, memo):
            raise AssertionError("copied")

    attack = torchattacks.Square(Private(1, 1), norm="L2", eps=1.0)
    before = dict(vars(attack))
    results = attacked(adapt(attack), max_l2=1.0)
    assert {one.error for one in results} == {None}
    assert dict(vars(attack)) == before


def test_runs_with_another_seed_draw_other_numbers_though_the_attack_states_its_seed():
    attack = adapt(torchattacks.Square(NOBODY, norm="L2", eps=0.5, seed=3))
    first, again, other = (attacked(attack, max_l2=0.6, seed=seed) for seed in (0, 0, 1))
    assert bits(first) == bits(again)
    assert all(one.adversarial.tobytes() != two.adversarial.tobytes() for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("attack", "name", "bound"),
    [
        (torchattacks.FGSM(NOBODY), "fgsm", {}),
        (torchattacks.PGD(NOBODY), "pgd", {"max_linf": 0.1}),
        (foolbox.attacks.LinfPGD(), "linfprojectedgradientdescentattack", {"max_linf": 0.1}),
        (foolbox.attacks.L2DeepFoolAttack(), "l2deepfoolattack", {}),
        (APGDAttack(NOBODY, eps=0.1, device="cpu"), "apgdattack", {}),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(getattr(value, "attack", value))[:20],
)
def test_white_box_attacks_are_told_that_there_are_no_gradients(attack, name, bound):
    for one in attacked(adapt(attack), **bound):
        assert one.error == f"{name}: needs gradients, which a black box has none of."
        assert one.queries == 1


@pytest.mark.parametrize("given", [3, "square", torchattacks.FGSM, foolbox.attacks, NOBODY], ids=str)
def test_anything_else_is_refused_with_what_is_taken(given):
    with pytest.raises(InputError, match=r"expected an attack of ART .*, foolbox, pyautoattack or torchattacks, got"):
        adapt(given)


def test_an_attack_that_is_set_to_reach_a_class_is_refused():
    attack = torchattacks.Square(NOBODY)
    attack.set_mode_targeted_random(quiet=True)
    with pytest.raises(InputError, match=r"square: is set to reach a target class\. Build it untargeted"):
        adapt(attack)


def test_it_goes_by_its_class_or_by_the_name_that_is_given():
    attack = foolbox.attacks.HopSkipJumpAttack()
    assert (adapt(attack).name, adapt(attack, "hsj").name) == ("hopskipjumpattack", "hsj")


def test_a_loop_of_ones_own_needs_no_package():
    def attack(door):
        for _ in range(3):
            door.probabilities(np.random.random((1, *door.clean.shape)))

    results = attacked(Foreign("noise", attack))
    assert {one.queries for one in results} <= {2, 3, 4}
    assert bits(results) == bits(attacked(Foreign("noise", attack), slots=1))


def test_nothing_is_loaded_before_an_attack_of_it_is_seen():
    import subprocess

    code = "import brinkmap.compare as c, sys; from brinkmap.registry import entries; entries('agent'); print(sorted(" \
        "{'torch', 'art', 'foolbox', 'torchattacks', 'pyautoattack'} & set(sys.modules)))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_function_is_taken_for_one_that_makes_an_attack_of_art():
    assert adapt(functools.partial(max, 1)).name == "max"
