"""What a sample holds in its cells, beside a network's features: the model says the same, corrections know more."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_policy import SHAPES, canvas_of  # noqa: E402

from brinkmap.response.correction import Corrections  # noqa: E402
from brinkmap.response.grounded import Grounded, few_enough  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402


@pytest.mark.parametrize("shape", SHAPES.values(), ids=str)
def test_the_model_says_what_it_said_and_cells_keep_the_l2_of_even_changes(shape):
    net, canvas = ResponseNet(shape[0], len(shape) - 1, 4, widths=(4, 6)).eval(), canvas_of(shape, 3)
    model, samples = Grounded(net, canvas), torch.rand(3, *shape)
    torch.testing.assert_close(model.head(model.features(samples)), net(samples))
    by_cell = torch.rand(shape[0], canvas.grid.cells)
    change = by_cell[:, torch.from_numpy(canvas.grid.atom_of)].view(shape)
    moved = (model.features(samples + change) - model.features(samples))[:, model.own :]
    torch.testing.assert_close(moved.norm(dim=1), change.norm().expand(3))


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


def test_only_grids_of_few_cells_are_grounded():
    assert few_enough(canvas_of((3, 32, 32), 2))
    assert not few_enough(canvas_of((3, 32, 32), 1))
