"""The ECG filters: decibels and bands as stated, no square edges, one clear line where they cannot work."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import brinkmap
from brinkmap.distortions import Medium
from brinkmap.distortions.arsenal import members
from brinkmap.distortions.ecg_scale import DECIBELS, beat_height, noise_rms
from brinkmap.distortions.taper import Cells
from brinkmap.errors import InputError
from brinkmap.plan import make_grid

NAMES = (
    "baseline-wander", "powerline", "emg", "motion-artifact", "electrode-pop", "electrode-detachment", "respiration",
    "lead-dropout",
)  # fmt: skip
LEVELS = range(1, 6)
STRIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ecg" / "mitbih_strips10s.npz"


def ecg(rate_hz=360, seconds=10, leads=1, low=-5.0, high=5.0):
    """(leads, time) beats of 1.2 mV with P and T waves, 72 a minute, on the scale 0..1 of an amplifier of 10 mV."""
    time = np.arange(int(rate_hz * seconds)) / rate_hz
    waves = ((0.12, -0.2, 0.025), (-0.1, -0.03, 0.01), (1.1, 0.0, 0.011), (-0.2, 0.03, 0.012), (0.3, 0.28, 0.05))
    beats = np.arange(0.4, seconds + 1, 60 / 72)[:, None]
    trace = sum(height * np.exp(-0.5 * ((time - beats - at) / width) ** 2).sum(axis=0) for height, at, width in waves)
    scaled = (np.stack([trace * (1 - 0.3 * lead) for lead in range(leads)]) - low) / (high - low)
    scaled = scaled.astype(np.float32)
    scaled.flags.writeable = False
    return scaled


def found(name, rate_hz=360, leads=1):
    return members(name, Medium((leads, 10), rate_hz))


ALL = [one for name in NAMES for one in found(name)]
EVERY_FILTER = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


def paint(one, sample, level, patch, seed=0):
    return one.paint(sample, level, np.random.default_rng(seed), make_grid(patch, sample.shape[1:]))


def edges(time, patch):
    """The first and the last value of every cell."""
    starts = np.arange(0, time, patch)
    return np.union1d(starts, np.minimum(starts + patch, time) - 1)


@EVERY_FILTER
@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("patch", [90, 360, 500])
def test_nothing_changes_at_the_edges_of_a_cell(one, leads, patch):
    sample = ecg(leads=leads)
    for level in (1, 5):
        change = paint(one, sample, level, patch) - sample
        assert np.abs(change[:, edges(sample.shape[1], patch)]).max() <= 1e-3 * np.abs(change).max()
        assert change.any()


@EVERY_FILTER
def test_no_step_is_steeper_than_what_it_stands_for(one):
    """A square edge would change the trace by its whole height between two values."""
    sample = ecg()
    change = (paint(one, sample, 5, 360) - sample).astype(np.float64)
    if one.name in ("emg", "powerline-50", "powerline-60"):  # their own oscillation is as steep
        return
    allowed = 0.5 if one.name == "electrode-pop" else 0.35  # within 10 ms, and within 10 to 20 ms
    assert np.abs(np.diff(change)).max() <= allowed * np.ptp(change)


@EVERY_FILTER
@pytest.mark.parametrize("rate_hz", [150, 360, 1000])
def test_levels_are_one_draw_that_grows(one, rate_hz):
    [one] = [other for name in NAMES for other in found(name, rate_hz) if other.name == one.name]
    sample, patch = ecg(rate_hz), rate_hz // 2
    states, changes = [], []
    for level in LEVELS:
        rng = np.random.default_rng(3)
        changes.append(one.paint(sample, level, rng, make_grid(patch, sample.shape[1:])).astype(np.float64) - sample)
        states.append(rng.bit_generator.state)
    assert all(state == states[0] for state in states)
    for weaker, stronger in itertools.pairwise(changes):
        share = np.sum(weaker * stronger) / np.sum(stronger**2)
        assert 0.1 < share < 1
        assert_allclose(weaker, share * stronger, atol=1e-6)


NOISES = {"baseline-wander": (0, 2.5), "emg": (0, 0.3), "powerline-50": (6, 0.3), "powerline-60": (6, 0.3)}
"""Decibels more than the five of the NSTDB, and how far one draw may be off: a drift has few swings in 10 s."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("name", "more_and_off"), NOISES.items())
@pytest.mark.parametrize("leads", [1, 2])
def test_noise_has_its_decibels_where_the_window_is_open(name, more_and_off, leads, level):
    """In one cell of 10 s: the ramps of a second (wander) or of 20 ms take off next to nothing in the middle."""
    (more, off), sample = more_and_off, ecg(leads=leads)
    [one] = [other for each in NAMES for other in found(each) if other.name == name]
    noise = (paint(one, sample, level, 3600) - sample)[:, 400:-400]
    size = beat_height(sample, 360)[:, 0] ** 2 / 8
    measured = 10 * np.log10(size / np.mean(noise.astype(np.float64) ** 2, axis=1))
    assert measured == pytest.approx(DECIBELS[level - 1] + more, abs=off)


