"""Windows: every place is covered, no more of them than allowed, and their means are means."""

import numpy as np
import pytest

from brinkmap.explain.windows import covering

EXTENTS = [(1,), (7,), (96,), (20, 24), (6, 12, 12), (3, 40, 5)]


@pytest.mark.parametrize("most", [1, 5, 36, 300])
@pytest.mark.parametrize("extent", EXTENTS)
def test_every_place_is_in_a_window_and_there_are_no_more_than_allowed(extent, most):
    windows = covering(extent, most)
    assert len(windows) <= most
    assert windows.hidden(windows.places).max(axis=0).min() == 1
    assert all(window.sum() for window in windows.hidden(windows.places))


@pytest.mark.parametrize("extent", EXTENTS)
def test_more_are_never_wider(extent):
    sizes = [np.mean(one.hidden(one.places).sum(axis=tuple(range(1, 1 + len(extent))))) for one in
             (covering(extent, most) for most in (1, 8, 64, 512))]  # fmt: skip
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("extent", EXTENTS)
def test_along_no_axis_are_they_finer_than_allowed(extent):
    starts = [{place[axis].start for place in covering(extent, 10**6, 4).places} for axis in range(len(extent))]
    assert max(map(len, starts)) == min(4, max(extent))


@pytest.mark.parametrize("extent", EXTENTS)
def test_the_mean_of_equals_is_equal_and_what_was_not_asked_is_zero(extent):
    windows = covering(extent, 30)
    assert np.allclose(windows.means(np.full(len(windows), 2.5)), 2.5)
    first = windows.means(np.array([1.0]))
    assert (first[windows.places[0]] == 1).all()
    assert first.sum() == windows.hidden(windows.places[:1]).sum()
