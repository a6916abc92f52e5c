"""What looks are judged by: an attack's samples, of so many samples, the same at each look."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from test_fit import clouds, made  # noqa: E402

from brinkmap import InputError, Run, attack  # noqa: E402
from brinkmap.harden import FGSM, Labelled, Modern, Recipe, UnderAttack, accuracy, fit  # noqa: E402
from brinkmap.victims.function import FunctionVictim  # noqa: E402
from brinkmap.victims.torch_adapter import torch_function  # noqa: E402

RUN = Run(agent="random", distortions=["illuminate"], patch=2, budget=10, max_l2=1.0)


@pytest.fixture(scope="module")
def learned():
    data = clouds()
    return fit(made(data), data, data, Recipe(optimiser=Modern(1e-2), epochs=6)).net


@pytest.mark.parametrize("agent", ["random", "square"])
def test_it_leaves_right_what_the_attack_leaves_right(learned, agent):
    data, run = clouds(60, seed=2), dataclasses.replace(RUN, agent=agent, distortions=())
    shares = set()
    for seed in range(3):
        judged = accuracy(learned, data, UnderAttack(run=run), seed)
        shares.add(judged)
        again = accuracy(learned, data, UnderAttack(run=run), seed)
        assert judged == again
    assert max(shares) <= accuracy(learned, data)
    victim = FunctionVictim(torch_function(learned), shape=data.samples.shape[1:], outputs="logits")
    kept = [one.attacked and not one.success for one in attack(victim, data.samples, data.labels, run)]
    assert min(shares) - 0.15 <= sum(kept) / len(data) <= max(shares) + 0.15
    assert min(shares) < accuracy(learned, data)


def test_what_is_shown_to_it_stays_within_the_bound_and_flips_are_flips(learned):
    samples, labels = clouds(40, seed=2).tensors()
    shown = UnderAttack(run=RUN)(learned, samples, labels, torch.Generator().manual_seed(0))
    change = (shown - samples).flatten(1).norm(dim=1)
    assert float(change.max()) <= 1.0 + 1e-6
    with torch.inference_mode():
        before, after = (learned(one).argmax(1) == labels for one in (samples, shown))
    assert not (after & ~before).any()
    assert torch.equal(shown[~before], samples[~before])


def test_only_the_first_samples_of_each_set_are_judged():
    data, held = clouds(), clouds(50, seed=1)
    recipe = Recipe(optimiser=Modern(1e-2), epochs=2, judge=FGSM(0.1), judged=20)
    fitted = fit(made(data), data, held, recipe, watched={"test": clouds(10, seed=3)})
    assert fitted.best.judged["validation"] == accuracy(
        fitted.net, Labelled(held.samples[:20], held.labels[:20]), FGSM(0.1)
    )
    assert fitted.best.natural["validation"] == accuracy(fitted.net, held)


def test_how_many_are_judged_is_part_of_what_was_begun(tmp_path):
    data = clouds(60)
    recipe = Recipe(optimiser=Modern(1e-2), epochs=2)
    fit(made(data), data, data, recipe, folder=tmp_path)
    with pytest.raises(InputError, match="was begun with"):
        fit(made(data), data, data, dataclasses.replace(recipe, judged=20), folder=tmp_path)


def test_an_attack_without_a_bound_judges_nothing():
    with pytest.raises(InputError, match="judge: an attack without a bound flips nearly everything"):
        UnderAttack(run=Run())
