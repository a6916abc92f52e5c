"""Laws of the scores that ask the victim again, on victims whose answers are sums over known positions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.errors import InputError, VictimError
from brinkmap.explain import faithfulness
from brinkmap.explain.faithfulness import Boxes, Cells, Explained, deletion, insertion, removals
from brinkmap.seeding import sample_generator
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.metered import Metered

EXTENTS = [(24,), (6, 4), (2, 4, 3)]
by_rank = pytest.mark.parametrize("extent", EXTENTS, ids=lambda extent: f"rank{len(extent)}")
SUBSETS = [Cells(patch=1, count=5, draws=40), Boxes(share=0.4, draws=40)]
by_subsets = pytest.mark.parametrize("subsets", SUBSETS, ids=lambda subsets: type(subsets).__name__)


class Additive:
    """The chance of class 1 is the sum over positions of the channels' mean times a weight; counts what it is asked."""

    def __init__(self, weights):
        self.weights, self.asked, self.largest = weights, 0, 0

    def __call__(self, batch):
        self.asked += len(batch)
        self.largest = max(self.largest, len(batch))
        chance = (batch.mean(axis=1, dtype=np.float64) * self.weights).reshape(len(batch), -1).sum(axis=1)
        return np.stack([1 - chance, chance], axis=1).astype(np.float32)


def weights_of(extent, seed=0):
    """Half of the positions matter, each by another amount; 1 together."""
    rng = np.random.default_rng(seed)
    weights = rng.random(extent) * (rng.random(extent) < 0.5)
    return weights / weights.sum()


def samples_of(extent, n=3, channels=2):
    return np.random.default_rng(1).uniform(0.2, 1, (n, channels, *extent)).astype(np.float32)


def known(extent, n=3):
    """A victim, and samples with the map that is right for them: what each position adds to the chance."""
    victim, samples = Additive(weights_of(extent)), samples_of(extent, n)
    return victim, Explained(samples, samples.mean(axis=1) * victim.weights, np.ones(n, int))


def other(explained, maps):
    return Explained(explained.samples, maps, explained.targets)


def shuffled(explained, seed):
    rng = np.random.default_rng(seed)
    return other(explained, np.stack([rng.permutation(one.ravel()).reshape(one.shape) for one in explained.maps]))


def generators(n=3, seed=0):
    return [sample_generator(seed, index) for index in range(n)]


@by_rank
def test_the_right_map_is_best_and_its_inverse_worst(extent):
    victim, right = known(extent)
    wrong = other(right, -right.maps)
    best, worst = (deletion(victim, one, np.zeros_like, steps=12).auc for one in (right, wrong))
    highest, lowest = (insertion(victim, one, np.zeros_like, steps=12).auc for one in (right, wrong))
    for seed in range(20):
        guess = shuffled(right, seed)
        removed = deletion(victim, guess, np.zeros_like, steps=12).auc
        inserted = insertion(victim, guess, np.zeros_like, steps=12).auc
        assert ((best < removed) & (removed < worst)).all()
        assert ((lowest < inserted) & (inserted < highest)).all()


@by_rank
def test_curves_of_a_known_victim_are_sums_of_its_weights(extent):
    victim, right = known(extent)
    curves = deletion(victim, right, np.zeros_like, steps=24)
    falling = -np.sort(-right.maps.reshape(3, -1), axis=1)
    expected = falling.sum(axis=1, keepdims=True) - np.cumsum(np.insert(falling, 0, 0, axis=1), axis=1)
    assert_allclose(curves.shares, np.arange(25) / 24)
    assert_allclose(curves.chances, expected, atol=1e-6)
    assert_allclose(curves.auc, (expected[:, 1:] + expected[:, :-1]).mean(axis=1) / 2, atol=1e-6)


@by_rank
def test_curves_run_from_the_sample_to_the_fill_and_back(extent):
    victim, right = known(extent)
    filled = np.full_like(right.samples[0], 0.1)
    removed = deletion(victim, right, lambda sample: np.full_like(sample, 0.1))
    inserted = insertion(victim, right, lambda sample: np.full_like(sample, 0.1))
    assert_array_equal(removed.chances[:, 0], victim(right.samples)[:, 1])
    assert_array_equal(removed.chances[:, -1], victim(filled[None])[0, 1])
    assert_array_equal(inserted.chances[:, [0, -1]], removed.chances[:, [-1, 0]])


@by_rank
def test_an_insertion_is_the_deletion_of_the_inverse_backwards(extent):
    victim, right = known(extent)
    distinct = other(right, np.random.default_rng(2).permuted(np.arange(72.0)).reshape(3, *extent))
    backwards = deletion(victim, other(distinct, -distinct.maps), np.zeros_like).chances[:, ::-1]
    assert_array_equal(insertion(victim, distinct, np.zeros_like).chances, backwards)


