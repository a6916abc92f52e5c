"""Attacks of other packages by name, beyond the laws that `test_attack_laws` holds them to."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("art")
pytest.importorskip("foolbox")
torchattacks = pytest.importorskip("torchattacks")
pyautoattack = pytest.importorskip("pyautoattack")

from pyautoattack.square import SquareAttack  # noqa: E402

from attacks_known import MADE_FOR, VICTIMS, bits, outcome  # noqa: E402
from brinkmap import InputError, Run  # noqa: E402
from brinkmap.compare import adapt, named  # noqa: E402
from brinkmap.compare.lent import ROUNDING  # noqa: E402
from brinkmap.errors import MissingExtra  # noqa: E402
from brinkmap.registry import entries, resolve  # noqa: E402
from victims_known import Linear, Wrapped, samples_for  # noqa: E402

NAMES = [name.replace("_", "-") for name in named.__all__]
DECIDES = ["boundary", "geoda", "hopskipjump", "signopt"]
PICTURE = MADE_FOR["pixle"][2]


class OneHot(Wrapped):
    """Nothing but labels, though it does not say so."""

    def predict(self, batch):
        return np.eye(self.classes, dtype=np.float32)[super().predict(batch).argmax(axis=1)]


class Stubborn(Linear):
    """Says the same of everything."""

    def answer(self, row):
        return [0.9, 0.06, 0.04]


class TurnsAtATouch(Wrapped):
    """Says 0 of a few samples and 1 of anything else."""

    def __init__(self, victim, samples):
        super().__init__(victim)
        self.known = {sample.tobytes() for sample in samples}

    def predict(self, batch):
        return np.float32([[0.9, 0.06, 0.04] if row.tobytes() in self.known else [0.1, 0.8, 0.1] for row in batch])


def attacked(agent, victim=PICTURE, count=6, **changes):
    bounded = str(agent).startswith("square") and not {"max_l2", "max_linf"} & set(changes)
    bound = {"max_linf": 0.1} if bounded else {}
    run = Run(**({"agent": agent, "patch": 2, "budget": 40} | bound | changes))
    found = outcome(victim, *samples_for(victim, count), run)
    assert sum(one.queries for one in found.results) == found.ledger == found.seen
    return found.results


@pytest.mark.parametrize("name", NAMES)
def test_it_is_registered_with_a_line_that_says_what_it_is(name):
    made = resolve("agent", name)
    assert made().name == name
    assert {entry.name: entry.description for entry in entries("agent")}[name] == made.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_one_by_one_is_the_same_and_says_nothing(name, capfd):
    results = attacked(name, count=4)
    assert bits(attacked(name, count=4, slots=1)) == bits(results)
    assert {one.error for one in results} == {None}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_is_another_attack(name):
    first, other = (attacked(name, count=2, seed=seed) for seed in (0, 1))
    assert bits(first) != bits(other)


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_is_spent_to_the_last_query_where_nothing_flips(name):
    for one in attacked(name, Stubborn((1, 10, 10)), count=1, budget=50):
        assert not one.success
        assert one.queries == 50 or one.stalled


@pytest.mark.parametrize("name", DECIDES)
def test_those_that_decide_by_the_class_do_as_well_with_labels(name):
    full, hot = (attacked(name, one, max_l2=2.0) for one in (PICTURE, OneHot(PICTURE)))
    assert sum(one.success for one in hot) >= 2
    for one, other in zip(full, hot, strict=True):
        assert (one.queries_to_flip, one.l2_at_flip) == (other.queries_to_flip, other.l2_at_flip)


@pytest.mark.parametrize("name", NAMES)
def test_the_factory_says_whether_labels_are_enough(name):
    made = resolve("agent", name)
    assert getattr(made, "needs_scores", True) == made().needs_scores == (name not in DECIDES)


@pytest.mark.parametrize("bound", [{"max_l2": 1.0}, {"max_linf": 0.1}], ids=str)
def test_two_packages_have_the_same_square_and_its_schedule_is_the_budget(bound):
    results = attacked("square-autoattack", **bound)
    assert sum(one.success for one in results) >= 3
    assert bits(attacked("square-torchattacks", **bound)) == bits(results)
    norm = "L2" if "max_l2" in bound else "Linf"
    distance = max(bound.values()) * (1 - ROUNDING)
    stated = SquareAttack(None, norm=norm, eps=distance, n_queries=40)
    for one, other in zip(attacked(adapt(stated), **bound), results, strict=True):
        assert not one.success or bits([one]) == bits([other])  # the named one begins again where this one ends


@pytest.mark.parametrize("name", ["square-autoattack", "square-art", "square-torchattacks"])
@pytest.mark.parametrize("bound", [{"max_l2": 0.7}, {"max_linf": 0.07}], ids=str)
def test_the_very_first_square_is_within_the_distance_to_the_last_bit(name, bound):
    samples = 0.4 + 0.2 * samples_for(PICTURE, 20)[0]  # where no clipping brings it nearer
    found = outcome(TurnsAtATouch(PICTURE, samples), samples, None, Run(agent=name, patch=2, budget=40, **bound))
    assert {one.queries_to_flip for one in found.results} == {2}


@pytest.mark.parametrize("name", ["square-autoattack", "square-art", "square-torchattacks"])
@pytest.mark.parametrize("changes", [{"max_l2": 1.0, "max_linf": 0.1}, {"max_l2": None}], ids=["two", "none"])
def test_square_needs_one_distance(name, changes):
    with pytest.raises(InputError, match=rf"{name}: needs exactly one bound\. Give either max_l2 or max_linf\."):
        attacked(name, **changes)


@pytest.mark.parametrize("name", ["square-art", "square-torchattacks", "pixle", "geoda"])
def test_those_that_need_square_pictures_say_so(name):
    results = attacked(name, Linear((1, 8, 10)), count=2)
    assert {one.error for one in results} == {f"{name}: attacks square pictures, got 8 x 10."}


@pytest.mark.parametrize("name", ["square-autoattack", "one-pixel-torchattacks"])
def test_those_that_take_any_picture_do(name):
    assert {one.error for one in attacked(name, Linear((1, 8, 11)), count=2)} == {None}


@pytest.mark.parametrize("name", ["hopskipjump", "boundary", "geoda", "signopt"])
def test_attacks_that_come_nearer_do_so_after_the_first_flip(name):
    raw, refined = (attacked(name, count=4, refine_budget=budget) for budget in (0, 60))
    assert sum(one.l2 for one in refined) < 0.85 * sum(one.l2 for one in raw)


@pytest.mark.parametrize("budget", [40, 280, 1000])
def test_geoda_has_a_plan_for_every_budget(budget):
    assert {one.error for one in attacked("geoda", count=1, budget=budget)} == {None}


@pytest.mark.parametrize("rank", VICTIMS)
def test_linf_is_what_hopskipjump_comes_nearer_in_where_that_is_bounded(rank):
    results = attacked("hopskipjump", VICTIMS[rank], budget=250, max_linf=0.35)
    assert sum(one.success for one in results) >= 3
    assert all(one.linf <= 0.35 + 2.0**-22 for one in results)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("square-autoattack", "pyautoattack.square", "pip install 'brinkmap[compare]'"),
        ("signopt", "art.attacks.evasion", "pip install 'brinkmap[compare]'"),
        ("boundary", "foolbox.attacks", "pip install 'brinkmap[compare]'"),
        ("pixle", "torchattacks", "pip install --no-deps torchattacks"),
    ],
)
def test_without_its_package_it_says_how_to_get_it(name, module, command, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        attacked(name)
    assert str(caught.value) == f"the attack {name} needs an optional dependency: {command}."
