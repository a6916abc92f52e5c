"""What clips alone suffer: each filter's law, and how strong it is."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.distortions.video import (
    FixedPatternNoise,
    Flicker,
    FrameDrop,
    FrameFreeze,
    RollingNoise,
    StuckPixel,
    TemporalBlur,
)
from brinkmap.plan import make_grid
from brinkmap.testing import check_distortion

FILTERS = [
    FrameDrop(),
    FrameFreeze(),
    TemporalBlur(),
    Flicker(),
    RollingNoise(),
    StuckPixel(),
    FixedPatternNoise(),
]
CLIPS = [(1, 4, 6, 5), (3, 16, 20, 24), (3, 9, 70, 8)]
LEVELS = range(1, 6)
EVERY_FILTER = pytest.mark.parametrize("one", FILTERS, ids=lambda one: one.name)
EVERY_CLIP = pytest.mark.parametrize("shape", CLIPS, ids=str)
EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)

NOISE = {64: (0.04, 0.06, 0.08, 0.09, 0.10), 96: (0.08, 0.12, 0.18, 0.26, 0.38)}
IMPULSE = {64: (0.01, 0.02, 0.03, 0.05, 0.07), 96: (0.03, 0.06, 0.09, 0.17, 0.27)}
LIGHT = {64: (0.05, 0.1, 0.15, 0.2, 0.3), 96: (0.1, 0.2, 0.3, 0.4, 0.5)}


def strengths(table):
    return pytest.mark.parametrize(
        ("side", "level", "strength"),
        [(side, level, strength) for side, row in table.items() for level, strength in zip(LEVELS, row, strict=True)],
    )


def clip_of(shape, seed=0):
    clip = np.random.default_rng(seed).random(shape, dtype=np.float32)
    clip.flags.writeable = False
    return clip


def grey(*shape):
    return np.full(shape, 0.5, np.float32)


def counted(frames):
    """Every frame holds its own number."""
    return np.broadcast_to(np.arange(frames, dtype=np.float32)[:, None, None], (2, frames, 3, 2)).copy()


def paint(one, clip, level, seed=0):
    return one.paint(clip, level, np.random.default_rng(seed), make_grid(None, clip.shape[1:]))


def shown(one, frames, level, seed=0):
    """The number of the frame that is on screen, for each."""
    painting = paint(one, counted(frames), level, seed)
    assert (painting == painting[:1, :, :1, :1]).all()
    return painting[0, :, 0, 0].astype(int)


@EVERY_FILTER
def test_keeps_the_contract_for_clips(one):
    check_distortion(one)
    assert (one.levels, one.ranks, one.natural) == (5, (3,), True)


@EVERY_FILTER
@EVERY_CLIP
@EVERY_LEVEL
def test_paints_the_same_bits_twice_and_leaves_the_clip_alone(one, shape, level):
    clip = clip_of(shape)
    before = clip.tobytes()
    painting = paint(one, clip, level)
    assert (painting.shape, painting.dtype, painting.flags.c_contiguous) == (shape, np.float32, True)
    assert not np.shares_memory(painting, clip)
    assert painting.tobytes() == paint(one, clip.copy(), level).tobytes()
    assert clip.tobytes() == before


@EVERY_FILTER
@EVERY_CLIP
def test_draws_as_much_at_every_level(one, shape):
    states = []
    for level in LEVELS:
        rng = np.random.default_rng(4)
        one.paint(clip_of(shape), level, rng, make_grid(None, shape[1:]))
        states.append(rng.bit_generator.state)
    assert all(state == states[0] for state in states)


@EVERY_FILTER
@EVERY_CLIP
@pytest.mark.parametrize("seed", range(4))
def test_a_higher_level_is_no_nearer_to_the_clip(one, shape, seed):
    clip = clip_of(shape, seed)
    norms = [np.linalg.norm(np.clip(paint(one, clip, level, seed), 0, 1) - clip) for level in LEVELS]
    assert norms == sorted(norms)
    assert norms[-1] > 0


@pytest.mark.parametrize("one", [FrameDrop(), FrameFreeze(), TemporalBlur()], ids=lambda one: one.name)
def test_what_mixes_frames_leaves_a_single_one_and_a_still_alone(one):
    for clip in (clip_of((3, 1, 6, 5)), np.repeat(clip_of((3, 1, 6, 5)), 7, axis=1)):
        assert_allclose(paint(one, clip, 5), clip, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_lost_frame_shows_the_last_one_received(seed):
    received = []
    for level in LEVELS:
        screen = shown(FrameDrop(), 40, level, seed)
        arrived = screen == np.arange(40)
        assert arrived[0]
        assert_array_equal(screen, np.maximum.accumulate(np.where(arrived, np.arange(40), 0)))
        received.append(set(np.flatnonzero(arrived)))
    for weaker, stronger in itertools.pairwise(received):
        assert stronger <= weaker
    assert received[-1] < received[0]


@pytest.mark.parametrize(("level", "share"), list(enumerate((0.1, 0.2, 0.35, 0.5, 0.7), 1)))
def test_frames_are_lost_at_the_stated_share(level, share):
    screen = shown(FrameDrop(), 20_000, level)
    assert np.mean(screen != np.arange(20_000)) == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize(("level", "hold"), list(enumerate((2, 4, 8, 16, 32), 1)))
def test_a_frozen_clip_moves_once_a_hold(level, hold):
    assert_array_equal(shown(FrameFreeze(), 70, level), [frame - frame % hold for frame in range(70)])


@pytest.mark.parametrize(("level", "sigma"), list(enumerate((0.5, 1, 1.5, 2, 3), 1)))
def test_time_is_blurred_with_the_stated_sigma(level, sigma):
    """Neighbouring weights of a Gaussian have the ratio exp(-1 / (2 sigma^2))."""
    flash = np.zeros((2, 41, 3, 3), np.float32)
    flash[1, 20, 1, 1] = 1
    weights = paint(TemporalBlur(), flash, level)
    trace = weights[1, :, 1, 1].copy()
    for neighbour in (trace[19], trace[21]):
        assert np.sqrt(-0.5 / np.log(neighbour / trace[20])) == pytest.approx(sigma, rel=1e-3)
    assert trace.sum() == pytest.approx(1, abs=1e-5)
    weights[1, :, 1, 1] = 0
    assert not weights.any()


@strengths(LIGHT)
def test_flicker_swings_by_the_published_brightness(side, level, strength):
    gain = paint(Flicker(), grey(2, 64, 3, side), level) / 0.5
    assert (gain == gain[:1, :, :1, :1]).all()
    assert np.abs(gain - 1).max() <= strength + 1e-6
    assert gain.max() == pytest.approx(1 + strength, abs=0.05 * strength)
    assert gain.min() == pytest.approx(1 - strength, abs=0.05 * strength)


@pytest.mark.parametrize("seed", range(8))
def test_flicker_beats_at_one_rate_that_lamps_and_cameras_make(seed):
    waves = [
        (paint(Flicker(), grey(1, 64, 1, 1), level, seed).ravel() / 0.5 - 1) / LIGHT[64][level - 1] for level in LEVELS
    ]
    for wave in waves[1:]:
        assert_allclose(wave, waves[0], atol=1e-5)
    cycles = np.argmax(np.abs(np.fft.rfft(waves[0] * np.hanning(64)))) / 64
    assert 0.1 - 1 / 64 <= cycles <= 0.4 + 1 / 64


def test_flicker_beats_differently_for_another_seed():
    first, other = (paint(Flicker(), grey(1, 16, 2, 2), 3, seed) for seed in (0, 1))
    assert np.abs(first - other).max() > 0.05


@pytest.mark.parametrize("seed", range(6))
@EVERY_LEVEL
def test_rolling_noise_is_itself_a_few_rows_further_down(seed, level):
    noise = paint(RollingNoise(), grey(3, 10, 40, 7), level, seed) - 0.5
    assert (noise == noise[:1, :, :, :1]).all()
    rows = noise[0, :, :, 0]
    [speed] = [step for step in range(40) if np.array_equal(np.roll(rows[0], step), rows[1])]
    assert 1 <= speed <= 4
    for frame in range(10):
        assert_array_equal(rows[frame], np.roll(rows[0], speed * frame))


def test_rolling_noise_has_every_speed():
    def speed(seed):
        first, second = paint(RollingNoise(), grey(1, 2, 40, 1), 5, seed)[0, :, :, 0]
        return next(step for step in range(40) if np.array_equal(np.roll(first, step), second))

    assert {speed(seed) for seed in range(30)} == {1, 2, 3, 4}


@strengths(NOISE)
def test_rolling_noise_has_the_published_deviation(side, level, strength):
    clips = [paint(RollingNoise(), grey(1, 1, side, 1), level, seed) - 0.5 for seed in range(300)]
    assert np.std(clips) == pytest.approx(strength, rel=0.05)
    assert abs(np.mean(clips)) < strength / 10


def test_rolling_noise_comes_in_bands_without_a_seam():
    rows = np.array([paint(RollingNoise(), grey(1, 1, 40, 1), 1, seed).ravel() - 0.5 for seed in range(300)])
    for row in (5, 39):
        assert np.corrcoef(rows[:, row], rows[:, (row + 1) % 40])[0, 1] > 0.8
        assert abs(np.corrcoef(rows[:, row], rows[:, (row + 15) % 40])[0, 1]) < 0.2


@strengths(IMPULSE)
def test_stuck_pixels_have_the_published_share(side, level, strength):
    clips = [paint(StuckPixel(), grey(1, 1, side, side), level, seed) for seed in range(40)]
    assert np.mean(np.not_equal(clips, 0.5)) == pytest.approx(strength, rel=0.06)
    assert np.mean(np.equal(clips, 1)) == pytest.approx(strength / 2, rel=0.1)


@EVERY_CLIP
@pytest.mark.parametrize("seed", range(3))
def test_stuck_pixels_stay_put_through_time_and_channels_and_add_up(shape, seed):
    paintings = [paint(StuckPixel(), np.full(shape, 0.5, np.float32), level, seed) for level in LEVELS]
    for painting in paintings:
        assert np.isin(painting, [0, 0.5, 1]).all()
        assert (painting == painting[:1, :1]).all()
    for weaker, stronger in itertools.pairwise(paintings):
        stuck = weaker != 0.5
        assert_array_equal(stronger[stuck], weaker[stuck])
    assert (paintings[-1] != 0.5).sum() > (paintings[0] != 0.5).sum()


@strengths(NOISE)
def test_fixed_pattern_noise_has_the_published_deviation_and_stays_put(side, level, strength):
    noise = paint(FixedPatternNoise(), grey(3, 4, side, side), level) - 0.5
    assert noise.std() == pytest.approx(strength, rel=0.05)
    assert (noise == noise[:, :1]).all()
    assert abs(np.corrcoef(noise[0, 0].ravel(), noise[1, 0].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("one", [RollingNoise(), FixedPatternNoise()], ids=lambda one: one.name)
@pytest.mark.parametrize("side", [64, 96])
def test_noise_is_one_draw_for_all_levels(one, side):
    clip = grey(3, 4, side, 8)
    standard = [(paint(one, clip, level) - 0.5) / NOISE[side][level - 1] for level in LEVELS]
    for other in standard[1:]:
        assert_allclose(other, standard[0], atol=1e-5)
