"""Small moves from a plan that flips: nearer, and still over the boundary where the model is right."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.distortions import Medium, arsenal  # noqa: E402
from brinkmap.objective import Untargeted  # noqa: E402
from brinkmap.plan import Canvas, Cards, make_grid  # noqa: E402
from brinkmap.response.correction import Correction  # noqa: E402
from brinkmap.response.margins import margins_for  # noqa: E402
from brinkmap.response.nearer import nearer  # noqa: E402
from brinkmap.response.planning import Task  # noqa: E402
from brinkmap.response.scene import Scene  # noqa: E402

SHAPE, N = (1, 6, 6), 5
WEIGHTS = np.random.default_rng(3).standard_normal(36).astype(np.float32)
WANTED = -0.5


class Linear(torch.nn.Module):
    """Two classes, told apart by a plane: the margin of class 0 is twice the score."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(36, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(np.stack([WEIGHTS, -WEIGHTS])))
            self.head.bias.zero_()

    def features(self, samples):
        return samples.flatten(1) - 0.5


def margin_of(images):
    return 2 * (images.flatten(1) - 0.5) @ torch.from_numpy(WEIGHTS)


def moved(offset):
    """Before and after, (margins, L2) each: incumbents known to be `offset` off what the model says of them."""
    canvas = Canvas(SHAPE, (0.0, 1.0), make_grid(1, SHAPE[1:]), Cards(arsenal(["tint"], Medium(SHAPE, None))), seed=0)
    rng, scene = np.random.default_rng(1), Scene(canvas, N)
    for slot in range(N):
        scene.paint(slot, np.full(SHAPE, 0.5, np.float32) + rng.uniform(-0.05, 0.05, SHAPE).astype(np.float32), slot)
    slots, zeros = torch.arange(N), torch.zeros(N)
    view = scene.view(slots)
    falls = view.gains(torch.from_numpy(np.tile(WEIGHTS, (N, 1))))
    codes = falls.argmax(dim=1)  # every cell as far down as it goes
    before = (margin_of(view.render(codes)), view.energy.gather(1, codes[:, None])[:, 0].sum(1).sqrt())
    margins, own = margins_for(Untargeted(), np.zeros(N, np.int64), np.arange(N))
    task = Task(
        slots, torch.from_numpy(own), before[1], zeros, torch.full((N,), WANTED), torch.ones(N, dtype=torch.bool),
        torch.full((N,), -1),
    )  # fmt: skip
    net = Linear()
    after = nearer(net, Correction.none(net, N), margins, scene, task, codes, before[0] + offset)
    return before, (margin_of(view.render(after)), view.energy.gather(1, after[:, None])[:, 0].sum(1).sqrt())


def test_where_the_model_is_right_moves_come_nearer_and_stay_over_the_boundary():
    (was, was_l2), (margin, l2) = moved(0.0)
    assert (was < WANTED).all()
    assert (margin <= WANTED + 1e-4).all()
    assert (l2 <= 0.61 * was_l2).all()


def test_forecasts_count_from_what_the_victim_said_of_the_incumbent():
    """The more it is over the boundary than the model says, the nearer moves may come, and the other way round."""
    exact, cautious = moved(0.0)[1], moved(2.5)[1]
    assert (cautious[0] <= WANTED - 2.5 + 1e-4).all()
    assert (cautious[1] >= exact[1]).all()
    assert cautious[1].mean() > 1.1 * exact[1].mean()
