import sys
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap.data import (
    abnormal_beats,
    digits_on_textures,
    known_beats,
    known_digits,
    known_motion,
    load_data,
    moving_digits,
)
from brinkmap.data.strokes import strokes
from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims.known_cause import abnormal_beats_cnn, digits_on_textures_cnn, moving_digits_cnn, weights

SETS = {"abnormal-beats": abnormal_beats, "digits-on-textures": digits_on_textures, "moving-digits": moving_digits}
SHAPES = {"abnormal-beats": (1, 1024), "digits-on-textures": (1, 48, 48), "moving-digits": (1, 12, 32, 32)}
CLASSES = {"abnormal-beats": 4, "digits-on-textures": 10, "moving-digits": 8}
LIMITS = {"abnormal-beats": (0.03, 0.14), "digits-on-textures": (0.07, 0.14), "moving-digits": (0.07, 0.14)}
CASES = {
    "abnormal-beats": known_beats._case,
    "digits-on-textures": partial(known_digits._case, "heldout"),
    "moving-digits": partial(known_motion._case, "heldout"),
}
VICTIMS = {
    "abnormal-beats": (abnormal_beats_cnn, 0.97),
    "digits-on-textures": (digits_on_textures_cnn, 0.93),
    "moving-digits": (moving_digits_cnn, 0.90),
}


@cache
def drawn(name):
    return SETS[name]("heldout", 120)


@pytest.fixture(params=SETS)
def name(request):
    if request.param == "digits-on-textures":
        pytest.importorskip("skimage")
    return request.param


def test_shapes_dtypes_and_bounds(name):
    known = drawn(name)
    assert known.samples.shape == known.without.shape == (120, *SHAPES[name])
    assert known.masks.shape == (120, *SHAPES[name][1:])
    assert known.samples.dtype == known.without.dtype == np.float32
    assert (known.labels.dtype, known.masks.dtype) == (np.int64, bool)
    for values in (known.samples, known.without):
        assert values.min() >= 0
        assert values.max() <= 1


def test_every_class_comes_as_often(name):
    known = drawn(name)
    assert len(known.classes) == CLASSES[name]
    assert set(np.bincount(known.labels)) == {120 // CLASSES[name]}


def test_same_arguments_same_bits_and_fewer_are_the_first_of_more(name):
    known, again = drawn(name), SETS[name]("heldout", 11)
    for field in ("samples", "labels", "masks", "without"):
        assert_array_equal(getattr(again, field), getattr(known, field)[:11])


def test_another_seed_or_part_gives_other_samples(name):
    first = [SETS[name](part, 1, seed).samples for part, seed in (("heldout", 0), ("heldout", 1), ("train", 0))]
    assert len({sample.tobytes() for sample in first}) == 3


def test_the_cause_changes_nothing_outside_its_mask(name):
    known = drawn(name)
    changed = (known.samples != known.without).any(axis=1)
    assert not (changed & ~known.masks).any()


def test_masks_are_no_larger_than_what_the_cause_changes(name):
    known = drawn(name)
    changed = (known.samples != known.without).any(axis=1)
    if name == "abnormal-beats":  # the span: its ends are changed
        for mask, change in zip(known.masks, changed, strict=True):
            assert_array_equal(np.flatnonzero(mask)[[0, -1]], np.flatnonzero(change)[[0, -1]])
            assert np.diff(np.flatnonzero(mask)).max() == 1
    else:
        assert_array_equal(known.masks, changed)


def test_masks_take_the_stated_share(name):
    share = drawn(name).masks.reshape(120, -1).mean(axis=1)
    low, high = LIMITS[name]
    assert low <= share.min()
    assert share.max() <= high


def test_nothing_but_the_cause_depends_on_the_class(name):
    unmarked = [CASES[name](label, np.random.default_rng(3)).without for label in range(CLASSES[name])]
    for other in unmarked[1:]:
        assert_array_equal(other, unmarked[0])


def test_parts_share_no_digit():
    train, heldout = (
        {cover.tobytes() for covers in strokes(part, 16) for cover in covers} for part in ("train", "heldout")
    )
    assert len(train) > 1200
    assert len(heldout) > 500
    assert not train & heldout


def test_parts_cut_their_backgrounds_from_regions_apart():
    data = pytest.importorskip("skimage.data")
    for texture, train, heldout in zip(
        known_digits.TEXTURES, known_digits._textures("train"), known_digits._textures("heldout"), strict=True
    ):
        assert train.shape[1] + heldout.shape[1] == getattr(data, texture)().shape[1]
        assert min(train.shape + heldout.shape) >= known_digits.SIDE


def test_every_digit_moves_in_the_direction_of_its_class():
    known = drawn("moving-digits")
    for mask, label in zip(known.masks, known.labels, strict=True):
        step = known_motion.STEPS[known.classes[label].split()[0]]
        for before, after in pairwise(mask):
            assert_array_equal(np.roll(before, step, axis=(0, 1)), after)


def test_an_abnormal_beat_is_in_the_middle_part():
    known = drawn("abnormal-beats")
    places = [np.flatnonzero(mask)[[0, -1]] / known_beats.LENGTH for mask in known.masks]
    assert min(first for first, _ in places) > 0.2
    assert max(last for _, last in places) < 0.8


@pytest.mark.parametrize(
    ("part", "count", "message"),
    [("test", 1, "'train' or 'heldout', got 'test'"), ("train", 0, "at least 1 sample, got 0")],
)
def test_other_parts_and_counts_are_refused(part, count, message):
    with pytest.raises(InputError, match=message):
        abnormal_beats(part, count)


def test_missing_scikit_image_names_the_extra(monkeypatch):
    known_digits._textures.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtra, match=r"digits on textures needs .* 'brinkmap\[explain\]'"):
        digits_on_textures(count=1)


