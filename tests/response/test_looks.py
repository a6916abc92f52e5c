"""Several looks at a sample: what is moved, what is averaged, and who looks more than once."""

import dataclasses
import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.response import Habits, ResponseAgent  # noqa: E402
from brinkmap.response.card import AgentCard  # noqa: E402
from brinkmap.response.looks import LOOKS, Look, Looks, drawn_look, looks_of  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402

EXTENTS = [(50,), (17, 31), (3, 8, 64), (7, 40, 20), (5, 5)]
SHIFTED = {(50,): 1, (17, 31): 2, (3, 8, 64): 1, (7, 40, 20): 2, (5, 5): 0}
"""Axes that are long enough to be shifted by a thirty-second."""


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("flip", [False, True])
def test_looks_are_all_different_and_the_first_is_the_sample_itself(extent, flip):
    samples = torch.rand(2, 3, *extent)
    looks = looks_of(99, extent, shift=True, flip=flip)
    assert len(looks) == (2 ** SHIFTED[extent] if SHIFTED[extent] else 0) + 1 + flip
    assert all((by != 0) <= (n > 15) for look in looks for by, n in zip(look.shift, extent, strict=True))
    seen = [look.of(samples) for look in looks]
    assert torch.equal(seen[0], samples)
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(seen, 2))
    assert looks_of(3, extent, shift=True, flip=flip) == looks[:3]


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize(("shift", "flip"), list(itertools.product([False, True], repeat=2)))
def test_looks_that_are_drawn_go_no_further_than_those_of_an_attack(extent, shift, flip):
    rng = np.random.default_rng(0)
    drawn = {drawn_look(rng, extent, shift=shift, flip=flip) for _ in range(500)}
    far = [round(n / 32) if shift and LOOKS[len(extent)] > 1 else 0 for n in extent]
    assert {one.shift for one in drawn} == set(itertools.product(*(range(-n, n + 1) for n in far)))
    assert {one.flip for one in drawn} == {False, flip}


@pytest.mark.parametrize("extent", EXTENTS)
def test_a_shift_is_that_of_the_training_with_the_edge_in_the_mirror(extent):
    sample = np.random.default_rng(0).random((1, 1, *extent)).astype(np.float32)
    for by in itertools.product((-2, 0, 1), repeat=len(extent)):
        padded = np.pad(sample, [(0, 0), (0, 0), *((2, 2),) * len(extent)], mode="symmetric")
        window = tuple(slice(2 + step, 2 + step + n) for step, n in zip(by, extent, strict=True))
        moved = Look(by).of(torch.from_numpy(sample))
        np.testing.assert_array_equal(moved, padded[(slice(None), slice(None), *window)])


def test_no_look_at_all_is_refused():
    with pytest.raises(brinkmap.InputError, match="looks: expected 1 or more, got 0"):
        Habits(looks=0)


def test_where_training_moved_nothing_there_is_one_look():
    assert looks_of(9, (32, 32), shift=False, flip=False) == (Look((0, 0)),)
    assert looks_of(9, (32, 32), shift=False, flip=True) == (Look((0, 0)), Look((0, 0), flip=True))
    assert not any(look.flip for look in looks_of(9, (32, 32), shift=True, flip=False))


def test_unasked_a_signal_is_looked_at_once_and_a_picture_four_times():
    assert looks_of(None, (50,), shift=True, flip=True) == (Look((0,)),)
    assert looks_of(None, (32, 32), shift=True, flip=True) == looks_of(4, (32, 32), shift=True, flip=True)


def test_answers_are_the_mean_of_those_to_every_look():
    """The head is linear, so that features may be averaged in place of logits."""
    torch.manual_seed(0)
    net = ResponseNet(3, 2, 4, widths=(4, 6)).eval()
    looks = looks_of(5, (20, 16), shift=True, flip=True)
    model, samples = Looks(net, looks), torch.rand(3, 3, 20, 16)
    each = torch.stack([net(look.of(samples)) for look in looks])
    torch.testing.assert_close(model(samples), each.mean(dim=0))
    assert not torch.allclose(each[0], each[1], atol=1e-4)
    once = Looks(net, looks[:1])
    assert torch.equal(once.features(samples), net.features(samples))


def answer(batch):
    bright = 1 / (1 + np.exp(-40 * (batch[:, :, 2:5, 1:4].mean(axis=(1, 2, 3)) - 0.5)))
    return np.stack([bright, 1 - bright], axis=1)


SHAPE = (1, 16, 16)
VICTIM = brinkmap.wrap(answer, shape=SHAPE, classes=2)
SAMPLES = np.random.default_rng(1).random((7, *SHAPE)).astype(np.float32)
CARD = AgentCard(
    name="some",
    channels=1,
    rank=2,
    classes=2,
    widths=(4, 6),
    distortions=("tint",),
    default=("tint",),
    patches=("2",),
    flip=True,
)


def outcomes(card, looks, slots):
    torch.manual_seed(3)
    agent = ResponseAgent(ResponseNet(1, 2, 2, widths=(4, 6)), Habits(looks=looks), card)
    run = brinkmap.Run(agent=agent, distortions=["tint"], patch=2, max_l2=1.0, budget=25, slots=slots)
    results = sorted(brinkmap.attack(VICTIM, SAMPLES, None, run), key=lambda one: one.index)
    return [(one.queries, one.success, one.l2, one.adversarial.tobytes()) for one in results]


def test_a_card_says_whether_an_agent_looks_more_than_once():
    still = dataclasses.replace(CARD, shift=False, flip=False)
    once = outcomes(None, 4, 2)
    assert outcomes(still, 4, 2) == outcomes(CARD, 1, 2) == once
    assert outcomes(CARD, 4, 2) != once


def test_with_several_looks_results_do_not_depend_on_the_slots():
    assert outcomes(CARD, 4, 1) == outcomes(CARD, 4, 3) == outcomes(CARD, 4, 7)
