"""Plans towards single classes, the near ones most."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.response import Habits, ResponseAgent  # noqa: E402
from brinkmap.objective import Targeted, Untargeted  # noqa: E402
from brinkmap.response.aims import ANY, FREE, Aims  # noqa: E402
from brinkmap.response.margins import margins_for, towards  # noqa: E402

ANSWERS = np.array([[0.1, 0.6, 0.05, 0.25], [0.4, 0.3, 0.2, 0.1]], np.float32)
SHAPE = (1, 6, 6)
FIRST, SECOND = np.linalg.qr(np.random.default_rng(3).standard_normal((36, 2)))[0].T


def begun(classes=4, slots=(2, 0)):
    aims = Aims(3, classes)
    aims.begin(np.array(slots), ANSWERS, ANSWERS.argmax(axis=1))
    return aims


def plans(aims, count, slots=(2, 0)):
    return np.array([aims.next(np.array(slots)) for _ in range(count)])


def test_any_class_comes_first_and_then_each_as_often_as_it_is_near():
    aims = begun()
    assert (plans(aims, FREE) == ANY).all()
    found = plans(aims, 3000)
    for row, column in enumerate(found.T):
        own = ANSWERS[row].argmax()
        leads = np.log(ANSWERS[row, own] / np.delete(ANSWERS[row], own))
        near = np.append(1 / leads, 1 / leads.min())  # any class is as near as the nearest
        shares = [np.mean(column == one) for one in [*np.delete(np.arange(4), own), ANY]]
        np.testing.assert_allclose(shares, near / near.sum(), atol=0.002)
        assert not (column == own).any()


def test_a_class_that_an_answer_has_shown_to_be_near_is_tried_next():
    aims = begun(slots=(2, 1))
    plans(aims, FREE, (2, 1))
    assert plans(aims, 1, (2, 1)).ravel().tolist() == [3, 1]
    aims.learn(np.array([1]), np.array([[0.35, 0.15, 0.15, 0.35]], np.float32))
    assert plans(aims, 1, (2, 1)).ravel()[1] == 3


def test_without_classes_it_is_any_for_ever():
    assert (plans(begun(classes=0), 9) == ANY).all()


def test_a_new_sample_in_a_slot_begins_anew():
    aims = begun()
    first = plans(aims, 20)
    aims.begin(np.array([2, 0]), ANSWERS, ANSWERS.argmax(axis=1))
    np.testing.assert_array_equal(plans(aims, 20), first)


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
    assert not any(one.success for one in attacked(aims=False))
    for one in attacked(aims=True):
        assert one.success
        assert one.after.argmax() == 2
        assert one.queries_to_flip <= 1 + FREE + 3


def test_a_class_that_the_criterion_wants_is_the_only_aim():
    assert all(one.queries_to_flip == 2 for one in attacked(True, Targeted(2)))
