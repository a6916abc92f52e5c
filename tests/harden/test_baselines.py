"""Baselines: the hardening's training but for the samples, ended by the clock, and nothing else about them."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from test_fit import clouds, made  # noqa: E402

from brinkmap import InputError, Run  # noqa: E402
from brinkmap.harden import (  # noqa: E402
    BASELINES,
    FGSM,
    PGD,
    Attacked,
    Labelled,
    Modern,
    Recipe,
    Steady,
    Unchanged,
    baseline_of,
    check_baselines,
    check_enough,
    fit,
    look_every,
    split,
)

RUN = Run(agent="random", distortions=["illuminate"], patch=2, budget=8, max_l2=1.0, refine_budget=3, seed=5)
OURS = Recipe(
    optimiser=Steady(1e-2), epochs=6, check_every=2, judge=FGSM(0.1), tolerance=0.3, patience=9, seed=5,
    pool=Attacked(run=RUN, every=2, share=0.2, easiest=0.5),
)  # fmt: skip


def theirs(name, seconds=0.05):
    return baseline_of(name, OURS, RUN, epsilon=0.1, every=2, share=0.2, seconds=seconds, easiest=0.5)


@pytest.mark.parametrize("name", BASELINES)
def test_only_what_is_trained_on_differs(name):
    one = theirs(name)
    same = {"adversary": OURS.adversary, "pool": OURS.pool, "epochs": OURS.epochs, "max_seconds": None}
    assert dataclasses.replace(one, **same) == OURS
    assert one.max_seconds == 0.05
    wanted = {"fgsm": FGSM(0.1), "pgd": PGD(0.1, 0.025)}.get(name, Unchanged())
    assert one.adversary == wanted
    assert (one.pool is not None) == (name in ("random", "square", "simba"))


@pytest.mark.parametrize("name", ["square", "simba"])
def test_other_peoples_attacks_have_our_bound_budget_seed_and_curriculum(name):
    pool = theirs(name).pool
    assert (pool.run.agent, pool.run.max_l2, pool.run.budget, pool.run.seed) == (name, 1.0, 8, 5)
    assert (pool.run.distortions, pool.run.patch) == ((), None)
    assert [pool.bound_at(epoch, 10_000) for epoch in (0, 2, 4, 6)] == [0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_the_same_training_done_by_itself_for_as_many_epochs(tmp_path, name):
    train, validation = split(clouds())
    timed = fit(made(train), train, validation, theirs(name), folder=tmp_path)
    counted = dataclasses.replace(theirs(name), max_seconds=None, epochs=timed.history[-1].epoch)
    alone = fit(made(train), train, validation, counted)
    assert timed.ended == "seconds"
    for values, other in zip(timed.last.values(), alone.last.values(), strict=True):
        assert torch.equal(values, other)
    assert timed.best.judged == alone.best.judged
    again = fit(made(train), train, validation, theirs(name), folder=tmp_path)
    assert again.history == timed.history


@pytest.mark.parametrize(("took", "looks", "wanted"), [(0.5, 4, 10), (1.5, 2, 6), (50.0, 5, 2), (0.0, 1, 20_000)])
def test_there_are_about_as_many_looks_whatever_an_epoch_takes(monkeypatch, took, looks, wanted):
    """Ten seconds, two epochs between looks of which the trial takes so long."""
    train, _ = split(clouds(40))
    clock = iter([0.0, took / 2, took / 2, took])
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    net = made(train)
    before = [values.clone() for values in net.parameters()]
    assert look_every(theirs("pgd", seconds=10.0), net, train, looks) == wanted
    assert all(torch.equal(values, was) for values, was in zip(net.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("names", "recipe", "run", "said"),
    [
        (["none", "cw"], OURS, RUN, "baselines: expected some of none, random, fgsm, pgd, square, simba, got 'cw'"),
        (["none", "none"], OURS, RUN, "baselines: expected different ones, got none, none"),
        (["fgsm"], Recipe(optimiser=Modern()), RUN, "Give --optimiser steady or published"),
        (["square"], OURS, Run(), "baselines: square searches at a distance. Give either --max-l2 or --max-linf"),
        (["simba"], OURS, Run(max_l2=1.0, max_linf=0.1), "simba searches at a distance"),
    ],
    ids=str,
)
def test_what_cannot_be_held_against_is_said_before_anything_is_trained(names, recipe, run, said):
    with pytest.raises(InputError, match=said):
        check_baselines(names, recipe, run)


def test_no_baseline_asks_nothing_of_the_recipe():
    check_baselines([], Recipe(optimiser=Modern()), Run())


def test_every_class_is_to_be_trained_on():
    data = clouds(40)
    lone = Labelled(data.samples, data.labels.copy())
    lone.labels[lone.labels == 2] = 1
    lone.labels[7] = 2
    rest = Labelled(lone.samples[8:], lone.labels[8:])
    check_enough(data, data)
    with pytest.raises(InputError, match="none of class noisy is left to train on"):
        check_enough(lone, rest, ["normal", "ectopic", "noisy"])
    with pytest.raises(InputError, match="none of class 2 is left"):
        check_enough(lone, rest)
    with pytest.raises(InputError, match="samples: 9 are too few"):
        check_enough(Labelled(data.samples[:9], data.labels[:9]), data)
