"""The one call: what it counts, what it finds on victims whose reason is known, and what it refuses."""

import numpy as np
import pytest

import brinkmap
from brinkmap.errors import InputError
from brinkmap.explain import BlackBox, explain, explainer_of, explanations, from_results
from brinkmap.explain.localisation import energy_inside, pointing
from brinkmap.registry import entries, resolve
from brinkmap.run import Run

SHAPES = {1: (1, 96), 2: (3, 20, 24), 3: (1, 6, 12, 12)}
BLACK_BOXES = [one.name for one in entries("explainer") if hasattr(resolve("explainer", one.name), "weigh")]
ASKING = [name for name in BLACK_BOXES if name not in ("random", "centre")]


def box(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where the victims look: the second quarter along each axis."""
    return tuple(slice(n // 4, n // 2) for n in shape[1:])


class Looks:
    """Answers by the mean of one box alone, and counts what it is asked."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.classes, self.bounds, self.seen = shape, 2, (0.0, 1.0), 0

    def predict(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        inside = batch[(slice(None), slice(None), *box(self.shape))].reshape(len(batch), -1).mean(axis=1)
        chance = 1 / (1 + np.exp(-12 * (inside - 0.6)))
        return np.stack([1 - chance, chance], axis=1).astype(np.float32)


def bright(shape: tuple[int, ...], count: int = 3) -> np.ndarray:
    """Noise, with the box bright: class 1."""
    samples = np.random.default_rng(0).uniform(0.2, 0.6, (count, *shape)).astype(np.float32)
    samples[(slice(None), slice(None), *box(shape))] += 0.4
    return samples


def truth(shape: tuple[int, ...], count: int) -> np.ndarray:
    masks = np.zeros((count, *shape[1:]), bool)
    masks[(slice(None), *box(shape))] = True
    return masks


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("method", [*BLACK_BOXES, "trace"])
def test_every_query_is_counted(method, rank):
    victim = Looks(SHAPES[rank])
    found = explain(victim, bright(SHAPES[rank]), method=method, queries=70, run=Run(budget=40))
    assert sum(one.queries for one in found) == victim.seen
    assert all(one.queries <= 71 + 41 * (method == "trace") for one in found)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("method", ASKING)
def test_finds_where_the_victim_looks(method, rank):
    shape = SHAPES[rank]
    maps = np.stack([one.map for one in explain(Looks(shape), bright(shape), method=method, queries=300)])
    assert pointing(maps, truth(shape, 3)).mean() == 1
    assert energy_inside(maps, truth(shape, 3)).mean() > 2 * truth(shape, 1).mean()


@pytest.mark.parametrize("rank", SHAPES)
def test_a_trace_alone_points_there_and_costs_nothing_more(rank):
    shape, victim = SHAPES[rank], Looks(SHAPES[rank])
    patch = "x".join(str(n // 4) for n in shape[1:])
    run = Run(budget=150, distortions=["illuminate", "dead-pixel"], patch=patch, max_l2=1.0, agent="random")
    [attacked] = brinkmap.attack(victim, bright(shape, 1), None, run)
    spent = victim.seen
    [one] = explain(victim, bright(shape, 1), method="trace", run=run)
    assert one.queries == attacked.queries == victim.seen - spent
    assert energy_inside(one.map[None], truth(shape, 1)).mean() > 2 * truth(shape, 1).mean()


def test_an_attack_that_is_over_is_explained_for_nothing():
    shape, victim = SHAPES[2], Looks(SHAPES[2])
    run = Run(budget=150, distortions=["illuminate", "dead-pixel"], patch="5x6", agent="random", trace=True)
    results = list(brinkmap.attack(victim, bright(shape), None, run))
    spent = victim.seen
    found = sorted(from_results(victim, results, run), key=lambda one: one.index)
    assert victim.seen == spent
    for one, other in zip(found, explain(victim, bright(shape), method="trace", run=run), strict=True):
        np.testing.assert_array_equal(one.map, other.map)
    with pytest.raises(InputError, match="expected trace=True, got False"):
        next(from_results(victim, results, Run()))


@pytest.mark.parametrize("method", [*BLACK_BOXES, "trace"])
def test_what_never_moves_has_no_map(method):
    flat = brinkmap.wrap(lambda x: np.tile(np.float32([0.9, 0.1]), (len(x), 1)), shape=(1, 16, 16), classes=2)
    [one] = explain(flat, bright((1, 16, 16), 1), method=method, queries=40, run=Run(budget=40))
    if method in ("random", "centre"):  # controls know nothing of the victim
        return
    assert not one.found
    assert not one.map.any()
    assert not one.mask.any()
    assert one.regions == ()
    assert one.error is None


@pytest.mark.parametrize("method", ["posterior", "rise", "rl-cam", "trace"])
def test_neither_the_others_nor_how_many_at_once_change_a_map(method):
    shape, run = SHAPES[2], Run(budget=40)
    victim, samples = Looks(shape), bright(shape, 5)
    together = explain(victim, samples, method=method, queries=60, run=run)
    alone = explain(victim, samples[:1], method=method, queries=60, run=run)
    few = explain(victim, samples, method=method, queries=60, run=Run(budget=40, slots=2, batch_size=7))
    np.testing.assert_array_equal(together[0].map, alone[0].map)
    for one, other in zip(together, few, strict=True):
        np.testing.assert_array_equal(one.map, other.map)


def test_another_seed_asks_other_questions():
    shape = SHAPES[2]
    first, second = (
        explain(Looks(shape), bright(shape, 1), method="posterior", queries=60, run=Run(seed=seed)) for seed in (0, 1)
    )
    assert not np.array_equal(first[0].map, second[0].map)


def test_the_other_class_is_explained_by_the_opposite():
    shape = SHAPES[2]
    own, other = (
        explain(Looks(shape), bright(shape, 1), target, method="kernel-shap", queries=120)[0].map for target in (1, 0)
    )
    inside = box(shape)
    assert own[inside].mean() > 0 > other[inside].mean() or not other.any()


def test_targets_may_differ_from_sample_to_sample():
    shape = SHAPES[2]
    found = explain(Looks(shape), bright(shape, 2), np.array([1, 0]), method="lime", queries=40)
    assert [one.target for one in found] == [1, 0]


def test_labels_alone_will_do():
    shape = SHAPES[2]
    labels = brinkmap.wrap(lambda x: Looks(shape).predict(x).argmax(axis=1), shape=shape, classes=2, outputs="labels")
    maps = np.stack([one.map for one in explain(labels, bright(shape), method="posterior", queries=300)])
    assert pointing(maps, truth(shape, 3)).mean() == 1


def test_tensors_are_taken_as_arrays_are():
    torch, shape = pytest.importorskip("torch"), SHAPES[2]
    samples = bright(shape, 2)
    given = explain(Looks(shape), torch.tensor(samples), torch.tensor([1, 0]), method="lime", queries=40)
    plain = explain(Looks(shape), samples, [1, 0], method="lime", queries=40)
    for one, other in zip(given, plain, strict=True):
        np.testing.assert_array_equal(one.map, other.map)


def test_samples_that_are_done_are_left_out():
    shape = SHAPES[2]
    found = explanations(Looks(shape), bright(shape, 4), method="lime", queries=20, done=[0, 2])
    assert sorted(one.index for one in found) == [1, 3]


def test_a_sample_that_cannot_be_read_has_a_reason_and_the_others_go_on():
    samples = bright(SHAPES[2], 3)
    samples[1, 0, 0, 0] = np.nan
    found = explain(Looks(SHAPES[2]), samples, method="lime", queries=40)
    assert [one.error is None for one in found] == [True, False, True]
    assert not found[1].map.any()


def test_more_queries_sharpen_a_trace():
    shape, victim = SHAPES[2], Looks(SHAPES[2])
    run = Run(budget=20, distortions=["illuminate"], max_l2=1.0, agent="random")
    [few] = explain(victim, bright(shape, 1), method="trace", run=run)
    [more] = explain(victim, bright(shape, 1), method="trace", run=run, queries=200)
    assert more.method == "trace"
    assert few.queries < more.queries <= few.queries + 201
    inside = truth(shape, 1)
    assert energy_inside(more.map[None], inside).mean() > energy_inside(few.map[None], inside).mean()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"target": 5}, r"target: expected classes from 0 to 1, got 5"),
        ({"target": 0.5}, r"target: expected one class, or one a sample"),
        ({"target": [1, 0], "method": "lime"}, r"labels: expected 3, one a sample, got 2"),
        ({"target": 1, "method": "trace"}, r"trace explains the class that was attacked.*posterior"),
        ({"queries": -1}, r"queries: expected at least 0, got -1"),
        ({"method": "grad-cam"}, r"needs the victim's own PyTorch network.*posterior"),
        ({"method": "gradcam"}, r"unknown explainer 'gradcam'. Known: .*grad-cam"),
        ({"method": 3}, r"expected an object with weigh"),
    ],
)
def test_what_cannot_work_is_said_before_the_first_query(more, message):
    victim = Looks(SHAPES[2])
    with pytest.raises(InputError, match=message):
        explain(victim, bright(SHAPES[2]), **more)
    assert victim.seen <= 3


