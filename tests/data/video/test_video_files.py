"""Videos as samples: what is read, what is left out and why, and how much of it is ever in memory."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap.cli.clip_flags import ClipFlags, clips_of
from brinkmap.data import load_data
from brinkmap.data.video import Clips, decode, holds_clips
from brinkmap.errors import InputError

pytest.importorskip("av")
from video_files import numbers_in, save_sound, save_video


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm", ".mkv", ".mov"])
def test_the_frames_of_a_video_are_a_sample(tmp_path, suffix):
    data = load_data(save_video(tmp_path / f"a{suffix}", frames=12), clips=Clips(frames=6))
    [clip] = data
    assert (data.shape, clip.shape, clip.dtype) == ((3, 6, 48, 64), (6, 48, 64, 3), np.uint8)
    assert numbers_in(clip) == [1, 3, 5, 7, 9, 11]
    assert (data.labels, data.names, data.notes) == (None, (f"a{suffix}",), ())


def test_dense_frames_are_the_middle_ones(tmp_path):
    [clip] = load_data(save_video(tmp_path / "a.mp4", frames=12), clips=Clips(frames=4, sampling="dense"))
    assert numbers_in(clip) == [4, 5, 6, 7]


def test_a_variable_frame_rate_is_followed_and_said(tmp_path):
    stamps = [0, 1, 2, 3, 4, 5, 6, 7, 30, 31]
    data = load_data(save_video(tmp_path / "a.mp4", 10, stamps=stamps), clips=Clips(frames=4))
    [clip] = data
    assert numbers_in(clip) == [4, 7, 7, 7]
    assert len(data.notes) == 1
    assert "variable frame rate" in data.notes[0]


@pytest.mark.parametrize(("size", "to"), [((33, 57), (24, 24)), ((48, 64), (31, 17)), ((20, 20), (48, 64))])
def test_odd_sizes_are_brought_to_what_is_asked_for_and_that_is_said(tmp_path, size, to):
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)  # what mpeg4 can hold
    data = load_data(save_video(tmp_path / "a.avi", 4, even), clips=Clips(frames=4, size=to))
    [clip] = data
    assert clip.shape == (4, *to, 3)
    assert numbers_in(clip) == [0, 1, 2, 3]
    assert data.notes == (f"1 of {even[1]} x {even[0]} pixels scaled and cut to {to[1]} x {to[0]}",)


def test_an_odd_size_is_read_as_it_is(tmp_path):
    [clip] = load_data(save_video(tmp_path / "a.webm", 4, (33, 57)), clips=Clips(frames=4))
    assert clip.shape == (4, 33, 57, 3)


def test_the_middle_is_cut_out(tmp_path):
    import av

    path = tmp_path / "a.mkv"
    picture = np.zeros((32, 96, 3), np.uint8)
    picture[:, 32:64] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 96, "bgr0"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    [clip] = load_data(path, clips=Clips(frames=2, size=(32, 32)))
    assert clip.min() > 250


def test_grey_clips_have_one_channel(tmp_path):
    [clip] = load_data(save_video(tmp_path / "a.mp4", 4), clips=Clips(frames=4, channels=1))
    assert clip.shape == (4, 48, 64, 1)


@pytest.fixture
def folder(tmp_path):
    """Two classes, with everything in them that may be wrong."""
    for name in ("walk/a.mp4", "run/b.mp4", "walk/c.avi"):
        save_video(tmp_path / name)
    (tmp_path / "walk" / "broken.mp4").write_bytes(b"\0" * 5000)
    whole = (tmp_path / "run" / "b.mp4").read_bytes()
    (tmp_path / "run" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    save_sound(tmp_path / "run" / "sound.mp4")
    save_video(tmp_path / "run" / "short.webm", frames=5)
    (tmp_path / "run" / "notes.txt").write_text("no video")
    return tmp_path


def test_what_cannot_be_used_is_said_in_a_line_each_and_the_others_go_on(folder):
    data = load_data(folder, clips=Clips(frames=8))
    assert dict(zip(data.names, data.labels.tolist(), strict=True)) == {
        "run/b.mp4": 0,
        "walk/a.mp4": 1,
        "walk/c.avi": 1,
    }
    assert data.class_names == ("run", "walk")
    assert [clip.shape for clip in data] == [(8, 48, 64, 3)] * 3
    said = " | ".join(data.notes)
    assert len(data.notes) == 4
    for line in ("broken.mp4: cannot be decoded", "cut.mp4: cannot be decoded", "sound.mp4: no video stream",
                 "short.webm: 5 frames, and 8 are needed. Give --frames 5"):  # fmt: skip
        assert line in said
    assert not any("\n" in note for note in data.notes)


def test_a_limit_counts_what_can_be_used(folder):
    data = load_data(folder, limit=2, clips=Clips(frames=8))
    assert data.names == ("run/b.mp4", "walk/a.mp4")


def test_where_nothing_can_be_used_the_first_reason_is_raised(tmp_path):
    with pytest.raises(InputError, match=r"a\.mp4: 4 frames, and 16 are needed"):
        load_data(save_video(tmp_path / "a.mp4", 4))


def test_another_choice_of_frames_is_another_data_set(tmp_path):
    path = save_video(tmp_path / "a.mp4")
    uniform, again, dense = (
        load_data(path, clips=Clips(frames=4, sampling=how)).checksum for how in ("uniform", "uniform", "dense")
    )
    assert uniform == again != dense


def test_no_more_frames_are_in_memory_than_are_asked_for(tmp_path, monkeypatch):
    frames, count, size = 600, 8, (96, 128)
    path = save_video(tmp_path / "long.mp4", frames, size)
    alive, most, real = set(), [0], decode.decoded

    class Watched:
        def __init__(self, frame):
            self.frame = frame
            alive.add(id(self))
            most[0] = max(most[0], len(alive))

        def __getattr__(self, name):
            return getattr(self.frame, name)

        def __del__(self):
            alive.discard(id(self))

    monkeypatch.setattr(decode, "decoded", lambda path: map(Watched, real(path)))
    tracemalloc.start()
    data = load_data(path, clips=Clips(frames=count))
    [clip] = data
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.shape == (count, *size, 3)
    assert most[0] <= count
    assert peak < (count + 4) * clip[0].nbytes + 500_000 < frames * clip[0].nbytes / 10


def test_a_folder_of_images_is_no_folder_of_clips(tmp_path):
    save_video(tmp_path / "ox" / "a.mp4", 2)
    assert holds_clips(tmp_path)
    (tmp_path / "ox" / "a.png").write_bytes(b"")
    assert not holds_clips(tmp_path)


def test_the_victims_shape_is_what_clips_are_brought_to(tmp_path):
    path = str(save_video(tmp_path / "a.mp4", 2))
    assert clips_of(ClipFlags(), path, (1, 12, 32, 40)) == Clips(frames=12, size=(32, 40), channels=1)
    assert clips_of(ClipFlags(frames=4), path, (3, 12, 32, 40)) == Clips(frames=4, size=(32, 40))
    assert clips_of(ClipFlags(), "digits", (1, 8, 8)) == Clips()
    with pytest.raises(InputError, match="frames: digits holds no videos"):
        clips_of(ClipFlags(frames=4), "digits", None)


def test_frames_taken_twice_are_the_same(tmp_path):
    clip = decode.picked(save_video(tmp_path / "a.mp4", 6), np.array([1, 1, 1, 4]), (48, 64), 3)
    assert_array_equal(clip[0], clip[2])
    assert numbers_in(clip) == [1, 1, 1, 4]
