import hashlib
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sample_files import pixels, save_image, save_npz, table

from brinkmap.data import digits_heldout, load_data
from brinkmap.errors import InputError


@pytest.fixture(params=["npz", "folder", "csv", "digits"])
def three(request, tmp_path):
    """Three samples, or the first three, by each of the ways in."""
    if request.param == "digits":
        return "digits"
    if request.param == "npz":
        return save_npz(tmp_path / "d.npz", x=pixels(0, (3, 5, 7, 3)), y=np.arange(3))
    for index in range(3):
        save_image(tmp_path / f"class{index}" / "a.png", pixels(index))
    if request.param == "folder":
        return tmp_path
    return table(tmp_path, "file,label\n" + "".join(f"class{i}/a.png,{i}\n" for i in range(3)))


def test_a_data_set_can_be_read_again(three):
    data = load_data(three)
    assert_array_equal(np.stack(list(data)), np.stack(list(data)))
    assert_array_equal(np.stack(list(data)), np.stack(list(data.samples)))


def test_a_limit_takes_the_first_samples(three):
    whole, part = load_data(three), load_data(three, limit=2)
    assert len(part) == len(part.labels) == len(part.names) == 2
    assert_array_equal(np.stack(list(part)), np.stack(list(whole))[:2])
    assert_array_equal(part.labels, whole.labels[:2])
    assert (part.names, part.shape) == (whole.names[:2], whole.shape)
    assert len(load_data(three, limit=10_000)) == len(whole)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(three, limit):
    with pytest.raises(InputError, match=f"at least 1 sample, got {limit}"):
        load_data(three, limit=limit)


def test_the_checksum_is_that_of_the_content(three):
    data = load_data(three)
    assert re.fullmatch("[0-9a-f]{64}", data.checksum)
    assert data.checksum == load_data(three).checksum
    assert data.checksum != load_data(three, limit=2).checksum


def test_the_checksum_tells_one_changed_value_and_one_changed_label(tmp_path):
    x, y = pixels(0, (3, 5, 7, 3)), np.arange(3)
    changed, relabelled = x.copy(), np.array([0, 1, 1])
    changed[2, 4, 6, 2] ^= 1
    pairs = [(x, y), (changed, y), (x, relabelled), (x.reshape(3, 7, 5, 3), y)]
    sums = {load_data(save_npz(tmp_path / f"{i}.npz", x=a, y=b)).checksum for i, (a, b) in enumerate(pairs)}
    assert len(sums) == 4


def test_the_checksum_of_images_is_that_of_their_files(tmp_path):
    save_image(tmp_path / "a.png", pixels(1))
    inner = hashlib.sha256((tmp_path / "a.png").read_bytes()).digest()
    assert load_data(tmp_path).checksum == hashlib.sha256(inner).hexdigest()


def test_the_word_digits_is_the_held_out_digits():
    data = load_data("digits")
    x, y = digits_heldout()
    assert_array_equal(np.stack(list(data)), x)
    assert_array_equal(data.labels, y)
    assert (data.shape, data.class_names) == ((1, 8, 8), tuple("0123456789"))


@pytest.mark.parametrize("name", ["absent", "absent.npz"])
def test_what_is_not_there_is_named(tmp_path, name):
    with pytest.raises(InputError, match=f"no such file or folder: .*{name}"):
        load_data(tmp_path / name)


def test_an_unknown_suffix_is_named(tmp_path):
    (tmp_path / "d.mat").write_bytes(b"")
    with pytest.raises(
        InputError, match=re.escape("expected a .npz or .csv file, an image or a folder of images, got '.mat'")
    ):
        load_data(str(tmp_path / "d.mat"))
