"""The policy: laws of its proposals, and what it learns in models of which the right answer is known."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.policy import PolicyAgent  # noqa: E402
from brinkmap.agents.response import Habits  # noqa: E402
from brinkmap.distortions import Medium, arsenal  # noqa: E402
from brinkmap.distortions.tone import Tint  # noqa: E402
from brinkmap.env.vector import Reward  # noqa: E402
from brinkmap.plan import Canvas, Cards, Palette, make_grid  # noqa: E402
from brinkmap.response.cells import CONTENTS, STANDINGS, cell_counts  # noqa: E402
from brinkmap.response.dream import Dream, Dreaming  # noqa: E402
from brinkmap.response.knapsack import best_codes  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.response.policy import Policy, Sight, price, shares_of_fall  # noqa: E402
from brinkmap.response.scene import Scene  # noqa: E402

SHAPES = {1: (2, 23), 2: (3, 7, 10), 3: (1, 4, 6, 7)}


def canvas_of(shape, patch, filters=None):
    cards = Cards(tuple(filters or arsenal(["illuminate"], Medium(shape))))
    return Canvas(shape, (0.0, 1.0), make_grid(patch, shape[1:]), cards, seed=0)


def view_of(canvas, n):
    rng = np.random.default_rng(0)
    palette, scene = Palette(canvas, n), Scene(canvas, n)
    for slot in range(n):
        palette.load(slot, rng.random(canvas.shape).astype(np.float32), slot)
        scene.load(slot, palette)
    return scene.view(torch.arange(n))


def sight_of(canvas, view, n):
    drawn = torch.Generator().manual_seed(1)
    cells = canvas.grid.cells
    contents = torch.randn(n, CONTENTS * canvas.shape[0], *cell_counts(canvas), generator=drawn)
    codes = torch.randint(0, len(canvas.cards) + 1, (n, cells), generator=drawn)
    slope = torch.randn(n, canvas.size, generator=drawn)
    credit = torch.randn(n, cells, generator=drawn)
    return Sight(contents, torch.randn(n, STANDINGS, generator=drawn), codes, credit, view.gains(slope), view.energy)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("max_l2", [0.3, 1.0, np.inf])
def test_whatever_it_thinks_its_proposals_keep_to_the_bound(rank, max_l2):
    torch.manual_seed(rank)
    canvas = canvas_of(SHAPES[rank], 3)
    policy = Policy(canvas.shape[0], rank, len(canvas.cards), width=8)
    with torch.no_grad():
        for head in policy.head.values():
            head.weight.mul_(300)  # a policy with opinions
    view, bound = view_of(canvas, 5), torch.full((5,), max_l2)
    with torch.no_grad():
        scores = policy(sight_of(canvas, view, 5))
    assert not scores[:, 0].any()
    codes, energy = best_codes(scores, view.energy, bound, view.levels)
    assert (energy.sqrt() <= bound).all()
    assert codes.any()
    rendered = (view.render(codes).flatten(1) - view.clean).norm(dim=1)
    torch.testing.assert_close(rendered, energy.sqrt(), rtol=1e-3, atol=1e-5)


def test_at_its_price_the_best_code_of_every_cell_by_itself_keeps_to_the_bound_and_barely():
    canvas = canvas_of((3, 16, 16), 1)
    view = view_of(canvas, 4)
    gains, bound = torch.rand(view.energy.shape, generator=torch.Generator().manual_seed(0)), torch.full((4,), 1.5)
    gains[:, 0] = 0
    at = price(gains, view.energy, bound)
    spent = []
    for factor in (1.0, 0.9):
        best = (gains - factor * at[:, None, None] * view.energy).argmax(dim=1, keepdim=True)
        spent.append(view.energy.gather(1, best)[:, 0].sum(dim=1).sqrt())
    assert (spent[0] <= bound).all()
    assert (spent[1] > 0.97 * bound).all()
    assert not price(gains, view.energy, torch.full((4,), np.inf)).any()


def test_untrained_it_nearly_follows_the_model_whatever_the_scale_of_its_gains():
    torch.manual_seed(0)
    canvas = canvas_of(SHAPES[2], 2)
    policy, view = Policy(3, 2, len(canvas.cards), width=8), view_of(canvas, 4)
    sight = dataclasses.replace(sight_of(canvas, view, 4), codes=torch.zeros(4, canvas.grid.cells, dtype=torch.long))
    larger = dataclasses.replace(sight, gains=1000 * sight.gains)
    bound = torch.full((4,), 0.5)
    with torch.no_grad():
        mine, again = (best_codes(policy(one), view.energy, bound, view.levels).codes for one in (sight, larger))
    follows = best_codes(sight.gains, view.energy, bound, view.levels).codes
    assert torch.equal(mine, again)
    assert (mine == follows).float().mean() > 0.7


def test_what_an_answer_brought_is_shared_among_the_cells_that_were_changed():
    credit = shares_of_fall(
        torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1]]), torch.tensor([[0, 0, 2, 1], [0, 0, 0, 0]]),
        torch.tensor([[0, 3, 0, 1], [0, 0, 0, 0]]), torch.tensor([2.0, 5.0]),
    )  # fmt: skip
    torch.testing.assert_close(credit, torch.tensor([[0.8, 1, 1, 0], [0, 0, 0, 0.8]]))


class OneCellDecides(torch.nn.Module):
    """The brightest value decides once it has fallen; until then all that slopes is of no consequence."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[2.0, 0.05], [-2.0, -0.05]]))
            self.head.bias.zero_()

    def features(self, samples):
        flat = samples.flatten(1)
        decides = torch.sigmoid(60 * (flat.amax(dim=1) - 0.8)) - 0.5
        return torch.stack([decides, torch.tanh(4 * (flat - 0.5)).mean(dim=1)], dim=1)


