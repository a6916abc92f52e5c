"""Pictures and lists of pictures from a stranger."""

import io

import numpy as np
import pytest
from hostile import png, refused_or_read
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from brinkmap.data import load_data
from brinkmap.data.images import FORMATS

FINE = {}
for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
    held = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(held, kind)
    FINE[kind] = held.getvalue()


def read(path):
    list(load_data(path))


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (9000, 9000), (2**30, 1)])
def test_a_picture_that_says_it_is_huge_is_not_decoded(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png(*size))
    assert "cannot be read as an image" in str(refused_or_read(read, tmp_path / "a.png"))


def test_postscript_is_never_handed_to_a_program(tmp_path, monkeypatch):
    import subprocess

    def started(*arguments, **_):
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(subprocess, "Popen", started)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(ran) (w) file\nshowpage\n%%EOF\n"
    for name in ("a.png", "a.jpg", "a.tif"):
        (tmp_path / name).write_bytes(eps)
        assert "cannot identify image file" in str(refused_or_read(read, tmp_path / name))
    assert "EPS" not in FORMATS


@given(kind=st.sampled_from(sorted(FINE)), data=st.data())
def test_any_damage_is_read_or_refused(tmp_path_factory, kind, data):
    content = bytearray(FINE[kind])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(bytes(content))
    refused_or_read(read, path)


def test_a_list_is_the_users_own_and_may_point_anywhere(tmp_path):
    """Decided: whoever passes a .csv with --data has written it, and keeps pictures where it suits."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "a.png").write_bytes(FINE["PNG"])
    (tmp_path / "lists" / "a.csv").write_text(f"file,label\n../a.png,0\n{tmp_path / 'a.png'},1\n")
    assert refused_or_read(read, tmp_path / "lists" / "a.csv") is None


@pytest.mark.parametrize("file", ["/dev/zero", "/dev/stdin", "/etc/passwd", "/proc/self/environ", "https://host/a.png"])
def test_what_is_no_picture_is_refused_without_a_word_of_it(tmp_path, file):
    (tmp_path / "a.csv").write_text(f"file,label\n{file},0\n")
    error = str(refused_or_read(read, tmp_path / "a.csv"))
    assert "no such file" in error or "cannot identify image file" in error
    assert "root:" not in error


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_list_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    refused_or_read(read, path)
