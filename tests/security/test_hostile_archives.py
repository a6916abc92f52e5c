"""An .npz file from a stranger: no pickle, no bomb, no lie in its headers."""

import io
import pickle

import numpy as np
import pytest
from hostile import archive, bombed, npy, pickled, refused_or_read
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.data import load_data

FINE = io.BytesIO()
np.savez(FINE, x=np.zeros((2, 1, 4, 4), np.float32), y=np.array([0, 1]))


def test_pickled_objects_are_not_loaded(tmp_path):
    canary = tmp_path / "ran"
    bodies = {
        "objects.npz": npy((1,), pickled(canary), dtype="|O"),
        "labels.npz": npy((2,), pickled(canary), dtype="|O"),
        "record.npz": npy((1,), pickled(canary), dtype=[("a", "|O")]),
    }
    for name, body in bodies.items():
        path = archive(tmp_path / name, {"y.npy" if name == "labels.npz" else "x.npy": body})
        assert "pickled objects" in str(refused_or_read(load_data, path))
    (tmp_path / "plain.npz").write_bytes(pickled(canary))
    assert "cannot be read" in str(refused_or_read(load_data, tmp_path / "plain.npz"))
    assert not canary.exists()
    pickle.loads(pickled(canary))  # and the payload does work
    assert canary.exists()


def test_a_bomb_is_not_unpacked(tmp_path):
    path = bombed(tmp_path / "bomb.npz")
    assert path.stat().st_size < 2**23
    assert "decompression bomb" in str(refused_or_read(load_data, path))


LIES = {
    "a terabyte": (2**40,),
    "beyond 64 bits": (2**70, 1, 8, 8),
    "negative": (-1, 1, 8, 8),
    "more than is there": (1000, 1, 8, 8),
}


@pytest.mark.parametrize("shape", LIES.values(), ids=LIES)
def test_a_header_that_lies_is_refused_before_room_is_made(tmp_path, shape):
    path = archive(tmp_path / "lie.npz", {"x.npy": npy(shape, bytes(256))})
    assert "its header says" in str(refused_or_read(load_data, path))


def test_names_in_an_archive_lead_nowhere(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = archive(inner / "a.npz", {"../x.npy": npy((2, 1, 4, 4), bytes(128)), "/etc/y.npy": npy((2,), bytes(8))})
    assert "expected an array named x" in str(refused_or_read(load_data, path))
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["a.npz", "inner"]


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "x.npz")
    os.mkfifo(tmp_path / "x.edf")
    assert refused_or_read(load_data, tmp_path / "x.npz") is not None
    assert refused_or_read(load_data, tmp_path) is not None


@given(st.data())
def test_any_damage_is_read_or_refused(tmp_path_factory, data):
    content = bytearray(FINE.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(bytes(content[:cut] if data.draw(st.booleans()) else content))
    refused_or_read(load_data, path)
