"""What a network sees place by place, beside its means: the model says the same, corrections know more."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_policy import SHAPES  # noqa: E402

from brinkmap.response.correction import Corrections  # noqa: E402
from brinkmap.response.looks import Look, Looks  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.response.placed import MOST, Placed  # noqa: E402


@pytest.mark.parametrize("shape", SHAPES.values(), ids=str)
def test_the_model_says_what_it_said_and_places_average_to_its_features(shape):
    net, samples = ResponseNet(shape[0], len(shape) - 1, 4, widths=(4, 6)).eval(), torch.rand(3, *shape)
    model = Placed(net, shape)
    features = model.features(samples)
    torch.testing.assert_close(model.head(features), net(samples))
    torch.testing.assert_close(features[:, : model.own], net.features(samples))
    torch.testing.assert_close(net.places(samples).flatten(2).mean(dim=2), net.features(samples))
    assert features.shape[1] <= model.own * (1 + MOST[len(shape) - 1] ** (len(shape) - 1))


def test_a_mirrored_look_sees_each_place_where_it_is():
    net, samples = ResponseNet(1, 2, 3, widths=(4, 6, 6)).eval(), torch.rand(2, 1, 16, 16)
    looks = Looks(net, [Look((0, 0), flip=True)])
    torch.testing.assert_close(looks.places(samples), net.places(samples.flip(-1)).flip(-1))


def test_corrections_find_a_direction_that_the_network_does_not_see():
    rng, slot = np.random.default_rng(0), torch.tensor([0])
    truth = rng.normal(size=(8, 2)).astype(np.float32)
    asked = rng.normal(size=(150, 11)).astype(np.float32)
    asked[:, :3] *= 1e4  # the network's own features, of another scale and of no use
    corrections = Corrections(1, 11, 2, own=3)
    corrections.begin(slot, torch.zeros(1, 11), torch.zeros(1, 2))
    for row in asked:
        corrections.learn(slot, torch.from_numpy(row[None]), torch.from_numpy(row[None, 3:] @ truth))
    found = corrections.of(slot).weights[0, 3:].numpy()
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.99


def answered(answers):
    """Corrections of one sample with three features, two of them of places, and so many answers about the first."""
    corrections, slot = Corrections(1, 3, 1, own=1), torch.tensor([0])
    corrections.begin(slot, torch.zeros(1, 3), torch.zeros(1, 1))
    for _ in range(answers):
        corrections.learn(slot, torch.tensor([[0.1, 1.0, 0.0]]), torch.tensor([[2.0]]))
    return corrections


def drawn(corrections, seed):
    """The weights of a model drawn."""
    return corrections.of(torch.tensor([0]), [0], [np.random.default_rng(seed)])


def test_models_are_drawn_around_the_best_one_and_furthest_where_no_answer_was():
    corrections = answered(20)
    weights = torch.stack([drawn(corrections, seed).weights[0, :, 0] for seed in range(400)])
    best = corrections.of(torch.tensor([0])).weights[0, :, 0]
    assert weights[:, 1].std() < 0.5 * weights[:, 2].std()
    torch.testing.assert_close(weights.mean(dim=0), best, atol=0.5, rtol=0)


def test_only_rows_in_doubt_are_drawn_and_nothing_where_there_is_no_answer():
    corrections, both = answered(5), torch.tensor([0, 0])
    known = corrections.of(both)
    some = corrections.of(both, [1], [np.random.default_rng(0), np.random.default_rng(1)])
    assert torch.equal(some.weights[0], known.weights[0])
    assert not torch.equal(some.weights[1], known.weights[1])
    none = drawn(answered(0), 0)
    assert not none.weights.any()
    assert not none.offset.any()