def test_all_channels_of_a_position_are_hidden_together_and_equals_in_order():
    seen = []

    def answers(batch):
        seen.extend(batch)
        return np.full((len(batch), 2), 0.5, np.float32)

    samples = np.arange(1, 9, dtype=np.float32).reshape(1, 2, 4)
    deletion(answers, Explained(samples, np.array([[1.0, 2.0, 1.0, 1.0]]), np.array([0])), np.zeros_like, steps=4)
    kept = [row[0] > 0 for row in seen]
    assert [k.tolist() for k in kept] == [
        [True, True, True, True],
        [True, False, True, True],
        [False, False, True, True],
        [False, False, False, True],
        [False, False, False, False],
    ]
    assert_array_equal([row[1] > 0 for row in seen], kept)
    assert all(row.dtype == np.float32 for row in seen)


@by_rank
@pytest.mark.parametrize("score", [deletion, insertion])
@pytest.mark.parametrize("steps", [1, 7, 100])
def test_every_query_of_a_curve_is_counted(extent, score, steps):
    victim, right = known(extent)
    curves = score(victim, right, np.zeros_like, steps=steps)
    assert curves.queries == victim.asked == 3 * (min(steps, 24) + 1)
    assert curves.chances.shape == (3, len(curves.shares))
    assert (curves.shares[0], curves.shares[-1]) == (0, 1)


@by_rank
@by_subsets
def test_every_query_of_removals_is_counted(extent, subsets):
    victim, right = known(extent)
    found = removals(victim, right, np.zeros_like, subsets, generators())
    assert found.queries == victim.asked == 3 * 41
    assert found.sums.shape == found.drops.shape == (3, 40)


def test_the_ledger_agrees():
    victim, right = known((24,))
    metered = Metered(FunctionVictim(victim, shape=(2, 24), classes=2))
    curves = deletion(lambda b: metered.ask_once(range(len(b)), b).probabilities, right, np.zeros_like)
    assert curves.queries == metered.ledger.total


@pytest.mark.parametrize(("block", "largest"), [(2**24, 256), (48 * 7, 7), (1, 1)])
def test_batches_stay_small_and_change_nothing(monkeypatch, block, largest):
    victim, right = known((24,), n=20)
    whole = deletion(victim, right, np.zeros_like).chances
    victim.largest = 0
    monkeypatch.setattr(faithfulness, "BLOCK", block)
    assert_allclose(deletion(victim, right, np.zeros_like).chances, whole, atol=1e-7)
    assert victim.largest == largest


@by_rank
@by_subsets
def test_sums_of_the_right_map_are_the_drops(extent, subsets):
    victim, right = known(extent)
    found = removals(victim, right, np.zeros_like, subsets, generators())
    assert_allclose(found.sums, found.drops, atol=1e-6)
    assert_allclose(found.sensitivity, 1, atol=1e-6)
    assert_allclose(found.infidelity, 0, atol=1e-10)


@by_rank
@by_subsets
def test_an_inverted_map_and_a_flat_one_explain_nothing(extent, subsets):
    victim, right = known(extent)
    inverted = removals(victim, other(right, -right.maps), np.zeros_like, subsets, generators())
    zero = removals(victim, other(right, 0 * right.maps), np.zeros_like, subsets, generators())
    assert_allclose(inverted.sensitivity, -1, atol=1e-6)
    assert_allclose(inverted.infidelity, np.mean(inverted.drops**2, axis=1))
    assert_allclose(zero.infidelity, np.mean(zero.drops**2, axis=1))
    flat = removals(victim, other(right, np.full_like(right.maps, 0.1)), np.zeros_like, subsets, generators())
    assert_array_equal(flat.sensitivity, 0)


@by_subsets
def test_removal_scores_are_those_of_plain_arithmetic(subsets):
    victim, right = known((6, 4))
    found = removals(victim, shuffled(right, 0), np.zeros_like, subsets, generators())
    for i in range(3):
        sums, drops = found.sums[i], found.drops[i]
        assert found.sensitivity[i] == pytest.approx(np.corrcoef(sums, drops)[0, 1])
        tried = [np.mean((b * sums - drops) ** 2) for b in np.linspace(0, 3, 3001)]
        assert found.infidelity[i] == pytest.approx(min(tried), rel=1e-4)


@by_subsets
@pytest.mark.parametrize("factor", [0.25, 1024, 1e-30])
def test_removal_scores_do_not_depend_on_the_unit_of_the_map(subsets, factor):
    victim, right = known((6, 4))
    guess = shuffled(right, 0)
    found, again = (
        removals(victim, one, np.zeros_like, subsets, generators())
        for one in (guess, other(guess, guess.maps.astype(np.float64) * factor))
    )
    assert_allclose(again.sensitivity, found.sensitivity, rtol=1e-6)
    assert_allclose(again.infidelity, found.infidelity, rtol=1e-6)


