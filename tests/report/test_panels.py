"""The pictures of a case: what is drawn, at which scale, and what is said of it."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brinkmap.report import Case, ReportView
from brinkmap.report.panels import LARGEST_SIDE, panels_of, write_grid

SHAPES = [(2, 50), (1, 8, 8), (3, 4, 6, 5)]


def test_distortion_is_centred_and_amplified_by_the_factor_stated():
    clean = np.full((1, 4, 4), 0.5, np.float32)
    modified = clean.copy()
    modified[0, 0, 0] += 0.05
    shown = panels_of(_with(clean, modified), _view())
    assert [panel.title for panel in shown] == ["original", "distortion × 10", "modified"]
    assert shown[1].pixels[0, 0].tolist() == [255, 255, 255]
    assert shown[1].pixels[1, 1].tolist() == [128, 128, 128]
    assert shown[2].pixels[0, 0, 0] == round(0.55 * 255)


def test_clip_shows_the_frame_that_changed_most():
    clean = np.zeros((1, 5, 6, 6), np.float32)
    modified = clean.copy()
    modified[0, 3] = 0.25
    shown = panels_of(_with(clean, modified), _view())
    assert shown[0].title == "original, frame 4 of 5"
    assert shown[1].title == "distortion × 2"
    assert (shown[2].pixels == 64).all()


def test_channels_that_are_no_colours_show_the_one_that_changed_most():
    clean = np.zeros((5, 6, 6), np.float32)
    modified = clean.copy()
    modified[4] = 0.5
    assert panels_of(_with(clean, modified), _view())[0].title == "original, channel 5 of 5"


def test_raw_values_are_drawn_on_the_scale_of_the_bounds():
    clean = np.full((1, 4, 4), -2.0, np.float32)
    shown = panels_of(_with(clean, clean + 4), _view(bounds=(-2.0, 2.0)))
    assert (shown[0].pixels == 0).all()
    assert (shown[2].pixels == 255).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_unchanged_sample_can_be_drawn(shape):
    clean = np.full(shape, 0.5, np.float32)
    assert any("distortion × 1" in panel.title for panel in panels_of(_with(clean, clean), _view()))


def test_large_pictures_are_shrunk():
    large = np.zeros((3, 200, 400), np.float32)
    assert panels_of(_with(large, large), _view())[0].pixels.shape == (LARGEST_SIDE // 2, LARGEST_SIDE, 3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_names_and_units_are_no_formulas(shape, tmp_path):
    clean = np.full(shape, 0.5, np.float32)
    told = _view(class_names=["$\\frac{$x"] * 3, unit="$\\frac{$x", cases=[_with(clean, clean)])
    write_grid(tmp_path / "pictures.png", told, [panels_of(told.cases[0], told)])
    with Image.open(tmp_path / "pictures.png") as picture:
        assert picture.size[0] > 100


def _with(clean, modified):
    answers = np.float32([0.1, 0.7, 0.2])
    return Case(
        index=0, clean=clean, modified=modified, before=answers, after=answers, label=None, reference=1, queries=1,
        l2=0.0, filters="",
    )  # fmt: skip


def _view(**more):
    settings = {"title": "", "command": "", "run": {}, "summary": {}, "table": pd.DataFrame(), "bounds": (0.0, 1.0)}
    return ReportView(**(settings | more))
