import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sample_files import pixels, save_image

from brinkmap.data import load_data
from brinkmap.errors import InputError


@pytest.fixture
def animals(tmp_path):
    """Two images of an ant, one of an ox, and files that are no images."""
    images = [
        save_image(tmp_path / "ant" / "a.png", pixels(1)),
        save_image(tmp_path / "ox" / "c.png", pixels(3)),
        save_image(tmp_path / "ant" / "b.PNG", pixels(2)),
    ]
    (tmp_path / "ox" / "notes.txt").write_text("not an image")
    (tmp_path / "ox" / ".hidden.png").write_text("not an image")
    (tmp_path / ".cache").mkdir()
    return tmp_path, images


def test_a_folder_gives_each_class_in_turn(animals):
    path, images = animals
    data = load_data(path)
    assert_array_equal(np.stack(list(data)), images)
    assert_array_equal(data.labels, [0, 1, 0])
    assert (data.class_names, data.names, data.shape) == (
        ("ant", "ox"),
        ("ant/a.png", "ox/c.png", "ant/b.PNG"),
        (3, 5, 7),
    )


def test_numbers_as_folder_names_are_the_labels(tmp_path):
    for name in ("10", "9", "007"):
        save_image(tmp_path / name / "a.png", pixels(int(name)))
    data = load_data(tmp_path)
    assert dict(zip(data.names, data.labels.tolist(), strict=True)) == {"007/a.png": 7, "10/a.png": 10, "9/a.png": 9}
    assert data.class_names is None


def test_a_folder_without_sub_folders_has_no_labels(tmp_path):
    save_image(tmp_path / "a.png", pixels(1))
    assert load_data(tmp_path).labels is None


def test_images_are_read_when_it_is_their_turn(animals):
    path, _ = animals
    data = load_data(path)
    (path / "ox" / "c.png").write_bytes(b"")
    samples = iter(data)
    next(samples)
    with pytest.raises(InputError, match=r"c\.png cannot be read as an image"):
        next(samples)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("L", [0, 100, 255]), ("1", [0, 0, 255]), ("I;16", [0, 100, 255])],
)
def test_grey_images_keep_one_channel(tmp_path, mode, expected):
    grey = np.uint8([[0, 100, 255]])
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey)
    (image if mode == "I;16" else image.convert(mode, dither=Image.Dither.NONE)).save(tmp_path / "a.png")
    data = load_data(tmp_path)
    assert_array_equal(next(iter(data)), np.uint8(expected)[None, :, None])
    assert data.shape == (1, 1, 3)


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "LA"])
def test_other_modes_become_rgb(tmp_path, mode):
    name = "a.tif" if mode == "CMYK" else "a.png"
    Image.fromarray(np.full((4, 4, 3), 255, np.uint8)).convert(mode).save(tmp_path / name)
    assert_array_equal(next(iter(load_data(tmp_path))), np.full((4, 4, 3), 255))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            pixels(2, (6, 7, 3)),
            "b.png: expected a colour image of 7 x 5 pixels as in a.png, got a colour image of 7 x 6",
        ),
        (pixels(2, (5, 7)), "b.png: expected a colour image of 7 x 5 pixels as in a.png, got a grey image of 7 x 5"),
    ],
    ids=["size", "mode"],
)
def test_an_image_unlike_the_first_is_named(tmp_path, second, message):
    save_image(tmp_path / "a.png", pixels(1))
    save_image(tmp_path / "b.png", second)
    with pytest.raises(InputError, match=re.escape(message)):
        list(load_data(tmp_path))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    save_image(path, pixels(1, (64, 64, 3)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=rf"a\.{suffix} cannot be read as an image.*Replace the file"):
        load_data(tmp_path)


def test_the_guard_against_decompression_bombs_is_on(tmp_path, monkeypatch):
    save_image(tmp_path / "a.png", pixels(1))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputError, match="decompression bomb"):
        load_data(tmp_path)


def test_images_beside_classes_are_refused(animals):
    path, _ = animals
    save_image(path / "stray.png", pixels(4))
    with pytest.raises(InputError, match="got 1 images and 2 sub-folders"):
        load_data(path)


def test_an_empty_folder_and_an_empty_class_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no images in it\. Expected \.bmp"):
        load_data(tmp_path)
    save_image(tmp_path / "ox" / "a.png", pixels(1))
    (tmp_path / "ant").mkdir()
    with pytest.raises(InputError, match="ant: no images for this class"):
        load_data(tmp_path)


def test_one_image_is_a_data_set_of_one(tmp_path):
    Image.fromarray(np.full((5, 7, 3), 9, np.uint8)).save(tmp_path / "one.png")
    [sample] = data = load_data(tmp_path / "one.png")
    assert data.shape == (3, 5, 7)
    assert data.labels is None
    assert data.names == ("one.png",)
    assert sample.shape == (5, 7, 3)