@by_rank
def test_scores_of_a_sample_do_not_depend_on_the_others(extent):
    victim, right = known(extent)
    order = np.array([2, 0, 1])
    turned = Explained(right.samples[order], right.maps[order], right.targets[order])
    assert_array_equal(deletion(victim, turned, np.zeros_like).auc, deletion(victim, right, np.zeros_like).auc[order])
    found = removals(victim, right, np.zeros_like, SUBSETS[0], generators())
    again = removals(victim, turned, np.zeros_like, SUBSETS[0], [sample_generator(0, int(i)) for i in order])
    assert_array_equal(again.sensitivity, found.sensitivity[order])


@by_subsets
def test_removals_are_seeded(subsets):
    victim, right = known((6, 4))
    one, same, else_ = (removals(victim, right, np.zeros_like, subsets, generators(seed=s)).sums for s in (0, 0, 1))
    assert_array_equal(one, same)
    assert (one != else_).any()


@by_rank
def test_subsets_have_one_size_and_reach_every_position(extent):
    cells = Cells(patch=1, count=5, draws=300).drawn(extent, np.random.default_rng(0))
    assert cells.shape == (300, *extent)
    assert set(cells.reshape(300, -1).sum(axis=1)) == {5}
    boxes = Boxes(share=0.5, draws=300).drawn(extent, np.random.default_rng(0))
    assert set(boxes.reshape(300, -1).sum(axis=1)) == {np.prod([max(1, round(n / 2)) for n in extent])}
    for one in boxes[:20]:
        corners = np.argwhere(one)
        assert one[tuple(slice(a, b + 1) for a, b in zip(corners.min(0), corners.max(0), strict=True))].all()
    assert cells.any(axis=0).all()
    assert boxes.any(axis=0).all()


def test_cells_hide_whole_patches():
    hidden = Cells(patch="2x3", count=2, draws=20).drawn((4, 6), np.random.default_rng(0))
    patches = hidden.reshape(20, 2, 2, 2, 3).sum(axis=(2, 4))
    assert set(patches.ravel()) == {0, 6}


def test_a_failed_answer_makes_its_sample_nan_and_no_other():
    victim, right = known((24,))

    def answers(batch):
        found = victim(batch)
        found[np.all(batch == 0, axis=(1, 2))] = np.nan
        return found

    lost = Explained(np.concatenate([right.samples[:1], 0 * right.samples[:1]]), right.maps[:2], right.targets[:2])
    for scores in (
        removals(answers, lost, np.zeros_like, SUBSETS[1], generators(2)).sensitivity,
        removals(answers, lost, np.zeros_like, SUBSETS[1], generators(2)).infidelity,
        deletion(answers, lost, lambda s: s + 1).auc,
    ):
        assert_array_equal(np.isnan(scores), [False, True])


def test_a_victim_that_never_moves_gives_no_correlation():
    _, right = known((24,))
    found = removals(lambda b: np.full((len(b), 2), 0.5, np.float32), right, np.zeros_like, SUBSETS[0], generators())
    assert_array_equal(found.sensitivity, 0)
    assert_array_equal(found.infidelity, 0)


def test_what_does_not_belong_together_is_refused():
    victim, right = known((6, 4))
    with pytest.raises(InputError, match=r"expected \(n, \*extent\) for samples .* got \(3, 4, 6\) for \(3, 2, 6, 4\)"):
        other(right, right.maps.transpose(0, 2, 1))
    with pytest.raises(InputError, match="targets: expected 3 class numbers"):
        Explained(right.samples, right.maps, np.array([0, 1]))
    with pytest.raises(InputError, match="map 1: expected finite"):
        other(right, np.where(np.arange(3)[:, None, None] == 1, np.nan, right.maps))
    with pytest.raises(InputError, match="targets: expected classes 0 to 1, got 2"):
        deletion(victim, Explained(right.samples, right.maps, np.array([0, 1, 2])), np.zeros_like)
    with pytest.raises(InputError, match="steps: expected at least 1, got 0"):
        insertion(victim, right, np.zeros_like, steps=0)
    with pytest.raises(InputError, match=r"fill: expected the sample's shape \(2, 6, 4\), got \(\).*np.full_like"):
        deletion(victim, right, np.mean)
    with pytest.raises(InputError, match="rngs: expected one generator a sample, 3, got 2"):
        removals(victim, right, np.zeros_like, SUBSETS[0], generators(2))
    with pytest.raises(InputError, match="count: expected 1 to 23 of the grid's 24 cells, got 24"):
        removals(victim, right, np.zeros_like, Cells(patch=1, count=24), generators())
    with pytest.raises(InputError, match="share: expected the box's side as a share between 0 and 1, got 1"):
        Boxes(share=1)
    with pytest.raises(VictimError, match="expected an answer of shape"):
        deletion(lambda batch: batch[:, 0, 0, 0], right, np.zeros_like)
