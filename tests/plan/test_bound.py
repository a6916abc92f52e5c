"""The bound: never exceeded by what is rendered, and no add given up that it has room for."""

from dataclasses import dataclass

import numpy as np
import pytest
from drawn import Brush, canvas_of, canvases, codes_for, sample_for
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from brinkmap.plan import KEEP, REMOVE, Palette, apply, fit, proposing
from brinkmap.plan.bound import FLOAT32_ULP

SEEDS = st.integers(0, 2**32 - 1)
INDEX = 4


def changes_of(canvas, sample, codes):
    """What a plan does to a sample, in float64 on the scale 0..1."""
    return (canvas.render(sample, INDEX, codes)[0].astype(np.float64) - sample) / canvas.span


def norm_of(canvas, sample, codes):
    return float(np.sqrt(np.sum(changes_of(canvas, sample, codes) ** 2)))


def proposals_for(canvas, rng, codes):
    """Random proposals with something to keep, to remove and to add."""
    kind = rng.choice([KEEP, REMOVE, REMOVE + 1], codes.shape, p=[0.4, 0.2, 0.4])
    return np.where(kind > REMOVE, rng.integers(2, len(canvas.cards) + 2, codes.shape), kind).astype(np.int16)


def fitted(canvas, sample, codes, proposals, order, max_l2=np.inf, max_linf=None):
    """`fit` for one sample, held in the second of two slots."""
    palette = Palette(canvas, 2, needs_peak=max_linf is not None)
    palette.load(1, sample, INDEX)
    slots = np.array([1])
    for one in (codes, np.maximum(proposals - 1, KEEP)):
        palette.prepare(slots, one[None])
    return fit(palette, slots, codes[None], proposals[None], order[None], np.array([max_l2]), max_linf)[0]


def slowly_fitted(canvas, sample, codes, proposals, order, max_l2):
    """The same by rendering every prefix from scratch."""
    wanted = apply(codes, proposals)
    if norm_of(canvas, sample, wanted) <= max_l2:
        return wanted
    base = np.where(proposals == REMOVE, 0, codes)
    if norm_of(canvas, sample, base) > max_l2:
        base = codes
    best = current = base.copy()
    for cell in sorted(np.flatnonzero(proposals > REMOVE), key=lambda cell: order[cell]):
        current = current.copy()
        current[cell] = proposals[cell] - 1
        if norm_of(canvas, sample, current) <= max_l2:
            best = current
    return best


@st.composite
def attacks(draw):
    """A canvas, a sample, an incumbent and a proposal with its order."""
    canvas = draw(canvases())
    rng = np.random.default_rng(draw(SEEDS))
    [codes] = codes_for(canvas, rng, 1)
    order = rng.permutation(canvas.grid.cells)
    return canvas, sample_for(canvas, 1), codes, proposals_for(canvas, rng, codes), order


def bounds_for(canvas, sample, codes, proposals):
    """Bounds from that of the incumbent, which is within its bound, to beyond that of everything proposed."""
    least = norm_of(canvas, sample, codes)
    most = max(least, norm_of(canvas, sample, apply(codes, proposals)))
    return [least + share * (most - least) + 1e-9 for share in (0, 0.2, 0.5, 0.9, 1.1)]


@given(attacks())
def test_what_is_rendered_is_never_beyond_max_l2(attack):
    canvas, sample, codes, proposals, order = attack
    for max_l2 in bounds_for(canvas, sample, codes, proposals):
        found = fitted(canvas, sample, codes, proposals, order, max_l2)
        assert norm_of(canvas, sample, found) <= max_l2


@given(attacks())
def test_a_bound_equal_to_the_incumbents_own_distance_is_held(attack):
    canvas, sample, codes, proposals, order = attack
    max_l2 = norm_of(canvas, sample, codes) * (1 + 1e-11)
    assert norm_of(canvas, sample, fitted(canvas, sample, codes, proposals, order, max_l2)) <= max_l2


@given(attacks())
def test_everything_is_kept_where_it_fits(attack):
    canvas, sample, codes, proposals, order = attack
    enough = norm_of(canvas, sample, apply(codes, proposals)) * (1 + 1e-9)
    for max_l2 in (np.inf, enough):
        assert_array_equal(fitted(canvas, sample, codes, proposals, order, max_l2), apply(codes, proposals))


@given(attacks())
def test_the_longest_prefix_of_the_adds_is_kept(attack):
    canvas, sample, codes, proposals, order = attack
    for max_l2 in bounds_for(canvas, sample, codes, proposals):
        found = fitted(canvas, sample, codes, proposals, order, max_l2)
        assert_array_equal(found, slowly_fitted(canvas, sample, codes, proposals, order, max_l2))


@given(attacks())
def test_nothing_is_kept_but_removals_and_a_prefix_of_the_adds(attack):
    canvas, sample, codes, proposals, order = attack
    adds = sorted(np.flatnonzero(proposals > REMOVE), key=lambda cell: order[cell])
    for max_l2 in bounds_for(canvas, sample, codes, proposals):
        found = fitted(canvas, sample, codes, proposals, order, max_l2)
        taken = [found[cell] == proposals[cell] - 1 for cell in adds]
        assert taken == sorted(taken, reverse=True) or any(codes[cell] == proposals[cell] - 1 for cell in adds)
        removed = found[proposals == REMOVE]
        assert (removed == 0).all() or (removed == codes[proposals == REMOVE]).all()
        assert_array_equal(found[proposals == KEEP], codes[proposals == KEEP])


