"""A test set from a stranger: its manifest names files beside it and nothing else, and they are what it says."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from hostile import archive, bombed, npy, pickled, refused_or_read
from hypothesis import given
from hypothesis import strategies as st

from brinkmap import Run
from brinkmap.benchmark import load, make
from victims_known import Linear, samples_for


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, victim = tmp_path_factory.mktemp("made") / "set", Linear((1, 8, 8))
    samples, labels = samples_for(victim, 4)
    run = Run(agent="random", budget=10, patch=4, distortions=["illuminate"])
    make(victim, samples, labels, folder, run, severities=("level:1",))
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "set")


def evaluated(folder):
    load(folder).evaluate(Linear((1, 8, 8)))


def changed(folder, change):
    told = json.loads((folder / "manifest.json").read_text())
    change(told)
    (folder / "manifest.json").write_text(json.dumps(told))


def replaced(folder, path):
    """The first part is this file now, with its true checksum."""
    changed(folder, lambda told: told["parts"][0].update(
        file=str(path), sha256=hashlib.sha256((folder / path).read_bytes()).hexdigest()
    ))  # fmt: skip


def test_the_true_one_is_read(folder):
    assert refused_or_read(evaluated, folder) is None


@pytest.mark.parametrize(
    "file",
    ["../outside.npz", "/etc/passwd", "a/../../outside.npz", "", ".", "..", "a\x00b.npz", "C:\\x.npz", "~/x.npz"],
)
def test_no_file_outside_is_opened(folder, file):
    shutil.copy(next(folder.glob("*.npz")), folder.parent / "outside.npz")
    changed(folder, lambda told: told["parts"][0].update(file=file))
    assert "which is not beside it" in str(refused_or_read(evaluated, folder))


def test_a_link_that_leads_outside_is_not_followed(folder):
    outside = shutil.move(next(folder.glob("*.npz")), folder.parent / "outside.npz")
    name = json.loads((folder / "manifest.json").read_text())["parts"][0]["file"]
    for one in folder.glob("*.npz"):
        one.unlink()
    os.symlink(outside, folder / name)
    assert "which is not beside it" in str(refused_or_read(evaluated, folder))


@pytest.mark.parametrize("member", ["x", "y", "plan"])
def test_pickled_parts_are_not_loaded(folder, member):
    canary = folder.parent / "ran"
    with np.load(next(folder.glob("clean*.npz"))) as held:
        arrays = {f"{name}.npy": npy(held[name].shape, held[name].tobytes(), held[name].dtype.str) for name in held}
    archive(folder / "evil.npz", arrays | {f"{member}.npy": npy((1,), pickled(canary), "|O")})
    replaced(folder, "evil.npz")
    assert "pickled objects" in str(refused_or_read(evaluated, folder))
    assert not canary.exists()


def test_a_bomb_is_not_unpacked(folder):
    bombed(folder / "bomb.npz")
    replaced(folder, "bomb.npz")
    assert "decompression bomb" in str(refused_or_read(evaluated, folder))


def test_parts_that_hold_something_else_are_refused(folder):
    np.savez(folder / "other.npz", a=np.zeros(3))
    replaced(folder, "other.npz")
    assert "no part of a test set" in str(refused_or_read(evaluated, folder))


def test_parts_of_another_shape_are_refused(folder):
    with np.load(next(folder.glob("clean*.npz"))) as held:
        arrays = {name: held[name] for name in held}
    np.savez(folder / "other.npz", **(arrays | {"x": arrays["x"][:, :, :4]}))
    replaced(folder, "other.npz")
    assert "expected 4 samples of (1, 8, 8), got (4, 1, 4, 8)" in str(refused_or_read(evaluated, folder))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "[" * 100_000, '{"kind": []}', b"\xff", '{"a": 1' + "9" * 5000 + "}"]
)
def test_what_is_no_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "no manifest of a test set" in str(refused_or_read(evaluated, folder))


JSON = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
)


@given(st.data())
def test_any_manifest_is_read_or_refused(made, tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "any"
    shutil.copytree(made, folder, dirs_exist_ok=True)

    def change(told):
        place = data.draw(st.sampled_from([told, told["parts"][0], told["settings"]]))
        place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)

    changed(folder, change)
    refused_or_read(evaluated, folder)
