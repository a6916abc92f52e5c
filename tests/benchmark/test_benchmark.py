"""Test sets: what is written is there, is what it says, and can be rendered again; models are put to it in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import brinkmap
from brinkmap.benchmark import Level, Multiple, load, make, mean_corruption_error, render
from brinkmap.benchmark.manifest import read_manifest, write_manifest
from brinkmap.benchmark.severity import Spread, severity_of
from brinkmap.errors import InputError
from brinkmap.run import Run
from brinkmap.session import Session

SHAPES = {1: (1, 64), 2: (3, 16, 16), 3: (1, 4, 8, 8)}
PATCHES = {1: 8, 2: 4, 3: "2x4x4"}
SEVERITIES = ("level:1", "level:5", "x2", "x4")


class Mean:
    """Class 1 where the mean is above .5; counts what it is asked."""

    def __init__(self, shape):
        self.shape, self.classes, self.bounds, self.seen = shape, 2, (0.0, 1.0), 0

    def predict(self, batch):
        self.seen += len(batch)
        chance = 1 / (1 + np.exp(-40 * (batch.reshape(len(batch), -1).mean(axis=1) - 0.5)))
        return np.stack([1 - chance, chance], axis=1).astype(np.float32)


def data(shape, count=12):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    samples = rng.uniform(0.3, 0.7, (count, *shape)) + np.where(labels, 0.06, -0.06).reshape(-1, *[1] * len(shape))
    return samples.astype(np.float32), labels


def made(folder, rank=2, **more):
    shape = SHAPES[rank]
    samples, labels = data(shape)
    run = Run(budget=60, patch=PATCHES[rank], distortions=["illuminate", "gaussian-noise"], agent="random", **more)
    victim = Mean(shape)
    make(victim, samples, labels, folder, run, severities=SEVERITIES)
    return load(folder), victim, samples, labels, run


@pytest.mark.parametrize("rank", SHAPES)
def test_what_the_manifest_says_is_there(tmp_path, rank):
    held, victim, samples, labels, _ = made(tmp_path, rank)
    manifest = held.manifest
    assert manifest.queries == victim.seen
    assert manifest.samples == 12
    assert manifest.distortions == ("illuminate", "gaussian-noise")
    assert manifest.severities == SEVERITIES
    assert sum(part.rows for part in manifest.parts) == 12 * (1 + 2 * len(SEVERITIES))
    [clean] = held.shards()
    assert_array_equal(clean.x, samples)
    assert_array_equal(clean.y, labels)
    assert (tmp_path / "DATASHEET.md").read_text().startswith("# benchmark")


@pytest.mark.parametrize("rank", SHAPES)
def test_plans_render_to_the_same_bits_and_distances_are_theirs(tmp_path, rank):
    held, victim, samples, _, run = made(tmp_path, rank)
    for name in held.manifest.distortions:
        canvas = Session(victim, samples.shape[1:], replace(run, distortions=(name,))).canvas
        for severity in SEVERITIES:
            [shard] = held.shards(name, severity)
            for x, index, l2, plan in zip(shard.x, shard.index, shard.l2, shard.plan, strict=True):
                assert_array_equal(canvas.render(samples[index], int(index), plan)[0], x)
                assert np.linalg.norm((x - samples[index]).astype(np.float64)) == pytest.approx(l2, abs=1e-6)


@pytest.mark.parametrize("rank", SHAPES)
def test_a_set_is_rendered_again_from_its_plans_alone(tmp_path, rank):
    held, victim, samples, *_ = made(tmp_path / "made", rank)
    light = tmp_path / "light"
    light.mkdir()
    for name in ("manifest.json", "plans.npz"):
        (light / name).write_bytes((tmp_path / "made" / name).read_bytes())
    asked = victim.seen
    render(light, samples, tmp_path / "again")
    again = load(tmp_path / "again")
    assert victim.seen == asked
    assert again.manifest == held.manifest
    for part in held.manifest.parts:
        [one], [other] = (some.shards(part.distortion, part.severity) for some in (held, again))
        for mine, theirs in zip(vars(one).values(), vars(other).values(), strict=True):
            assert_array_equal(mine, theirs)


def test_plans_of_other_samples_are_said(tmp_path):
    _, _, samples, *_ = made(tmp_path / "made")
    with pytest.raises(InputError, match="other bits than the manifest states"):
        render(tmp_path / "made", samples[::-1], tmp_path / "again")
    with pytest.raises(InputError, match=r"samples: expected more than 11, of which the plans are, got 5"):
        render(tmp_path / "made", samples[:5], tmp_path / "again")
    with pytest.raises(InputError, match=r"samples: expected more than 11, of which the plans are, got 0"):
        render(tmp_path / "made", samples[:0], tmp_path / "again")
    (tmp_path / "made" / "plans.npz").write_bytes(b"no plans")
    with pytest.raises(InputError, match=r"plans.npz: not there, or not as it was written"):
        render(tmp_path / "made", samples, tmp_path / "again")


def test_small_files_hold_the_same_set(tmp_path, monkeypatch):
    from brinkmap.benchmark import rendering

    whole, *_ = made(tmp_path / "whole")
    monkeypatch.setattr(rendering, "SHARD", 5)
    parts, *_ = made(tmp_path / "parts")
    assert len(parts.manifest.parts) == 3 * len(whole.manifest.parts)
    for part in whole.manifest.parts:
        [one] = whole.shards(part.distortion, part.severity)
        assert_array_equal(one.x, np.concatenate([some.x for some in parts.shards(part.distortion, part.severity)]))


def test_multiples_come_near_their_distance_and_never_pass_it(tmp_path):
    held, *_ = made(tmp_path)
    attacked = {one.index: one for one in _results(tmp_path, "illuminate")}
    [twice], [four] = held.shards("illuminate", "x2"), held.shards("illuminate", "x4")
    for index, l2, far in zip(twice.index, twice.l2, four.l2, strict=True):
        own = attacked[int(index)]
        if own.success:
            assert l2 <= 2 * own.l2
            assert far <= 4 * own.l2
            assert l2 > 1.5 * own.l2 or far == l2
        assert far >= l2


def _results(folder, name):
    from brinkmap.rows import read_results

    return read_results(folder / "attacks" / name / "results.parquet")


def test_levels_keep_the_cells_and_grow(tmp_path):
    held, *_ = made(tmp_path)
    [low], [high] = held.shards("illuminate", "level:1"), held.shards("illuminate", "level:5")
    assert_array_equal(low.plan > 0, high.plan > 0)
    assert set(np.unique(low.plan)) <= {0, 1, 6}  # brighter and darker have five levels each
    assert_array_equal(high.plan, np.where(low.plan > 0, low.plan + 4, 0))
    assert (high.l2 >= low.l2).all()


def test_a_model_is_put_to_it_in_one_line(tmp_path):
    held, victim, *_ = made(tmp_path)
    table = held.evaluate(lambda x: Mean(SHAPES[2]).predict(x))
    assert list(table["distortion"]) == ["clean"] + ["illuminate"] * 4 + ["gaussian-noise"] * 4
    assert (table["clean_accuracy"] == table["accuracy"].iloc[0]).all()
    own = held.evaluate(victim)
    assert own["accuracy"].tolist() == table["accuracy"].tolist()
    assert own[own["severity"] == "x4"]["accuracy"].mean() < own["accuracy"].iloc[0]
    assert mean_corruption_error(own, own) == pytest.approx(1)
    assert 0 <= mean_corruption_error(own) <= 1


def test_the_same_call_goes_on_and_pays_for_nothing_twice(tmp_path):
    held, victim, samples, labels, run = made(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.npz")}
    (tmp_path / "manifest.json").unlink()
    spent = victim.seen
    make(victim, samples, labels, tmp_path, run, severities=SEVERITIES)
    assert victim.seen == spent
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.npz")} == before
    assert load(tmp_path).manifest == held.manifest


def test_a_sample_that_cannot_be_attacked_is_left_out_with_its_reason(tmp_path):
    samples, labels = data(SHAPES[2])
    samples[3, 0, 0, 0] = 7.0
    run = Run(budget=30, patch=4, distortions=["illuminate"], agent="random")
    make(Mean(SHAPES[2]), samples, labels, tmp_path, run, severities=["x2"])
    manifest = load(tmp_path).manifest
    assert manifest.samples == 11
    assert list(manifest.left_out) == ["3"]
    assert "sample 3" in manifest.left_out["3"]


def test_a_file_that_was_changed_is_not_used(tmp_path):
    held, *_ = made(tmp_path)
    path = tmp_path / "illuminate-x2-0000.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="not as it was written"):
        list(held.shards("illuminate", "x2"))


def test_a_manifest_claims_nothing_that_is_not_there(tmp_path):
    held, *_ = made(tmp_path)
    (tmp_path / "illuminate-x2-0000.npz").unlink()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match="not there"):
        write_manifest(tmp_path, held.manifest)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("name", ["../x.npz", "/etc/passwd", "a/b.npz", "", ".hidden"])
def test_a_manifest_leads_nowhere_else(tmp_path, name):
    made(tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    told["parts"][0]["file"] = name
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="not beside it"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "other"}', "null", '{"kind": "brinkmap-benchmark"}'])
def test_what_is_no_manifest_is_said(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="no manifest of a test set"):
        load(tmp_path)


def test_bad_input_is_said(tmp_path):
    samples, labels = data(SHAPES[2])
    victim = Mean(SHAPES[2])
    with pytest.raises(InputError, match="needs the true class"):
        make(victim, samples, None, tmp_path / "a")
    with pytest.raises(InputError, match="one size"):
        make(victim, samples, labels, tmp_path / "b", Run(patch=[4, 8]))
    with pytest.raises(InputError, match="severity: expected level:N or xN"):
        make(victim, samples, labels, tmp_path / "c", severities=["x0.5"])
    with pytest.raises(InputError, match="it is no test set"):
        load(tmp_path / "nothing")
    held, *_ = made(tmp_path / "d")
    with pytest.raises(InputError, match=r"no fog at x2 in it\. It has illuminate, gaussian-noise at level:1"):
        held.shards("fog", "x2")


@pytest.mark.parametrize(("text", "severity"), [("level:3", Level(3)), ("x4", Multiple(4.0)), ("x2.5", Multiple(2.5))])
def test_severities_are_as_they_are_typed(text, severity):
    assert severity_of(text) == severity
    assert severity.name == text


@pytest.mark.parametrize("severity", ["level:1", "level:5", "x2", "x8"])
def test_a_family_keeps_its_signs(severity):
    """What flipped a sample by one sign is not undone by another: cells grow in their own, and hand it on."""
    canvas = Session(Mean(SHAPES[2]), SHAPES[2], Run(distortions=["tint"], patch=4)).canvas
    sample, codes = data(SHAPES[2])[0][0], np.zeros(canvas.grid.cells, np.int16)
    kinds = {3: 1, 12: 6}
    for cell, kind in kinds.items():
        codes[cell] = canvas.cards.first_of[kind] + 1
    l2 = Spread(canvas, sample, 0, codes, 0.0).distance(codes)
    planned = severity_of(severity).plan(Spread(canvas, sample, 0, codes, l2))
    found = canvas.cards.pairs[planned]
    assert {cell: found[cell, 0] for cell in kinds} == kinds
    assert set(found[planned > 0, 0]) == set(kinds.values())
    if severity.startswith("level"):
        assert set(found[planned > 0, 1]) == {int(severity[-1])}
    else:
        assert found[list(kinds), 1].min() >= 2
        assert found[list(kinds), 1].max() > 2


def test_a_plan_spreads_from_where_it_is():
    canvas = Session(Mean(SHAPES[2]), SHAPES[2], Run(patch=4, distortions=["illuminate"], agent="random")).canvas
    codes = np.zeros(16, np.int16)
    codes[5] = 2
    order = Spread(canvas, data(SHAPES[2])[0][0], 0, codes, 0.1).order
    assert order[0] == 5
    assert set(order[1:5]) == {1, 4, 6, 9}
    assert sorted(order) == list(range(16))
    assert brinkmap.benchmark.load is load