@given(attacks(), SEEDS)
def test_only_the_order_of_the_adds_matters(attack, seed):
    canvas, sample, codes, proposals, order = attack
    rng, adds = np.random.default_rng(seed), proposals > REMOVE
    other = np.where(adds, order * 3.5 - 7, rng.normal(0, 100, len(order)))
    for max_l2 in bounds_for(canvas, sample, codes, proposals):
        found = fitted(canvas, sample, codes, proposals, order, max_l2)
        assert_array_equal(fitted(canvas, sample, codes, proposals, other, max_l2), found)


@dataclass(frozen=True)
class Offset:
    """The offset of its level."""

    offsets: tuple[float, ...]
    name: str = "offset"
    ranks: tuple[int, ...] = (1, 2, 3)
    natural: bool = False

    @property
    def levels(self):
        return len(self.offsets)

    def paint(self, sample, level, rng, grid):
        return sample + np.float32(self.offsets[level - 1])


@pytest.mark.parametrize("ranks", [1, 2, 7])
@pytest.mark.parametrize("cells", [3, 64, 500])
def test_cells_of_equal_rank_are_kept_in_their_own_order(cells, ranks):
    canvas = canvas_of((1, cells), 1, [Offset((0.25,))])
    order = np.random.default_rng(cells).integers(0, ranks, cells).astype(float)
    wanted = sorted(range(cells), key=lambda cell: order[cell])[: cells // 2]
    sample, clean = np.zeros((1, cells), np.float32), np.zeros(cells, np.int16)
    found = fitted(canvas, sample, clean, np.full(cells, 2, np.int16), order, 0.25 * np.sqrt(cells // 2 + 0.5))
    assert np.flatnonzero(found).tolist() == sorted(wanted)


def test_the_order_decides_and_a_costly_add_ends_the_prefix():
    canvas = canvas_of((1, 4), 1, [Offset((0.125, 0.5))])
    sample, clean = np.zeros((1, 4), np.float32), np.zeros(4, np.int16)
    proposals, order = np.int16([2, 3, 2, 2]), np.array([1, 2, 0, 3])
    assert fitted(canvas, sample, clean, proposals, order, 0.45).tolist() == [1, 0, 1, 0]


def test_a_replacement_by_less_lets_a_longer_prefix_fit():
    canvas = canvas_of((1, 3), 1, [Offset((0.125, 0.5))])
    sample, codes = np.zeros((1, 3), np.float32), np.int16([2, 0, 0])
    proposals, order = np.int16([2, 3, 3]), np.array([1, 0, 2])
    # The first add breaks the bound, and the second, a weaker card on the first cell, mends it.
    assert fitted(canvas, sample, codes, proposals, order, 0.55).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("proposals", "max_l2", "found"),
    [
        ([0, 1, 0], 0.70, [2, 1, 1]),
        ([0, 1, 0], 0.75, [2, 0, 1]),
        ([0, 1, 1], 0.99, [2, 1, 1]),
        ([0, 1, 1], 1.00, [2, 0, 0]),
        ([1, 1, 0], 0.20, [0, 0, 1]),
    ],
)
def test_removing_what_covers_a_stronger_coarse_cell_is_not_made_beyond_the_bound(proposals, max_l2, found):
    canvas = canvas_of((1, 4), [4, 2], [Offset((0.125, 0.5))])
    sample = np.zeros((1, 4), np.float32)
    codes = np.int16([2, 1, 1])  # the coarse cell at .5, covered by two fine ones at .125
    assert norm_of(canvas, sample, codes) == 0.25
    assert fitted(canvas, sample, codes, np.int16(proposals), np.arange(3), max_l2 + 1e-9).tolist() == found


def test_adds_are_still_made_where_the_removals_are_not():
    canvas = canvas_of((1, 8), [4, 2], [Offset((0.125, 0.5))])
    codes = np.int16([2, 0, 1, 1, 0, 0])
    proposals, order = np.int16([0, 0, 1, 1, 2, 2]), np.arange(6)
    found = fitted(canvas, np.zeros((1, 8), np.float32), codes, proposals, order, 0.125 * np.sqrt(6) + 1e-9)
    assert found.tolist() == [2, 0, 1, 1, 1, 0]


@pytest.mark.parametrize("seed", range(40))
def test_the_running_sum_does_not_drift_over_the_bound(seed):
    """A strong coarse add that fine adds cover: the sum rises 10 million times above the limit and comes back."""
    rng = np.random.default_rng(seed)
    canvas = canvas_of((1, 32), [32, 1], [Offset((2.0**-13, 1)), Brush(levels=2)])
    sample = (rng.integers(1024, 3072, (1, 32)) / 4096).astype(np.float32)
    codes = np.zeros(33, np.int16)
    proposals = np.full(33, 2, np.int16)
    proposals[0] = 5  # brush
    order = np.r_[0, 1 + rng.permutation(32)]
    max_l2 = 2.0**-13 * np.sqrt(32) * (1 - 1e-11)
    found = fitted(canvas, sample, codes, proposals, order, max_l2)
    assert norm_of(canvas, sample, found) <= max_l2


@given(attacks(), st.floats(0.01, 0.6))
def test_what_is_rendered_is_never_beyond_max_linf(attack, max_linf):
    canvas, sample, codes, proposals, order = attack
    limit = max_linf + FLOAT32_ULP
    codes = np.where(_peaks(canvas, sample, codes) > limit, 0, codes).astype(np.int16)
    for max_l2 in (np.inf, norm_of(canvas, sample, codes) + 0.1):
        found = fitted(canvas, sample, codes, proposals, order, max_l2, max_linf)
        assert np.abs(changes_of(canvas, sample, found)).max() <= limit
        assert norm_of(canvas, sample, found) <= max_l2


@given(attacks(), st.floats(0.01, 0.6))
def test_only_adds_that_exceed_max_linf_are_left_out(attack, max_linf):
    canvas, sample, codes, proposals, order = attack
    peaks = _peaks(canvas, sample, np.maximum(proposals - 1, 0))
    assume((np.abs(peaks - max_linf) > 1e-6).all())
    expected = np.where(peaks > max_linf, codes, apply(codes, proposals))
    assert_array_equal(fitted(canvas, sample, codes, proposals, order, max_linf=max_linf), expected)


def _peaks(canvas, sample, codes):
    """(cells,) the largest change that each cell's card makes in it, were the whole cell shown."""
    found = []
    for cell, code in enumerate(codes):
        change = (canvas.paint(sample, INDEX, int(code))[0].astype(np.float64) - sample) if code else np.zeros(1)
        found.append(np.abs(change[(slice(None), *canvas.grid.box(cell))] if code else change).max() / canvas.span)
    return np.array(found)


@pytest.mark.parametrize("epsilon", [1 / 255, 8 / 255, 0.1, 0.3])
def test_an_add_of_exactly_max_linf_is_kept(epsilon):
    canvas = canvas_of((1, 300), 1, [Offset((epsilon,))])
    sample = np.random.default_rng(0).uniform(0, 0.7, (1, 300)).astype(np.float32)
    proposals = np.full(300, 2, np.int16)
    found = fitted(canvas, sample, np.zeros(300, np.int16), proposals, np.arange(300), max_linf=epsilon)
    assert (found == 1).all()


@pytest.mark.parametrize("patch", [2, [4, 1]], ids=str)
def test_every_row_is_held_to_its_own_limit(patch):
    canvas = canvas_of((2, 12), patch, [Brush(levels=5)])
    rng = np.random.default_rng(0)
    palette, slots = Palette(canvas, 6), np.arange(5)[::-1]
    samples = [sample_for(canvas, seed) for seed in range(5)]
    for slot, sample in enumerate(samples):
        palette.load(slot, sample, INDEX)
    codes = np.zeros((5, canvas.grid.cells), np.int16)
    proposals = np.stack([proposals_for(canvas, rng, one) for one in codes])
    order = np.stack([rng.permutation(canvas.grid.cells) for _ in slots])
    max_l2 = np.array([0.9, np.inf, 0, 1.5, 0.3])
    palette.prepare(slots, np.maximum(proposals - 1, KEEP))
    found = fit(palette, slots, codes, proposals, order, max_l2, None)
    for row, slot in enumerate(slots):
        alone = fitted(canvas, samples[slot], codes[row], proposals[row], order[row], max_l2[row])
        assert_array_equal(found[row], alone)
        assert norm_of(canvas, samples[slot], found[row]) <= max_l2[row]
    assert found[max_l2 > 0.5].any(axis=1).all()
    assert not found[max_l2 == 0].any()


def test_codes_of_proposals():
    codes = np.int16([[0, 0, 0, 5, 5, 5, 5]])
    proposals = np.int16([[0, 1, 2, 0, 1, 2, 9]])
    found = apply(codes, proposals)
    assert found.tolist() == [[0, 0, 1, 5, 0, 1, 8]]
    assert found.dtype == np.int16
    assert codes.tolist() == [[0, 0, 0, 5, 5, 5, 5]]


@given(attacks())
def test_fit_writes_into_none_of_its_arguments(attack):
    canvas, sample, codes, proposals, order = attack
    kept = [array.copy() for array in (codes, proposals, order)]
    for max_l2 in bounds_for(canvas, sample, codes, proposals):
        fitted(canvas, sample, codes, proposals, order, max_l2, max_linf=0.3)
    for array, before in zip((codes, proposals, order), kept, strict=True):
        assert np.array_equal(array, before)


def test_a_proposal_turns_one_plan_into_another():
    rng = np.random.default_rng(3)
    codes, wanted = rng.integers(0, 5, (2, 20, 9))
    proposals = proposing(codes, wanted)
    assert_array_equal(apply(codes, proposals), wanted)
    assert ((proposals == 0) == (codes == wanted)).all()