@pytest.mark.parametrize("name", BLACK_BOXES)
def test_a_name_stands_for_an_explainer_of_that_name(name):
    explainer = explainer_of(name)
    assert isinstance(explainer, BlackBox)
    assert explainer.name == name


def test_regions_are_told_in_words():
    shape = SHAPES[2]
    [one] = explain(Looks(shape), bright(shape, 1), method="posterior", queries=200)
    [region, *_] = one.regions
    assert "rows " in region.said()
    assert "of the evidence" in region.said()
    assert 0 < region.share <= 1
    assert [found.share for found in one.regions] == sorted((found.share for found in one.regions), reverse=True)


class Missing:
    """Pulses every 16 values are expected; class 1 where one is missing."""

    shape, classes, bounds = (1, 128), 2, (0.0, 1.0)

    def predict(self, batch: np.ndarray) -> np.ndarray:
        weakest = batch[:, 0].reshape(len(batch), 8, 16).max(axis=2).min(axis=1)
        chance = 1 / (1 + np.exp(12 * (weakest - 0.5)))
        return np.stack([1 - chance, chance], axis=1).astype(np.float32)


def test_what_is_missing_is_found_too():
    samples, truths = np.zeros((8, 1, 128), np.float32), np.zeros((8, 128), bool)
    samples[:, 0, 4::16] = 1
    for gap, (sample, mask) in enumerate(zip(samples, truths, strict=True)):
        sample[0, 16 * gap : 16 * gap + 16] = 0
        mask[16 * gap : 16 * gap + 16] = True
    maps = np.stack([one.map for one in explain(Missing(), samples, method="posterior", queries=300)])
    assert pointing(maps, truths).mean() == 1