@pytest.mark.parametrize("level", LEVELS)
def test_a_bump_has_its_decibels_while_it_lasts(level):
    sample = ecg()
    [one] = found("motion-artifact")
    change = (paint(one, sample, level, 180) - sample).astype(np.float64).reshape(-1, 180)
    ratios = []
    for cell in change:
        lasts = np.flatnonzero(np.abs(cell) > 1e-9)
        assert 0.09 <= len(lasts) / 360 <= 0.51
        ratios.append(np.mean(cell[lasts[0] : lasts[-1] + 1] ** 2))
    size = beat_height(sample, 360)[0, 0] ** 2 / 8
    assert 10 * np.log10(size / np.median(ratios)) == pytest.approx(DECIBELS[level - 1], abs=0.5)


BANDS = {
    "baseline-wander": (0.0, 0.6), "powerline-50": (49, 251), "powerline-60": (59, 301), "emg": (19, 151),
}  # fmt: skip


@pytest.mark.parametrize(("name", "band"), BANDS.items())
def test_noise_lies_in_its_band(name, band):
    sample = ecg(rate_hz=1000, seconds=40)
    [one] = [other for each in NAMES for other in found(each, 1000) if other.name == name]
    change = (paint(one, sample, 5, 40_000) - sample).astype(np.float64)[0]
    power, frequencies = np.abs(np.fft.rfft(change)) ** 2, np.fft.rfftfreq(len(change), 1e-3)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    assert power[inside].sum() > 0.95 * power.sum()


def test_mains_hum_keeps_to_its_frequency_and_its_harmonics():
    sample = ecg(rate_hz=1000, seconds=40)
    change = (paint(found("powerline", 1000)[0], sample, 5, 40_000) - sample).astype(np.float64)[0]
    power, frequencies = np.abs(np.fft.rfft(change)) ** 2, np.fft.rfftfreq(len(change), 1e-3)
    near = np.abs(frequencies[:, None] - 50 * np.arange(1, 6)).min(axis=1) <= 0.2 * 5 + 0.1
    assert power[near].sum() > 0.995 * power.sum()
    assert np.ptp(change) == pytest.approx(0.5 * beat_height(sample, 1000)[0, 0], rel=0.25)


def test_contact_is_lost_for_a_tenth_of_a_second_at_least():
    sample = ecg()
    flat = paint(found("electrode-detachment")[0], sample, 5, 720)
    lost = np.abs(flat - np.median(sample)) < 1e-6
    runs = [len(list(run)) for still, run in itertools.groupby(lost[0]) if still]
    assert max(runs) >= 0.06 * 360
    rail = paint(found("electrode-detachment")[1], sample, 5, 720)
    assert np.abs(rail - np.median(sample)).max() == pytest.approx(beat_height(sample, 360)[0, 0], rel=0.01)