@pytest.mark.parametrize(("suffix", "part"), [("", "heldout"), ("-train", "train")])
def test_each_is_a_word_for_data(name, suffix, part):
    data, known = load_data(name + suffix, limit=9), SETS[name](part, 9)
    assert_array_equal(data.stacked(), known.samples)
    assert_array_equal(data.labels, known.labels)
    assert (data.shape, data.class_names) == (SHAPES[name], known.classes)


def test_a_victim_says_what_it_takes_and_is_small_enough_to_ship(name):
    pytest.importorskip("torch")
    victim = VICTIMS[name][0]()
    assert (victim.shape, victim.classes, victim.bounds) == (SHAPES[name], CLASSES[name], (0.0, 1.0))
    assert (victim.name, victim.rate_hz) == (name, 125.0 if name == "abnormal-beats" else None)
    assert weights(name).stat().st_size <= 400_000


def test_missing_torch_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "brinkmap.victims.networks", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="the victim moving-digits needs an optional dependency"):
        moving_digits_cnn()


def test_a_victim_reads_held_out_samples(name):
    pytest.importorskip("torch")
    victim, least = VICTIMS[name]
    known = drawn(name)
    assert np.mean(victim().predict(known.samples).argmax(axis=1) == known.labels) >= least


def test_a_victim_changes_its_answer_without_the_cause_and_rarely_without_as_much_elsewhere(name):
    pytest.importorskip("torch")
    victim, known = VICTIMS[name][0](), drawn(name)
    answers = victim.predict(known.samples).argmax(axis=1)
    inside = np.where(known.masks[:, None], known.without, known.samples)
    elsewhere = moved(known.masks) & ~known.masks
    outside = np.where(elsewhere[:, None], np.roll(known.without, 1, axis=0), known.samples)
    changed = [np.mean(victim.predict(batch).argmax(axis=1) != answers) for batch in (inside, outside)]
    assert changed[0] >= 0.7
    assert changed[1] <= 0.1


def test_a_victim_has_no_answer_to_samples_without_a_cause(name):
    pytest.importorskip("torch")
    victim, known = VICTIMS[name][0](), drawn(name)
    assert victim.predict(known.samples).max(axis=1).mean() >= 0.85
    assert victim.predict(known.without).max(axis=1).mean() <= 0.5


def moved(masks):
    """Each mask half the extent on, along its last axis."""
    return np.roll(masks, masks.shape[-1] // 2, axis=-1)
