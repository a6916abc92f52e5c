"""Weights between the first and the last: what is kept, what is picked, and that it goes on to the same bits."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from test_fit import clouds, made  # noqa: E402

from brinkmap.harden import FGSM, Modern, Recipe, accuracy, fit, split  # noqa: E402
from brinkmap.harden.blend import SHARES, blended, mixed  # noqa: E402

HARD = Recipe(
    optimiser=Modern(1e-2), epochs=6, adversary=FGSM(0.35), judge=FGSM(0.2), tolerance=0.02, blend=True, seed=2
)  # fmt: skip
"""So strong an adversary that natural accuracy is given up."""


class Knob(torch.nn.Module):
    """One weight, that how it looks depends on."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("count", torch.tensor(0))


def state(weight, count):
    return {"weight": torch.tensor([weight]), "count": torch.tensor(count)}


def test_a_mixture_is_on_the_line_between_and_counts_as_the_last_does():
    first, last = state(1.0, 3), state(3.0, 9)
    assert mixed(first, last, 1.0)["weight"] == 3.0
    assert mixed(first, last, 0.25)["weight"] == 1.5
    assert mixed(first, last, 0.25)["count"] == 9


@pytest.mark.parametrize(("least", "wanted"), [(0.0, 1.0), (0.5, 0.5), (0.76, 0.2), (0.99, None)])
def test_the_most_hardened_mixture_that_keeps_natural_accuracy_is_picked(least, wanted):
    net = Knob()
    found = blended(
        net, state(0.0, 0), state(1.0, 1), lambda: 1 - net.weight.item() >= least, lambda: net.weight.item()
    )  # fmt: skip
    kept = [share for share in SHARES if 1 - share >= least]
    assert (None if found is None else found.share) == (max(kept) if kept else None)
    if wanted is not None:
        assert found.share == pytest.approx(wanted)
        assert found.weights["weight"].item() == pytest.approx(wanted)


def test_with_it_robustness_is_gained_within_the_tolerance_where_no_look_keeps_it():
    train, validation = split(clouds(count=400))
    begun = fit(made(train), train, validation, Recipe(optimiser=Modern(1e-2), epochs=8)).net.state_dict()
    found = {}
    for blend in (False, True):
        net = made(train)
        net.load_state_dict(begun)
        found[blend] = fit(net, train, validation, dataclasses.replace(HARD, blend=blend))
        least = found[blend].history[0].natural["validation"] - HARD.tolerance
        assert accuracy(found[blend].net, validation) >= least
    assert found[True].best.judged["validation"] >= found[False].best.judged["validation"]
    assert 0 < found[True].share < 1
    assert found[True].best.judged["validation"] == accuracy(found[True].net, validation, HARD.judge, HARD.seed)


def test_taken_up_again_it_is_the_same_mixture(tmp_path):
    train, validation = split(clouds(count=200))
    whole = fit(made(train), train, validation, HARD)
    fit(made(train), train, validation, dataclasses.replace(HARD, epochs=6), folder=tmp_path)
    again = fit(made(train), train, validation, HARD, folder=tmp_path)
    assert again.share == whole.share
    assert all(torch.equal(one, again.net.state_dict()[name]) for name, one in whole.net.state_dict().items())


def test_no_tolerance_is_stated_otherwise_than_a_tolerance_of_nothing():
    assert "tolerance=0.0" in Recipe(tolerance=0.0).stated
    assert "tolerance=0.0" in Recipe(tolerance=0.0).fingerprint
    assert "tolerance" not in Recipe().stated
    assert "blend" not in Recipe(tolerance=0.1).stated