def test_one_lead_drops_out_of_each_cell_and_the_others_stay():
    sample = ecg(leads=3)
    change = (paint(found("lead-dropout")[0], sample, 5, 360) - sample).reshape(3, -1, 360)
    assert (np.abs(change).max(axis=2) > 0).sum(axis=0).tolist() == [1] * 10


def test_breathing_changes_beats_by_15_percent_at_most():
    sample = ecg()
    change = np.abs(paint(found("respiration")[0], sample, 5, 360) - sample)
    assert 0.1 < change.max() / np.abs(sample - np.median(sample)).max() <= 0.15


def test_a_bare_segment_of_one_value_is_taken_as_the_slides_have_it():
    sample = ecg(rate_hz=300)
    for name in ("bare-motion", "bare-detached"):
        [one] = found(name, rate_hz=None)
        assert not one.natural
        changed = paint(one, sample, 5, 1) != sample
        assert changed.mean() > 0.99
    assert not paint(found("bare-detached")[0], sample, 5, 1).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_victim_that_does_not_say_its_rate_is_refused(name):
    with pytest.raises(InputError, match=f"'{name}' needs the victim's sampling rate: wrap.*--rate-hz 360"):
        found(name, rate_hz=None)


@pytest.mark.parametrize("name", ["motion-artifact", "electrode-pop", "electrode-detachment"])
def test_cells_too_short_to_hold_it_are_refused(name):
    for one in found(name):
        with pytest.raises(InputError, match=rf"'{one.name}' needs cells of at least 100 ms, got 55.6 ms .*patch=36"):
            paint(one, ecg(), 1, 20)


@pytest.mark.parametrize(("name", "rate_hz"), [("powerline", 100), ("emg", 60)])
def test_a_rate_at_which_it_is_not_seen_is_refused(name, rate_hz):
    with pytest.raises(InputError, match=r"needs a sampling rate .*got \d+ Hz"):
        found(name, rate_hz)


def test_a_slow_recorder_sees_the_slower_mains_only():
    assert [one.name for one in found("powerline", 110)] == ["powerline-50"]
    assert [one.name for one in found("powerline", 125)] == ["powerline-50", "powerline-60"]


