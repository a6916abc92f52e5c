"""The temporal-shift network: what its shift does, that frames matter in their order, and a trip to disk."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from brinkmap import InputError  # noqa: E402
from brinkmap.data import moving_digits  # noqa: E402
from brinkmap.testing import check_victim  # noqa: E402
from brinkmap.victims import load_victim  # noqa: E402
from brinkmap.victims.networks import TemporalShiftNet, save_classifier  # noqa: E402
from brinkmap.victims.shift import shifted  # noqa: E402


def test_channels_come_from_the_frames_beside_and_never_from_another_clip():
    clips, frames, channels = 2, 4, 8
    features = torch.arange(clips * frames * channels, dtype=torch.float32).reshape(clips * frames, channels, 1, 1)
    found = shifted(features, frames).reshape(clips, frames, channels).numpy()
    given = features.reshape(clips, frames, channels).numpy()
    assert_array_equal(found[:, 1:, :2], given[:, :-1, :2])
    assert_array_equal(found[:, :-1, 2:4], given[:, 1:, 2:4])
    assert_array_equal(found[:, :, 4:], given[:, :, 4:])
    assert not found[:, 0, :2].any()
    assert not found[:, -1, 2:4].any()


def test_what_is_saved_answers_as_before(tmp_path):
    torch.manual_seed(0)
    net, shape = TemporalShiftNet((3, 5, 16, 17), 4, (4, 6)).eval(), (3, 5, 16, 17)
    scaled = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
    save_classifier(net, tmp_path / "net.safetensors", (0.0, 255.0))
    victim = load_victim(str(tmp_path / "net.safetensors"))
    assert (victim.shape, victim.classes, victim.bounds) == (shape, 4, (0.0, 255.0))
    with torch.inference_mode():
        wanted = net(torch.from_numpy(scaled)).softmax(1).numpy()
    assert_allclose(victim.predict(255 * scaled), wanted, atol=1e-5)
    check_victim(victim, (255 * scaled).astype(np.float32))


def test_the_shipped_one_reads_held_out_clips_and_sees_motion():
    victim, held = load_victim("moving-digits-tsm"), moving_digits("heldout", 160)
    answers = victim.predict(held.samples).argmax(axis=1)
    assert (answers == held.labels).mean() >= 0.85
    assert (answers // 2 == held.labels // 2).mean() >= 0.95
    backwards = victim.predict(np.ascontiguousarray(held.samples[:, :, ::-1])).argmax(axis=1)
    opposite = np.array([1, 0, 3, 2])  # left, right, up, down
    assert (backwards // 2 == opposite[held.labels // 2]).mean() >= 0.9


@pytest.mark.parametrize(
    ("shape", "said"), [((1, 8, 8), "takes clips"), ((1, 4, 4, 32), "3 widths halve pictures below 8 pixels")]
)
def test_what_cannot_work_is_said_at_once(shape, said):
    with pytest.raises(InputError, match=said):
        TemporalShiftNet(shape, 3)
