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
