"""Which frames are taken: laws of the three ways, on times alone."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap.data.video import SAMPLING, Clips
from brinkmap.data.video.clips import chosen
from brinkmap.errors import InputError


def places(sampling, times, count, seed=0):
    times = np.asarray(times, float)
    return chosen(Clips(frames=count, sampling=sampling), times, times[-1] + 1, np.random.default_rng(seed))


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize(("length", "count"), [(8, 8), (9, 4), (100, 16), (17, 1)])
def test_so_many_frames_are_taken_in_order_out_of_those_there_are(sampling, length, count):
    found = places(sampling, np.arange(length), count)
    assert len(found) == count
    assert (np.diff(found) >= 0).all()
    assert 0 <= found[0] <= found[-1] < length


@pytest.mark.parametrize("count", [1, 3, 16])
def test_dense_frames_follow_one_another_around_the_middle(count):
    found = places("dense", np.arange(40), count)
    assert (np.diff(found) == 1).all()
    assert abs(found[0] - (39 - found[-1])) <= 1


def test_each_segment_gives_one_frame():
    for seed in range(20):
        assert_array_equal(places("segments", np.arange(40), 8, seed) // 5, np.arange(8))
    assert len({tuple(places("segments", np.arange(40), 8, seed)) for seed in range(20)}) > 10


def test_frames_are_chosen_by_when_they_are_shown():
    times = [0, 1, 2, 3, 13]  # the fourth stays for ten of fourteen seconds
    assert_array_equal(places("uniform", times, 7), [1, 3, 3, 3, 3, 3, 4])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"frames": 0}, "frames: expected at least 1, got 0"),
        ({"sampling": "random"}, "sampling: expected uniform, dense or segments, got 'random'"),
        ({"size": (0, 8)}, "size: expected height and width"),
        ({"channels": 4}, "channels: clips have 1"),
    ],
)
def test_what_cannot_work_is_said(wrong, said):
    with pytest.raises(InputError, match=said):
        Clips(**wrong)
