"""When a training ends: by epochs, by the clock or by patience; what it leaves, and how it goes on from there."""

import dataclasses
import sys

import pytest

torch = pytest.importorskip("torch")

from test_fit import clouds, made  # noqa: E402

from brinkmap import InputError, Run  # noqa: E402
from brinkmap.harden import FGSM, Attacked, Distorted, Modern, Published, Recipe, Steady, fit  # noqa: E402
from brinkmap.harden.history import scalars_of  # noqa: E402

RUN = Run(agent="random", distortions=["illuminate"], patch=2, budget=6, max_l2=1.0)
JUMPY = Recipe(optimiser=Modern(0.3), epochs=12, judge=FGSM(0.1))
"""Far too fast: accuracies jump about."""


def trained(recipe, folder=None, watch=None, net=None):
    data, held = clouds(), clouds(seed=1)
    return fit(net or made(data), data, held, recipe, folder=folder, watch=watch)


def same_weights(one, other):
    return all(torch.equal(values, other.last[name]) for name, values in one.last.items())


def timeless(history):
    return [dataclasses.replace(one, seconds=0.0) for one in history]


class Stop(Exception):
    pass


def stops_at(epoch):
    def watch(one):
        if one.epoch == epoch:
            raise Stop

    return watch


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_ends_after_so_many_looks_without_a_better_one(patience):
    whole, short = trained(JUMPY), trained(dataclasses.replace(JUMPY, patience=patience))
    judged = [one.judged["validation"] for one in whole.history]
    best, wanted = 0, len(judged)
    for place, value in enumerate(judged):
        best = place if value > judged[best] else best
        if place - best == patience:
            wanted = place + 1
            break
    assert len(short.history) == wanted < len(whole.history)
    assert timeless(short.history) == timeless(whole.history[:wanted])
    assert (short.ended, whole.ended) == ("patience", "epochs")
    assert short.best.epoch == best + 1


def test_a_patient_training_taken_up_again_ends_at_the_same_look(tmp_path):
    recipe = dataclasses.replace(JUMPY, patience=2)
    once = trained(recipe)
    with pytest.raises(Stop):
        trained(recipe, tmp_path, stops_at(2))
    again = trained(recipe, tmp_path)
    assert timeless(again.history) == timeless(once.history)
    assert same_weights(again, once)
    finished = trained(recipe, tmp_path)
    assert finished.history == again.history
    assert len(trained(JUMPY, tmp_path).history) == 12  # more patience only prolongs it


@pytest.mark.parametrize("pool", [None, Distorted(run=RUN, every=2), Attacked(run=RUN, every=2, share=0.1)])
@pytest.mark.parametrize("optimiser", [Steady(1e-2), Published(1e-3)], ids=lambda one: type(one).__name__)
def test_the_clock_only_says_when(tmp_path, optimiser, pool):
    recipe = Recipe(optimiser=optimiser, epochs=10_000, check_every=4, judge=FGSM(0.1), pool=pool, max_seconds=0.1)
    timed = trained(recipe, tmp_path)
    last = timed.history[-1]
    assert timed.ended == "seconds"
    assert last.seconds >= 0.1
    assert all(one.seconds < 0.1 for one in timed.history[:-1])
    assert last.epoch % (pool.every if pool else 1) == 0
    counted = trained(dataclasses.replace(recipe, max_seconds=None, epochs=last.epoch))
    assert same_weights(timed, counted)
    prolonged = dataclasses.replace(recipe, max_seconds=None, epochs=last.epoch + 2)
    assert same_weights(trained(prolonged, tmp_path), trained(prolonged))


def test_a_training_that_ended_between_two_makings_is_not_prolonged(tmp_path):
    recipe = Recipe(optimiser=Steady(), epochs=3, check_every=2, pool=Distorted(run=RUN, every=2))
    trained(recipe, tmp_path)
    assert trained(recipe, tmp_path).history[-1].epoch == 3
    with pytest.raises(InputError, match="ended at epoch 3, between two makings of 2 epochs"):
        trained(dataclasses.replace(recipe, epochs=4), tmp_path)


