"""What a policy sees of cells, checked against what can be worked out by hand, and laws of the network."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.distortions import Medium, arsenal  # noqa: E402
from brinkmap.env.observation import Observation  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.plan import KEEP, REMOVE, Canvas, Cards, make_grid  # noqa: E402
from brinkmap.response.cells import (  # noqa: E402
    CONTENTS,
    NEVER,
    STANDINGS,
    CellNet,
    allowed,
    cell_contents,
    cell_counts,
    standings,
)

SHAPES = {1: (2, 23), 2: (3, 7, 10), 3: (1, 5, 6, 7)}


def canvas_of(rank, patch=3, bounds=(0.0, 1.0)):
    shape = SHAPES[rank]
    cards = Cards(arsenal(["illuminate"], Medium(shape)))
    return Canvas(shape, bounds, make_grid(patch, shape[1:]), cards, seed=0)


@pytest.mark.parametrize("rank", SHAPES)
def test_contents_are_means_and_spreads_of_the_values_inside_each_cell(rank):
    canvas = canvas_of(rank, bounds=(-3.0, 5.0))
    sample = np.random.default_rng(rank).uniform(-3, 5, canvas.shape).astype(np.float32)
    told = cell_contents(canvas, sample)
    channels = canvas.shape[0]
    assert told.shape == (CONTENTS * channels, *cell_counts(canvas))
    means, spreads, _ = told.reshape(3, channels, -1)
    for cell in range(canvas.grid.cells):
        inside = (sample[(slice(None), *canvas.grid.box(cell))].reshape(channels, -1).astype(np.float64) + 3) / 8
        np.testing.assert_allclose(means[:, cell], 2 * inside.mean(axis=1) - 1, atol=1e-6)
        np.testing.assert_allclose(10 ** (spreads[:, cell] - 1.5) - 1e-3, inside.std(axis=1), atol=1e-6)


@pytest.mark.parametrize("rank", SHAPES)
def test_a_ramp_has_the_same_gradient_everywhere_but_at_its_end_and_a_flat_sample_has_none(rank):
    canvas = canvas_of(rank, patch=1)
    ramp = np.broadcast_to(np.arange(canvas.shape[-1], dtype=np.float32) / 40, canvas.shape)
    gradient = cell_contents(canvas, ramp)[2 * canvas.shape[0] :]
    np.testing.assert_allclose(10 ** (gradient[..., :-1] - 1.5) - 1e-3, 1 / 40, atol=1e-6)
    flat = cell_contents(canvas, np.full(canvas.shape, 0.3, np.float32))[canvas.shape[0] :]
    np.testing.assert_allclose(flat, -1.5, atol=1e-5)


@pytest.mark.parametrize("rank", SHAPES)
def test_a_change_inside_a_cell_is_told_of_that_cell(rank):
    canvas = canvas_of(rank)
    sample = np.random.default_rng(0).random(canvas.shape).astype(np.float32)
    other = sample.copy()
    other[(slice(None), *canvas.grid.box(0))] = 0.5
    moved = cell_contents(canvas, sample) != cell_contents(canvas, other)
    assert moved.reshape(len(moved), -1)[:, 0].all()
    assert not moved.reshape(len(moved), -1)[: 2 * canvas.shape[0], 1:].any()  # gradients reach one value back


def observation_of(answers, **changes):
    n = len(answers)
    plain = {
        "codes": np.zeros((n, 4), np.int16),
        "answers": np.float32(answers),
        "margins": np.zeros(n, np.float32),
        "l2": np.full(n, 0.5),
        "max_l2": np.full(n, 2.0),
        "remaining": np.full(n, 10),
        "refining": np.zeros(n, bool),
    }
    return Observation(**(plain | changes))


def test_standings_do_not_depend_on_which_class_is_which():
    one = standings(observation_of([[0.5, 0.2, 0.1, 0.1, 0.06, 0.04]]))
    two = standings(observation_of([[0.04, 0.1, 0.5, 0.06, 0.2, 0.1]]))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (1, STANDINGS)


def test_standings_stay_finite_for_one_hot_answers_few_classes_and_no_bound():
    far = observation_of([[1, 0]], margins=np.float32([-69]), max_l2=np.array([np.inf]), remaining=np.array([0]))
    told = standings(far)
    assert np.isfinite(told).all()
    assert np.abs(told).max() <= 5
    assert told[0, 2] == 0  # no share of a bound that is not there


def test_all_is_allowed_but_what_would_change_nothing():
    codes = torch.tensor([[0, 1, 3, 0]])
    may = allowed(codes, cards=3)[0]
    forbidden = [[REMOVE], [1 + 1], [3 + 1], [REMOVE]]
    for cell, never in enumerate(forbidden):
        assert sorted(set(range(5)) - set(torch.nonzero(may[cell])[:, 0].tolist())) == never


def test_where_only_adding_is_allowed_nothing_happens_to_a_cell_twice():
    may = allowed(torch.tensor([[0, 1, 3, 0]]), cards=3, removes=False)[0].int()
    assert may.tolist() == [[1, 0, 1, 1, 1], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 1, 1, 1]]


def told(rank, n, cards, seed=0):
    rng = np.random.default_rng(seed)
    counts = {1: (9,), 2: (4, 5), 3: (2, 3, 4)}[rank]
    contents = torch.from_numpy(rng.standard_normal((n, CONTENTS * 2, *counts)).astype(np.float32))
    codes = torch.from_numpy(rng.integers(0, cards + 1, (n, int(np.prod(counts)))))
    return contents, codes, torch.from_numpy(rng.standard_normal((n, STANDINGS)).astype(np.float32))


@pytest.mark.parametrize("rank", SHAPES)
def test_one_network_speaks_of_every_cell_of_any_grid_and_never_of_what_is_not_allowed(rank):
    torch.manual_seed(0)
    net = CellNet(2, rank, cards=6, width=8, blocks=2)
    contents, codes, stands = told(rank, 3, 6)
    logits, worth = net(contents, codes, stands)
    assert logits.shape == (*codes.shape, 8)
    assert worth.shape == (3,)
    assert torch.equal(logits == NEVER, ~allowed(codes, 6))
    larger = torch.cat([contents, contents], dim=-1)
    assert net(larger, torch.zeros(3, larger[0, 0].numel(), dtype=torch.long), stands)[0].shape[1] == 2 * codes.shape[1]


@pytest.mark.parametrize("rank", SHAPES)
def test_a_row_is_answered_the_same_wherever_it_stands_in_a_chunk(rank):
    torch.manual_seed(0)
    net = CellNet(2, rank, cards=6, width=16, blocks=2).eval()
    contents, codes, stands = told(rank, 32, 6)
    order = torch.from_numpy(np.random.default_rng(1).permutation(32))
    with torch.inference_mode():
        logits, worth = net(contents, codes, stands)
        moved, also = net(contents[order], codes[order], stands[order])
    assert torch.equal(moved, logits[order])
    assert torch.equal(also, worth[order])


@pytest.mark.parametrize("changes", [1.0, 4.0])
def test_untrained_it_changes_about_as_many_cells_as_it_was_told(changes):
    torch.manual_seed(0)
    net = CellNet(2, 2, cards=6, width=16, blocks=2)
    net.expect_changes(changes, 20)
    contents, codes, stands = told(2, 50, 6)
    kept = torch.softmax(net(contents, codes, stands)[0], dim=2)[..., KEEP]
    assert (1 - kept).sum(dim=1).mean().item() == pytest.approx(changes, rel=0.15)


def test_several_patch_sizes_are_refused():
    with pytest.raises(InputError, match="takes one patch size, got 2"):
        cell_counts(canvas_of(2, patch=[2, 3]))