class Marked:
    """Grey pictures with one bright value each."""

    def __getitem__(self, number):
        rng = np.random.default_rng(number)
        sample = rng.uniform(0.4, 0.6, (1, 4, 4)).astype(np.float32)
        sample.flat[rng.integers(16)] = 1.0
        return sample


class Unseen:
    """More of these, none of which training has shown."""

    def __getitem__(self, number):
        return Marked()[10**6 + number]


class ShownAnother(torch.nn.Module):
    """The same policy, shown the picture of another sample in place of the one it acts on."""

    def __init__(self, policy):
        super().__init__()
        self.policy, self.unlearned, self.heads = policy, policy.unlearned, policy.heads

    def forward(self, sight):
        moved = {"contents": sight.contents.roll(1, 0), "gains": sight.gains.roll(1, 0)}
        return self.policy(dataclasses.replace(sight, **moved))


def first_flips(policy, canvas):
    """Share of unseen samples that the first proposal flips in the model."""
    torch.manual_seed(5)
    told = Dreaming(samples=32, rollouts=1, steps=1, noise=1e-4, rate=0.0, error=0.0, spread=1.0)
    return (
        sum(one.first for one in Dream(OneCellDecides(), policy, canvas, 0.27, told, seed=99).updated(Marked(), 2)) / 2
    )


def test_trained_in_a_model_where_one_cell_decides_it_finds_that_cell():
    """Its untrained copy follows slopes of no consequence; shown another picture it looks in the wrong place."""
    torch.manual_seed(0)
    canvas = canvas_of((1, 4, 4), 1, [Tint("+", 0.24, levels=1), Tint("-", 0.24, levels=1)])
    policy = Policy(1, 2, len(canvas.cards), width=16, blocks=1)
    before = first_flips(policy, canvas)
    told = Dreaming(
        samples=8, rollouts=12, steps=1, noise=1.0, rate=5e-3, error=0.2, spread=1.0, reward=Reward(distance_price=0.0)
    )
    list(Dream(OneCellDecides(), policy, canvas, 0.27, told).updated(Marked(), 105))
    after, blind = first_flips(policy, canvas), first_flips(ShownAnother(policy), canvas)
    assert after >= 0.8
    assert before <= after - 0.4
    assert blind <= after - 0.4


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("rank", SHAPES)
def test_slots_change_nothing_and_every_query_is_on_the_ledger(rank, steps):
    torch.manual_seed(0)
    shape, seen = SHAPES[rank], []
    net = ResponseNet(shape[0], rank, 2, widths=(4, 4))
    policy = Policy(shape[0], rank, len(canvas_of(shape, 2).cards), width=8)
    samples = np.random.default_rng(0).random((4, *shape)).astype(np.float32)

    def dim(batch):
        seen.append(len(batch))
        share = 1 / (1 + np.exp(-30 * (batch.reshape(len(batch), -1).mean(axis=1, dtype=np.float64) - 0.47)))
        return np.stack([share, 1 - share], axis=1)

    victim = brinkmap.wrap(dim, shape=shape, classes=2)
    outcomes = []
    for slots in (1, 3):
        seen.clear()
        run = brinkmap.Run(
            agent=PolicyAgent(net, policy, Habits(steps=steps)), slots=slots, distortions=["illuminate"], patch=2,
            max_l2=0.6, budget=8, refine_budget=3,
        )  # fmt: skip
        results = list(brinkmap.attack(victim, samples, None, run))
        assert sum(one.queries for one in results) == sum(seen)
        assert all(one.l2 <= 0.6 for one in results)
        outcomes.append(sorted((one.index, one.queries, one.success, one.l2) for one in results))
    assert outcomes[0] == outcomes[1]
