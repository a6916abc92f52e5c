"""Training on what attacks make of the samples: what is made, what it costs, and what is picked."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_array_equal

torch = pytest.importorskip("torch")

from test_fit import clouds, made  # noqa: E402

from brinkmap import InputError, Run  # noqa: E402
from brinkmap.harden import Attacked, CrossEntropy, Distorted, Modern, Recipe, fit, split  # noqa: E402

RUN = Run(agent="random", distortions=["illuminate", "gaussian-noise"], patch=2, budget=20, max_l2=1.0)
POOLS = [Attacked(run=RUN, every=2), Attacked(run=RUN, every=1, share=0.25, easiest=0.5), Distorted(run=RUN, every=2)]


def recipe(pool, **more):
    return Recipe(objective=CrossEntropy(), optimiser=Modern(1e-2), epochs=4, check_every=2, pool=pool, **more)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: f"{type(pool).__name__}-{pool.share}")
def test_a_share_is_changed_within_the_bound_and_paid_for(pool, rank):
    data, net = clouds(rank=rank, count=80), made(clouds(rank=rank, count=80))
    asked = []
    net.register_forward_pre_hook(lambda module, given: asked.append(len(given[0])))
    found = pool.made(net, data, 0, 4, seed=0)
    change = (found.samples - data.samples).reshape(len(data), -1)
    assert 0 < (change != 0).any(axis=1).sum() <= round(pool.share * len(data))
    assert np.linalg.norm(change, axis=1).max() <= getattr(pool, "easiest", 1.0) * 1.0 + 1e-6
    assert found.queries == sum(asked)
    assert found.samples.min() >= 0
    assert found.samples.max() <= 1


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: f"{type(pool).__name__}-{pool.share}")
def test_a_training_goes_on_to_the_same_bits(tmp_path, pool):
    train, validation = split(clouds())
    whole = fit(made(train), train, validation, recipe(pool))
    fit(made(train), train, validation, dataclasses.replace(recipe(pool), epochs=4), folder=tmp_path)
    short = made(train)
    halves = fit(short, train, validation, recipe(pool), folder=tmp_path)
    for name, values in whole.last.items():
        assert_array_equal(values, halves.last[name])
    assert [one.queries for one in whole.history] == [one.queries for one in halves.history]
    assert whole.history[-1].queries > whole.history[0].queries > 0


def test_a_training_that_is_stopped_goes_on(tmp_path):
    train, validation = split(clouds())
    pool = Attacked(run=RUN, every=2)

    class Stop(Exception):
        pass

    def stop(checked):
        raise Stop

    with pytest.raises(Stop):
        fit(made(train), train, validation, recipe(pool), folder=tmp_path, watch=stop)
    went_on = fit(made(train), train, validation, recipe(pool), folder=tmp_path)
    whole = fit(made(train), train, validation, recipe(pool))
    for name, values in whole.last.items():
        assert_array_equal(values, went_on.last[name])
    assert went_on.history[-1].queries == whole.history[-1].queries


def test_it_hardens():
    train, validation = split(clouds(count=400))
    run = dataclasses.replace(RUN, max_l2=1.2, budget=40)
    plain = fit(made(train), train, validation, Recipe(optimiser=Modern(1e-2), epochs=12, check_every=2))
    hard = fit(
        made(train), train, validation,
        Recipe(optimiser=Modern(1e-2), epochs=12, check_every=2, pool=Attacked(run=run, every=2, share=0.8)),
    )  # fmt: skip
    left = [Attacked(run=run, share=1.0).made(one.net, clouds(seed=9), 0, 1, seed=3).flipped for one in (plain, hard)]
    assert left[1] < left[0]


def test_what_gives_up_too_much_is_not_picked():
    train, validation = split(clouds(count=400))
    net = made(train)
    first = fit(net, train, validation, Recipe(optimiser=Modern(1e-2), epochs=6)).best
    ruin = Recipe(optimiser=Modern(3.0), epochs=3, tolerance=0.0)
    kept = fit(net, train, validation, ruin)
    assert kept.history[0].epoch == 0
    assert kept.best.natural["validation"] >= first.natural["validation"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Attacked(run=RUN, share=0), "share: expected a share above 0 and up to 1, got 0"),
        (lambda: Attacked(run=RUN, every=0), "every: expected at least 1 epoch, got 0"),
        (lambda: Attacked(run=Run(), easiest=0.5), "max_l2: expected one bound for the severity to grow to, got None"),
        (lambda: recipe(Attacked(run=RUN, every=3)), "check_every: expected a multiple of the pool's 3 epochs"),
        (lambda: Recipe(blend=True), "blend: expected a tolerance"),
        (lambda: Recipe(tolerance=2.0), "tolerance: expected a share from 0 to 1, got 2.0"),
    ],
)
def test_bad_settings_are_said(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