@EVERY_FILTER
@pytest.mark.parametrize(
    ("rate_hz", "time", "patch"), [(125, 187, 13), (125, 187, 64), (360, 187, 36), (360, 187, 187)]
)
def test_a_single_beat_is_distorted_in_every_whole_cell(one, rate_hz, time, patch):
    """The windows of the heartbeat data sets: 187 values, at 125 or 360 Hz; a last cell that is too short stays."""
    [one] = [other for name in NAMES for other in found(name, rate_hz) if other.name == one.name]
    sample = ecg(rate_hz)[:, :time]
    change = paint(one, sample, 5, patch) - sample
    assert np.abs(change[:, edges(time, patch)]).max() <= 1e-3 * np.abs(change).max()
    assert np.isfinite(change).all()
    for cell in range(time // patch):
        assert change[:, cell * patch : (cell + 1) * patch].any()
    if (time % patch) / rate_hz < 0.04:
        assert not change[:, time // patch * patch :].any()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["baseline-wander", "emg"])
@pytest.mark.parametrize("patch", [72, 180, 700])
def test_every_cell_has_its_decibels_before_the_window(name, patch, level):
    sample = ecg(leads=2)
    [one] = found(name)
    ramp_s, share = (1.0, 0.5) if name == "baseline-wander" else (0.02, 0.25)
    window = Cells(3600, patch, 1, 360).window(ramp_s, share)
    noise = (paint(one, sample, level, patch).astype(np.float64) - sample) / np.where(window > 0.01, window, np.nan)
    size = beat_height(sample, 360) ** 2 / 8
    for cell in range(3600 // patch):
        powers = np.nanmean(noise[:, cell * patch : (cell + 1) * patch] ** 2, axis=1, keepdims=True)
        assert_allclose(10 * np.log10(size / powers), DECIBELS[level - 1], atol=0.8)  # without the values at the ends


@pytest.mark.parametrize("level", LEVELS)
def test_a_pop_jumps_to_its_share_of_the_beats_and_decays_within_its_cell(level):
    sample = ecg(leads=2)
    change = (paint(found("electrode-pop")[0], sample, level, 360) - sample).astype(np.float64).reshape(2, -1, 360)
    expected = beat_height(sample, 360)[..., None] * 0.5 ** (5 - level)
    assert_allclose(np.abs(change).max(axis=2, keepdims=True), np.broadcast_to(expected, (2, 10, 1)), rtol=0.02)
    assert (np.abs(change).argmax(axis=2) <= 324 + 4).all()


def test_the_shape_of_a_bump_stays_below_10_hz():
    sample = ecg(rate_hz=1000, seconds=40)
    change = (paint(found("motion-artifact", 1000)[0], sample, 5, 1000) - sample).astype(np.float64)[0]
    power, frequencies = np.abs(np.fft.rfft(change)) ** 2, np.fft.rfftfreq(len(change), 1e-3)
    assert power[frequencies <= 10].sum() > 0.95 * power.sum()


def test_flat_seconds_hold_no_beat_and_a_flat_line_takes_no_noise():
    beats = ecg(seconds=5)
    padded = np.concatenate([beats, np.full_like(beats, beats[0, 0])], axis=1)
    assert_allclose(beat_height(padded, 360), beat_height(beats, 360))
    flat = np.full((1, 3600), 0.5, np.float32)
    for name in NAMES:
        for one in found(name):
            assert_array_equal(paint(one, flat, 5, 360), flat)


def test_the_rate_comes_from_the_victim():
    def answer(batch):
        share = 1 / (1 + np.exp(-40 * (batch.std(axis=(1, 2)) - 0.02)))
        return np.stack([share, 1 - share], axis=1)

    samples = ecg()[None]
    run = brinkmap.Run(distortions=["emg", "motion-artifact"], patch=360, budget=30, agent="random")
    victim = brinkmap.wrap(answer, shape=(1, 3600), classes=2, rate_hz=360)
    [result] = brinkmap.attack(victim, samples, None, run)
    assert result.filters == ("emg", "motion-artifact")
    with pytest.raises(InputError, match="sampling rate"):
        list(brinkmap.attack(brinkmap.wrap(answer, shape=(1, 3600), classes=2), samples, None, run))
    with pytest.raises(InputError, match="rate_hz: expected a positive number, got 0"):
        brinkmap.wrap(answer, rate_hz=0)


def test_noise_rms_is_the_definition_turned_round():
    for decibels in DECIBELS:
        noise = noise_rms(np.array([[2.0]]), decibels)[0, 0]
        assert 10 * np.log10(2.0**2 / 8 / noise**2) == pytest.approx(decibels)
    assert_array_equal(beat_height(np.zeros((2, 50), np.float32), 360), [[0], [0]])


@pytest.mark.skipif(not STRIPS.exists(), reason="the real ECG strips are not here")
@pytest.mark.parametrize("level", LEVELS)
def test_decibels_hold_on_real_strips(level):
    strips = np.load(STRIPS, allow_pickle=False)["x"][:20].clip(-5, 5) / 10 + 0.5
    measured = []
    for strip in strips.astype(np.float32)[:, None]:
        noise = (paint(found("emg")[0], strip, level, 3600) - strip).astype(np.float64)[:, 50:-50]
        measured.append(10 * np.log10(beat_height(strip, 360)[0, 0] ** 2 / 8 / np.mean(noise**2)))
    assert np.median(measured) == pytest.approx(DECIBELS[level - 1], abs=0.2)
