"""Explanations as pictures, at every rank."""

import numpy as np
import pytest
from PIL import Image

from brinkmap.explain import Explanation
from brinkmap.explain.overlay import Scene, write_animation, write_overlay

SHAPES = {1: (2, 200), 2: (3, 20, 24), 3: (1, 5, 16, 12)}


def explained(shape: tuple[int, ...]) -> Explanation:
    values = np.random.default_rng(0).normal(size=shape[1:]).astype(np.float32)
    return Explanation(
        index=0, method="posterior", target=1, reference=1, answer=np.float32([0.2, 0.8]), map=values, queries=3
    )


def scene(shape: tuple[int, ...], title: str = "a sample") -> Scene:
    values = np.random.default_rng(1).uniform(-2, 3, shape).astype(np.float32)
    return Scene(values, (-2.0, 3.0), title, "mV", 125.0)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_it_draws_the_same_picture_each_time(tmp_path, rank, suffix):
    shape = SHAPES[rank]
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        write_overlay(path, scene(shape), explained(shape))
    assert first.stat().st_size > 2000
    if suffix == ".png":
        assert first.read_bytes() == second.read_bytes()


def test_what_a_title_says_is_only_text(tmp_path):
    write_overlay(tmp_path / "a.svg", scene(SHAPES[2], "<script>alert(1)</script> $x^2$ & co"), explained(SHAPES[2]))
    assert "<script" not in (tmp_path / "a.svg").read_text()


def test_a_clip_moves(tmp_path):
    write_animation(tmp_path / "a.gif", scene(SHAPES[3]), explained(SHAPES[3]))
    with Image.open(tmp_path / "a.gif") as clip:
        assert clip.n_frames == 5
        assert min(clip.size) >= 150


def test_a_map_of_nothing_is_drawn_too(tmp_path):
    for shape in SHAPES.values():
        flat = Explanation(
            index=0, method="rise", target=1, reference=1, answer=None, map=np.zeros(shape[1:], np.float32), queries=3
        )
        write_overlay(tmp_path / "a.png", scene(shape), flat)
        assert (tmp_path / "a.png").stat().st_size > 2000
