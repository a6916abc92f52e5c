"""Plans towards each of the likeliest classes in turn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.response import Habits, ResponseAgent  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.objective import Targeted, Untargeted  # noqa: E402
from brinkmap.response.aims import ANY, FREE, Aims  # noqa: E402
from brinkmap.response.margins import margins_for, towards  # noqa: E402

ANSWERS = np.array([[0.1, 0.6, 0.05, 0.25], [0.4, 0.3, 0.2, 0.1]], np.float32)
SHAPE = (1, 6, 6)
FIRST, SECOND = np.linalg.qr(np.random.default_rng(3).standard_normal((36, 2)))[0].T


def aimed(count, plans, slots=(2, 0)):
    aims = Aims(3, count)
    aims.begin(np.array(slots), ANSWERS, ANSWERS.argmax(axis=1))
    return np.array([aims.next(np.array(slots)) for _ in range(plans)])


def test_any_class_comes_first_then_the_likeliest_others_in_turn_and_any_again():
    found = aimed(2, FREE + 7)
    turns = [ANY, 3, 0, ANY, 3, 0, ANY], [ANY, 1, 2, ANY, 1, 2, ANY]
    for column, turn in zip(found.T, turns, strict=True):
        assert column.tolist() == [ANY] * FREE + turn


def test_without_others_it_is_any_class_for_ever_and_the_own_one_is_never_aimed_at():
    assert (aimed(0, 9) == ANY).all()
    everything = aimed(3, FREE + 8)
    assert set(everything[:, 0]) == {ANY, 0, 2, 3}
    assert set(everything[:, 1]) == {ANY, 1, 2, 3}


def test_a_new_sample_in_a_slot_begins_anew():
    aims = Aims(1, 3)
    for own in (0, 1):
        aims.begin(np.array([0]), ANSWERS[:1], np.array([own]))
        assert [int(aims.next(np.array([0]))[0]) for _ in range(FREE + 1)] == [ANY] * (FREE + 1)
        assert int(aims.next(np.array([0]))[0]) == (1 if own == 0 else 3)


def test_the_lead_is_over_the_class_aimed_at_and_elsewhere_the_criterion_s_own():
    logits = torch.tensor(ANSWERS).log().requires_grad_()
    margins, own = margins_for(Untargeted(), np.array([1, 0]), np.arange(2))
    own, aim = torch.from_numpy(own), torch.tensor([2, ANY])
    found = towards(margins, aim)(logits, own)
    np.testing.assert_allclose(found.detach().numpy(), np.log([0.6 / 0.05, 0.4 / 0.3]), rtol=1e-5)
    (slope,) = torch.autograd.grad(found.sum(), logits)
    assert slope.tolist() == [[0, 1, -1, 0], [1, -1, 0, 0]]


class MistakenModel(torch.nn.Module):
    """Knows the way to class 2, and one to class 1 that looks nearer and does not exist."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(36, 3)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(np.stack([0 * FIRST, 9 * FIRST, 4 * SECOND])))
            self.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))

    def features(self, samples):
        return samples.flatten(1) - 0.5


def answer(batch):
    values = batch.reshape(len(batch), -1).astype(np.float64) - 0.5
    logits = np.stack([np.ones(len(batch)), np.full(len(batch), 0.3), 4 * values @ SECOND], axis=1)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def attacked(aims, criterion=None):
    victim = brinkmap.wrap(answer, shape=SHAPE, classes=3)
    agent = ResponseAgent(MistakenModel(), Habits(aims=aims, corrected=False, plan_every=1))
    run = brinkmap.Run(
        agent=agent, distortions=["tint"], patch=1, max_l2=0.5, budget=12, criterion=criterion or Untargeted()
    )
    return list(brinkmap.attack(victim, np.full((3, *SHAPE), 0.5, np.float32), None, run))


def test_what_the_model_thinks_nearest_may_not_be_there_and_the_next_class_is():
    assert not any(one.success for one in attacked(0))
    for one in attacked(2):
        assert one.success
        assert one.after.argmax() == 2
        assert one.queries_to_flip <= 1 + FREE + 3


def test_a_class_that_the_criterion_wants_is_the_only_aim():
    assert all(one.queries_to_flip == 2 for one in attacked(2, Targeted(2)))


def test_fewer_than_no_aims_are_refused():
    with pytest.raises(InputError, match="aims: expected 0 or more, got -1"):
        Habits(aims=-1)
