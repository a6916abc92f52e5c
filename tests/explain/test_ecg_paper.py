"""ECG paper is to scale, and what lies in the waves adds up."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from brinkmap import InputError
from brinkmap.data.ecg.delineation import Delineation
from brinkmap.explain.ecg_paper import Strip, ecg_paper, write_ecg_paper
from brinkmap.explain.waves import energy_in_waves, overlap_with_waves

RATE = 100


def waves(time=400):
    masks = {wave: np.zeros(time, bool) for wave in ("P", "QRS", "T")}
    for beat in range(0, time, 100):
        masks["P"][beat + 10 : beat + 20] = masks["QRS"][beat + 30 : beat + 40] = masks["T"][beat + 60 : beat + 80] = (
            True
        )
    return Delineation(np.arange(35, time, 100), masks)


def lead(time=400):
    return np.sin(np.arange(time) / 9).astype(np.float32)


def test_a_second_is_25_mm_and_a_millivolt_10():
    strip = Strip(lead=lead(), title="N", waves=waves(), below=lead() / 2, changed=waves().waves["P"])
    figure = ecg_paper([strip, strip], RATE, "sheet")
    width, height = figure.get_size_inches() * 25.4
    for axes in figure.axes:
        box, (low, high) = axes.get_position(), axes.get_ylim()
        assert axes.get_xlim() == (0, 4)
        assert box.width * width == pytest.approx(4 * 25)
        assert box.height * height == pytest.approx((high - low) * 10)
        assert low < lead().min() < lead().max() < high
        for axis, square, (first, last) in ((axes.xaxis, 0.04, (0, 4)), (axes.yaxis, 0.1, (low, high))):
            lines = np.sort(np.concatenate([axis.get_minorticklocs(), axis.get_majorticklocs()]))
            lines = lines[(lines > first - 1e-6) & (lines < last + 1e-6)]
            assert np.diff(lines) == pytest.approx(square)
            assert np.diff(axis.get_majorticklocs()) == pytest.approx(5 * square)
    assert len(figure.axes) == 2


def test_what_is_pointed_at_is_drawn_where_it_is():
    region = np.zeros(400, bool)
    region[100:150] = True
    [axes] = ecg_paper([Strip(lead=lead(), title="N", region=region)], RATE).axes
    [filled] = [one for one in axes.collections if to_hex(one.get_facecolor()[0]) == "#f28e2b"]
    ends = filled.get_paths()[0].get_extents()
    assert (ends.x0, ends.x1) == pytest.approx((1.0, 1.5), abs=0.011)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_file_again(tmp_path, suffix):
    for name in ("a", "b"):
        write_ecg_paper(tmp_path / f"{name}.{suffix}", [Strip(lead=lead(), title="<b>$x$ & N</b>")], RATE, "$title$")
    first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("a", "b"))
    assert len(first) > 1000
    if suffix == "png":
        assert first == second


@pytest.mark.parametrize(
    ("strips", "said"),
    [
        ([], "at least one"),
        (
            [Strip(lead=lead(), title="a"), Strip(lead=lead(300), title="b")],
            "all of one length up to 30 s, got 3 s, 4 s",
        ),
        ([Strip(lead=lead(3100), title="a")], "up to 30 s, got 31 s"),
        ([Strip(lead=1000 * lead(), title="uV")], "strip 'uV': expected finite millivolts .* Convert its unit to mV"),
        ([Strip(lead=np.full(400, np.nan), title="a")], "finite"),
    ],
)
def test_what_does_not_fit_the_paper_is_said(strips, said):
    with pytest.raises(InputError, match=said):
        ecg_paper(strips, RATE)


def test_energy_sums_to_one_and_lies_where_the_change_is():
    clean, found = lead(), waves()
    modified = clean.copy()
    modified[30:40] += 0.3
    modified[90:100] += 0.3
    shares = energy_in_waves(clean, modified, found)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["QRS"] == pytest.approx(0.5, abs=1e-5)
    assert shares["P"] == shares["T"] == 0
    assert set(energy_in_waves(clean, clean, found).values()) == {0.0}


def test_overlap_of_a_mask_that_is_the_wave_is_whole():
    found = waves()
    overlaps = overlap_with_waves(found.waves["T"], found)
    assert overlaps["T"] == (1.0, 1.0, 1.0)
    assert overlaps["P"] == (0.0, 0.0, 0.0)
    assert (
        overlap_with_waves(np.zeros(400, bool), Delineation(found.r_peaks, found.waves | {"P": np.zeros(400, bool)}))[
            "P"
        ]
        is None
    )


def test_waves_of_another_strip_are_refused():
    with pytest.raises(InputError, match="expected the sample's 400 values, got 300"):
        energy_in_waves(lead(), lead(), waves(300))