def test_the_bound_grows_from_making_to_making_to_the_whole():
    growing = Attacked(run=dataclasses.replace(RUN, max_l2=2.0), every=5, easiest=0.25)
    assert [growing.bound_at(epoch, 20) for epoch in (0, 5, 10, 15)] == [0.5, 1.0, 1.5, 2.0]
    assert [growing.bound_at(epoch, 12) for epoch in (0, 5, 10)] == [0.5, 1.25, 2.0]
    within = dataclasses.replace(growing, grows_over=20)
    assert [within.bound_at(epoch, 10_000) for epoch in (0, 15, 20, 500)] == [0.5, 2.0, 2.0, 2.0]
    assert not growing.open_ended
    assert within.open_ended


def test_more_epochs_are_another_training_where_the_bound_grows_until_the_last(tmp_path):
    recipe = Recipe(optimiser=Steady(), epochs=2, pool=Attacked(run=RUN, every=1, share=0.1, easiest=0.5))
    trained(recipe, tmp_path)
    with pytest.raises(InputError, match="was begun with"):
        trained(dataclasses.replace(recipe, epochs=4), tmp_path)


def test_dropout_is_drawn_from_the_recipes_seed_and_resumes(tmp_path):
    data = clouds()

    def dropping():
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(6, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 3)
        )

    recipe = Recipe(optimiser=Steady(1e-2), epochs=4)
    once = fit(dropping(), data, data, recipe)
    torch.manual_seed(123)
    with pytest.raises(Stop):
        fit(dropping(), data, data, recipe, folder=tmp_path, watch=stops_at(2))
    torch.rand(7)
    state = torch.get_rng_state()
    net = dropping()
    torch.set_rng_state(state)
    assert same_weights(fit(net, data, data, recipe, folder=tmp_path), once)
    assert torch.equal(torch.get_rng_state(), state)


def written(folder):
    """Every scalar in the event files, as (name, step) to its values, however often it is there."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    for path in sorted((folder / "tensorboard").glob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                held = value.tensor.float_val[0] if value.tensor.float_val else value.simple_value
                found.setdefault((value.tag, event.step), []).append(held)
    return found


@pytest.mark.parametrize("tolerance", [None, 0.5])
def test_scalars_are_the_history_also_after_going_on(tmp_path, tolerance):
    pytest.importorskip("tensorboard")
    recipe = Recipe(
        optimiser=Steady(), epochs=6, check_every=2, judge=FGSM(0.1), tolerance=tolerance,
        pool=Attacked(run=RUN, every=2, share=0.1),
    )  # fmt: skip
    with pytest.raises(Stop):
        trained(recipe, tmp_path, stops_at(4))
    fitted = trained(recipe, tmp_path)
    wanted = {
        (name, one.epoch): [pytest.approx(value, rel=1e-6)]
        for one in fitted.history
        for name, value in scalars_of(one).items()
    }
    assert written(tmp_path) == wanted
    names = {name for name, _ in wanted}
    assert {"fit/loss", "fit/reward", "accuracy/natural/validation", "accuracy/judged/train", "pool/queries",
            "pool/flipped"} <= names  # fmt: skip
    trained(recipe, tmp_path)
    assert written(tmp_path) == wanted


def test_without_tensorboard_nothing_is_written_and_nothing_is_missed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trained(dataclasses.replace(JUMPY, epochs=1), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.safetensors"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Recipe(max_seconds=5.0), "ends by the clock needs rates and bounds that do not depend on the end"),
        (
            lambda: Recipe(max_seconds=5.0, optimiser=Steady(), pool=Attacked(run=RUN, every=1, easiest=0.5)),
            "ends by the clock needs rates and bounds",
        ),
        (lambda: Recipe(max_seconds=0, optimiser=Steady()), "max_seconds: expected more than 0, got 0"),
        (lambda: Recipe(patience=0), "patience: expected at least 1, got 0"),
        (lambda: Attacked(run=RUN, grows_over=0), "grows_over: expected at least 1 epoch, got 0"),
    ],
)
def test_bad_ends_are_said(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
