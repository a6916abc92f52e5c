import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sample_files import pixels, save_npz

from brinkmap.arrays import as_samples
from brinkmap.data import DataSet, load_data
from brinkmap.errors import InputError


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (pixels(0, (4, 9, 2)), (2, 9)),
        (pixels(0, (4, 9, 8, 3)), (3, 9, 8)),
        (pixels(0, (4, 2, 9, 8, 3)), (3, 2, 9, 8)),
        (np.random.default_rng(0).random((4, 2, 9), dtype=np.float32), (2, 9)),
        (np.random.default_rng(0).random((4, 3, 9, 8)), (3, 9, 8)),
        (np.random.default_rng(0).random((4, 3, 2, 9, 8)).astype(np.float16), (3, 2, 9, 8)),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else str(value),
)
def test_npz_samples_come_back_as_saved(tmp_path, x, shape):
    data = load_data(save_npz(tmp_path / "d.npz", x=x, y=np.arange(4)))
    assert isinstance(data, DataSet)
    assert_array_equal(np.stack(list(data)), x.astype(np.float32) if x.dtype != np.uint8 else x)
    assert {sample.dtype for sample in data} == {np.dtype(np.uint8 if x.dtype == np.uint8 else np.float32)}
    assert (data.shape, len(data), data.names) == (shape, 4, ("0", "1", "2", "3"))
    assert as_samples(next(iter(data))[None]).shape == (1, *shape)


def test_npz_labels_are_int64(tmp_path):
    data = load_data(save_npz(tmp_path / "d.npz", x=pixels(0, (3, 5, 7, 3)), y=np.array([2, 0, 1], np.uint8)))
    assert_array_equal(data.labels, [2, 0, 1])
    assert data.labels.dtype == np.int64


def test_npz_without_y_has_no_labels(tmp_path):
    assert load_data(save_npz(tmp_path / "d.npz", x=pixels(0, (3, 5, 7, 3)))).labels is None


def test_values_beyond_the_bounds_are_left_for_the_victim_to_judge(tmp_path):
    data = load_data(save_npz(tmp_path / "d.npz", x=np.full((1, 1, 4), 255.0)))
    assert_array_equal(next(iter(data)), np.full((1, 4), 255.0))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros(3)}, "expected an array named x, got images. Save it with"),
        ({}, "expected an array named x, got none"),
        ({"x": np.array([{}, {}])}, "cannot be read: x.npy holds pickled objects"),
        ({"x": np.zeros((2, 1, 4)), "y": np.array([{}, {}])}, "cannot be read: y.npy holds pickled objects"),
        ({"x": np.zeros((2, 1, 4), np.int32)}, "got dtype int32. Convert it"),
        ({"x": np.zeros((2, 4))}, "got shape (2, 4). Add the missing axis"),
        ({"x": np.zeros((0, 1, 4))}, "expected at least one sample, got shape (0, 1, 4)"),
        ({"x": np.zeros((2, 1, 4)), "y": np.zeros(2)}, "y: expected integers, got dtype float64"),
        ({"x": np.zeros((2, 1, 4)), "y": np.arange(3)}, "one label for each of 2 samples, shape (2,), got (3,)"),
        ({"x": np.zeros((2, 1, 4)), "y": np.eye(2, dtype=int)}, "shape (2,), got (2, 2)"),
    ],
    ids=str,
)
def test_a_wrong_npz_is_named(tmp_path, arrays, message):
    with pytest.raises(InputError, match=re.escape(message)):
        load_data(save_npz(tmp_path / "d.npz", **arrays))


@pytest.mark.parametrize("keep", [0, 40, 300])
def test_a_truncated_npz_is_named(tmp_path, keep):
    path = save_npz(tmp_path / "d.npz", x=pixels(0, (3, 5, 7, 3)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"d\.npz cannot be read"):
        load_data(path)


def test_an_array_saved_alone_is_named(tmp_path):
    with (tmp_path / "d.npz").open("wb") as file:
        np.save(file, np.zeros((2, 1, 4)))
    with pytest.raises(InputError, match=r"d\.npz cannot be read"):
        load_data(tmp_path / "d.npz")
