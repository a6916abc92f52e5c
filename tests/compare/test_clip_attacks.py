"""Attacks on clips: what each does that the others do not, on victims whose answer is known."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import brinkmap
from brinkmap import Run
from brinkmap.compare.ast_focus import Focus
from brinkmap.compare.geo_trap import warped
from brinkmap.compare.heuristic_frames import ranked
from brinkmap.compare.motion_sampler import carried, motion
from brinkmap.errors import InputError
from victims_known import FlipsWhenDark, Linear

NAMES = ("heuristic-frames", "motion-sampler", "geo-trap", "ast-focus")
RNG = np.random.default_rng(3)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_refused(name):
    with pytest.raises(InputError, match="attacks samples of 3 axes, got 2"):
        list(
            brinkmap.attack(Linear((1, 8, 8)), np.full((1, 1, 8, 8), 0.5, np.float32), None, Run(agent=name, max_l2=1))
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bounds", [{}, {"max_l2": 1.0, "max_linf": 0.1}])
def test_exactly_one_bound_is_asked_for(name, bounds):
    with pytest.raises(InputError, match=f"{name}: needs exactly one bound"):
        list(
            brinkmap.attack(
                Linear((1, 2, 4, 4)), np.full((1, 1, 2, 4, 4), 0.5, np.float32), None, Run(agent=name, **bounds)
            )
        )


class Asked:
    """An oracle that says how bright the third frame is, and counts."""

    seen = 0

    def probe(self, candidates):
        self.seen += len(candidates)
        return candidates[:, 0, 2].mean(axis=(1, 2))[:, None]

    def margins(self, answers):
        return answers[:, 0]


def test_the_frame_that_decides_is_ranked_first_for_a_query_a_frame():
    clip = np.zeros((1, 6, 4, 4), np.float32)
    clip[:, 2] = 1
    oracle = Asked()
    assert ranked(oracle, clip, 1.0)[0] == 2
    assert oracle.seen == 6


def test_heuristic_frames_begin_with_the_frame_that_decides():
    victim = FlipsWhenDark(1, (1, 4, 8, 8), "1x8x8")
    clip = np.full((1, 1, 4, 8, 8), 0.45, np.float32)
    [result] = brinkmap.attack(victim, clip, None, Run(agent="heuristic-frames", max_linf=0.2, budget=300))
    assert result.success
    touched = np.abs(result.adversarial - clip[0]).max(axis=(0, 2, 3)) > 0
    assert touched[1]
    assert touched.sum() <= 2


@pytest.mark.parametrize("step", [(0, 1), (-1, 0), (2, -2), (0, 0)])
def test_motion_is_found_and_noise_follows_it(step):
    picture = RNG.random((1, 20, 24))
    clip = np.stack([np.roll(picture, tuple(frame * np.array(step)), (1, 2)) for frame in range(4)], axis=1)
    moved = motion(clip.astype(np.float32), reach=2, block=5)
    inside = (slice(None), slice(None), slice(6, -6), slice(6, -6))
    assert (moved[inside] == -np.array(step)[:, None, None, None]).mean() > 0.99
    noise = RNG.standard_normal((1, 20, 24))
    everywhere = np.broadcast_to(-np.array(step)[:, None, None, None], (2, 3, 20, 24))
    for frame, shown in enumerate(carried(noise, everywhere).swapaxes(0, 1)):
        assert_array_equal(shown, np.roll(noise, tuple(frame * np.array(step)), (1, 2)))


def test_noise_that_nothing_carries_is_the_same_in_all_frames():
    noise = RNG.standard_normal((3, 8, 8))
    still = motion(np.repeat(RNG.random((3, 1, 8, 8)), 5, axis=1).astype(np.float32), 2, 3)
    assert_array_equal(carried(noise, still), np.repeat(noise[:, None], 5, axis=1))


def test_a_picture_is_moved_and_stretched_and_keeps_its_values():
    picture = RNG.standard_normal((2, 9, 11))
    same, moved, large = warped(picture, np.array([[0, 0], [2, -3], [0, 0]]), np.array([1, 1, 2.0])).swapaxes(0, 1)
    assert_array_equal(same, picture)
    assert_array_equal(moved, np.roll(picture, (2, -3), (1, 2)))
    assert_array_equal(large[:, 4, 5], picture[:, 4, 5])  # about the middle
    assert set(large.ravel()) < set(picture.ravel())


def test_focus_goes_where_it_paid():
    focus, rng = Focus((1, 8, 16, 16), places=3, window=0.5), np.random.default_rng(0)
    for _ in range(400):
        mask = focus.draw(rng)
        assert mask.shape == (1, 8, 16, 16)
        assert mask.any()
        focus.reward(float(mask[0, 2, :8, :8].all()))  # only this frame's corner pays
    assert focus.temporal.argmax() == 2
    assert np.unravel_index(focus.spatial.argmax(), focus.spatial.shape) == (0, 0)


def test_what_pays_nothing_moves_no_preference_far():
    focus, rng = Focus((1, 4, 8, 8), places=3, window=0.5), np.random.default_rng(0)
    for _ in range(50):
        focus.draw(rng)
        focus.reward(0.0)
    assert np.abs(focus.temporal).max() == np.abs(focus.spatial).max() == 0
