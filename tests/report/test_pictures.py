"""The pictures of a case: what is drawn, at which scale, what is said of it, and what it weighs."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from views import case, view

from brinkmap.report.grid import write_grid
from brinkmap.report.pictures import FRAMES, fitted, heated, map_shots, plain_shots, shots_of
from brinkmap.report.plots import bars
from brinkmap.report.signals import Strip, drawn, mapped, stacked

SHAPES = [(2, 50), (1, 8, 8), (3, 4, 6, 5)]


def shots(clean, modified, heat=None, bounds=(0.0, 1.0)):
    return shots_of(clean, modified, heat, "made up", bounds)


def test_distortion_is_centred_and_amplified_by_the_factor_stated():
    clean = np.full((1, 4, 4), 0.5, np.float32)
    modified = clean.copy()
    modified[0, 0, 0] += 0.05
    found = shots(clean, modified, np.zeros((4, 4), np.float32))
    assert [one.title for one in found] == [
        "original", "distortion × 1", "distortion × 10", "modified", "heat map: made up"
    ]  # fmt: skip
    assert found[1].pixels[0, 0, 0].tolist() == [140, 140, 140]
    assert found[2].pixels[0, 0, 0].tolist() == [255, 255, 255]
    assert found[2].pixels[0, 1, 1].tolist() == [128, 128, 128]
    assert found[3].pixels[0, 0, 0, 0] == round(0.55 * 255)


def test_a_clip_is_shown_by_frames_from_its_first_to_its_last():
    clean = np.zeros((1, 20, 6, 6), np.float32)
    clean[0, 19] = 1
    found = shots(clean, clean + np.float32(0.25) * (clean == 0))
    assert found[0].title == f"original, {FRAMES} frames of 20"
    assert found[2].title == "distortion × 2"
    [[picture, *_]], _ = fitted([found])
    with Image.open(io.BytesIO(base64.b64decode(picture.source.split(",")[1]))) as strip:
        assert strip.size == (6 * FRAMES, 6)
        assert strip.getpixel((0, 0)) == (0, 0, 0)
        assert strip.getpixel((6 * FRAMES - 1, 0)) == (255, 255, 255)
    assert picture.frames == FRAMES


def test_channels_that_are_no_colours_show_the_one_that_changed_most():
    clean = np.zeros((5, 6, 6), np.float32)
    modified = clean.copy()
    modified[4] = 0.5
    assert shots(clean, modified)[0].title == "original, channel 5 of 5"


def test_raw_values_are_drawn_on_the_scale_of_the_bounds():
    clean = np.full((1, 4, 4), -2.0, np.float32)
    found = shots(clean, clean + 4, bounds=(-2.0, 2.0))
    assert (found[0].pixels == 0).all()
    assert (found[3].pixels == 255).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_unchanged_sample_can_be_drawn(shape):
    clean = np.full(shape, 0.5, np.float32)
    if len(shape) == 2:
        assert "× 1 and × 1" in drawn("one", clean, clean, None, "", Strip()).title
    else:
        assert shots(clean, clean)[2].title == "distortion × 1"


def test_heat_is_red_for_and_blue_against_and_grey_where_there_is_none():
    grey = np.full((1, 1, 1, 3), 0.5)
    [[[plus, none, minus]]] = heated(grey, np.array([[[1.0, 0.0, -1.0]]]))
    assert plus[0] > plus[2] + 80
    assert minus[2] > minus[0] + 80
    assert none[0] == none[1] == none[2]


def test_what_is_outside_the_mask_is_greyed_out():
    mask = np.zeros((4, 4), bool)
    mask[0, 0] = True
    _, _, shown = map_shots(np.zeros((1, 4, 4), np.float32), np.ones((4, 4), np.float32), mask, (0.0, 1.0))
    assert shown.pixels[0, 0, 0, 0] == 0
    assert shown.pixels[0, 1, 1, 0] == round(0.75 * 255)


def test_pictures_are_shrunk_together_until_they_fit_and_small_ones_never():
    noise = np.random.default_rng(0).uniform(0, 1, (3, 100, 200)).astype(np.float32)
    rows = [plain_shots({"one": noise, "two": noise}, (0.0, 1.0))] * 3
    (found, side), (whole, none) = fitted(rows, weight=60_000), fitted(rows)
    assert side < 200
    assert none is None
    sizes = [len(base64.b64decode(one.source.split(",")[1])) for row in found for one in row]
    assert sum(sizes) <= 60_000 < sum(len(one.source) for row in whole for one in row)
    assert found[0][0].ratio == pytest.approx(2, rel=0.1)
    assert fitted([plain_shots({"one": noise[:, :8, :8]}, (0.0, 1.0))], weight=60_000)[1] is None


def grid_steps(svg, colour):
    """The distances of the vertical and of the horizontal lines of a colour, in points, in the first plot."""
    path = next(path for path in re.findall(r'd="([^"]*)"[^>]*?stroke: ([^;]*);', svg) if path[1] == colour)[0]
    found = re.findall(r"M (-?[\d.]+) (-?[\d.]+) L (-?[\d.]+) (-?[\d.]+)", path)
    lines = [((float(a), float(b)), (float(c), float(d))) for a, b, c, d in found]
    across = [a[0] for a, b in lines if a[0] == b[0]]
    up = [a[1] for a, b in lines if a[1] == b[1] and a[0] != b[0]]
    return np.abs(np.diff(across)).mean(), np.abs(np.diff(up)).mean()


@pytest.mark.parametrize("seconds", [2, 8])
def test_ecg_paper_has_square_squares_of_a_fifth_of_a_second_and_half_a_millivolt(seconds):
    times = np.arange(250 * seconds) / 250
    beats = 0.9 * np.sin(2 * np.pi * times)[None].astype(np.float32)
    picture = drawn("one", beats, beats + np.float32(0.1), None, "", Strip("mV", 250.0))
    across, up = grid_steps(picture.svg, "var(--paper-line)")
    assert across == pytest.approx(9 * 72 * 0.93 * 0.2 / times[-1], rel=0.02)
    if seconds == 8:  # two seconds would be as high as a page
        assert up == pytest.approx(across, rel=0.03)
    assert ("var(--paper-fine)" in picture.svg) == (seconds < 6)
    assert "large squares 0.2 s by 0.5 mV" in picture.title


@pytest.mark.parametrize("strip", [Strip(), Strip("mV"), Strip("", 250.0), Strip("$\\frac{$x <b>", 250.0)])
def test_without_rate_and_millivolts_the_grid_is_plain(strip):
    clean = np.zeros((1, 500), np.float32)
    picture = drawn("one", clean, clean + 1, np.ones(500, np.float32), "made up", strip)
    assert "paper-line" not in picture.svg
    assert "plain grid" in picture.title
    assert "<b>" not in picture.svg


def test_what_axes_say_is_not_rounded_with_the_lines():
    bars_ = bars("one", "", "", np.array([0.31, 0.72, 1.68]), "L2")
    said = [float(one) for one in re.findall(r">(\d+\.\d+)<", bars_.svg)]
    assert said[:3] == [0.0, 0.25, 0.5]
    places = re.findall(r' d="([^"]*)"', bars_.svg)
    assert not re.search(r"\d\.\d\d", " ".join(places))


def test_a_distortion_is_drawn_at_its_true_size_beside_the_signal():
    clean = np.sin(np.arange(400) / 20)[None].astype(np.float32)
    picture = drawn("one", clean, clean * 1.5, None, "", Strip())
    paths = re.findall(r'<path d="([^"]*)" clip-path[^>]*stroke-width: 0.9', picture.svg)
    high = [np.ptp([float(y) for y in re.findall(r"[ML] -?[\d.]+ (-?[\d.]+)", path)]) for path in paths]
    assert high[1] / high[0] == pytest.approx(0.5, rel=0.05)


def test_a_long_signal_keeps_its_peaks_and_stays_light():
    clean = np.zeros((1, 90_000), np.float32)
    clean[0, 45_678] = 1
    picture = stacked("one", {"peak": clean}, Strip())
    assert len(picture.svg) < 60_000
    places = re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", max(re.findall(r'd="([^"]*)"', picture.svg), key=len))
    x, y = np.array(places, float).T
    assert np.ptp(y) > 50
    assert (x[y.argmin()] - x.min()) / np.ptp(x) == pytest.approx(45_678 / 90_000, abs=0.01)


def test_the_mask_of_a_signal_is_a_line_of_its_own():
    mask = np.zeros(100, bool)
    mask[10:30] = True
    picture = mapped("one", np.zeros((2, 100), np.float32), np.ones(100, np.float32), mask, Strip())
    assert picture.svg.count("var(--for)") >= 2
    assert "20% in red" in picture.alt


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_names_and_units_are_no_formulas(shape, tmp_path):
    told = view(class_names=["$\\frac{$x"] * 3, unit="$\\frac{$x", cases=[case(shape)])
    write_grid(tmp_path / "pictures.png", told, told.cases)
    with Image.open(tmp_path / "pictures.png") as picture:
        assert picture.size[0] > 100
