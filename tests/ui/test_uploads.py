"""Uploads: what is good becomes a sample as stated, what is broken or too large becomes one clear line."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from brinkmap.errors import InputError
from brinkmap.ui.catalogue import Offer
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads import Reading, read_upload
from victims_known import Linear

LIMITS = Limits(values=20_000, frames=30)
EDGES = {"pixels": LIMITS.pixels}


def offer(shape, bounds=(0.0, 1.0), unit="", rate_hz=None):
    victim = Linear(shape, bounds=bounds)
    victim.unit, victim.rate_hz = unit, rate_hz
    return Offer("known", "", victim)


GREY, COLOUR, CLIP = offer((1, 8, 8)), offer((3, 6, 10)), offer((1, 4, 6, 6))
ECG = offer((1, 250), bounds=(-5.0, 5.0), unit="mV", rate_hz=125.0)


def read(name, content, to, more=(), **reading):
    return read_upload([(name, content), *more], Reading(**reading), to, LIMITS)


def refused(match, *args, **reading):
    with pytest.raises(InputError, match=match):
        read(*args, **reading)


def picture(size=(8, 8), mode="L", kind="PNG", **options):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (size[1], size[0], *([len(mode)] if len(mode) > 1 else [])), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, mode=None if len(mode) > 1 else "L").save(file, kind, **options)
    return pixels, file.getvalue()


def stored(compressed=True, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


class TestPictures:
    def test_one_of_the_right_size_is_taken_bit_by_bit(self):
        pixels, content = picture()
        assert np.array_equal(read("a.png", content, GREY).sample[0], pixels / np.float32(255))

    def test_another_size_is_brought_to_it_and_said(self):
        sampled = read("a.png", picture((100, 40), "RGB")[1], COLOUR)
        assert sampled.sample.shape == (3, 6, 10)
        assert "100 x 40 pixels brought to 10 x 6, edges cut off" in sampled.notes[0]

    @pytest.mark.parametrize(
        ("mode", "to", "note"),
        [("RGB", GREY, "in grey"), ("L", COLOUR, "three channels"), ("RGBA", COLOUR, "on white")],
    )
    def test_other_channels_are_said(self, mode, to, note):
        assert note in " ".join(read("a.png", picture(mode=mode)[1], to).notes)

    def test_a_jpeg_is_turned_the_way_its_camera_was_held(self):
        image = Image.new("L", (16, 8), 0)
        image.paste(255, (8, 0, 16, 8))
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise
        file = io.BytesIO()
        image.save(file, "JPEG", exif=exif, quality=95)
        sample = read("a.jpg", file.getvalue(), GREY).sample[0]
        assert sample[-2:].mean() > 0.9 > 0.1 > sample[:2].mean()

    def test_a_bomb_is_refused_before_it_is_unpacked(self):
        side = 30_000
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        rows = zlib.compress(b"\0" * 1_000_000, 9)
        chunks = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
        )
        refused("cannot be read as a picture|are read at most", "a.png", b"\x89PNG\r\n\x1a\n" + chunks, GREY)

    def test_more_pixels_than_allowed_are_refused(self):
        refused("500,000 in all are read at most", "a.png", picture((1000, 600))[1], GREY)

    @pytest.mark.parametrize("cut", [0.3, 0.9])
    def test_a_broken_one_is_refused(self, cut):
        content = picture((64, 64))[1]
        refused("cannot be read as a picture", "a.png", content[: int(cut * len(content))], GREY)

    def test_a_victim_of_signals_takes_none(self):
        refused("takes signals", "a.png", picture()[1], ECG)


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.png", b"MZ\x90\0\3\0\0\0"), ("a.npz", b"\x80\x04\x95pickle"), ("a.exe", b"MZ\x90\0"),
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"), ("a.html", b"<script>x()</script>"),
            ("a.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), ("a.txt", b"words"), ("a.tif", b"II*\0"),
        ],
    )  # fmt: skip
    def test_others_are_refused(self, name, content):
        refused("not a kind of file that is read here", name, content, GREY)

    @pytest.mark.parametrize("name", ["a.jpg", "a.csv", "a", "a.png.exe"])
    def test_a_name_that_says_another_kind_is_refused(self, name):
        refused("its content is png", name, picture()[1], GREY)

    @pytest.mark.parametrize("name", ["../../a.png", "C:\\temp\\a.png", "/etc/a.png"])
    def test_folders_in_names_are_dropped(self, name):
        assert read(name, picture()[1], GREY).name == "a.png"

    def test_names_are_kept_as_they_are_otherwise(self):
        assert read('<img src=x onerror="x()">.png', picture()[1], GREY).name == '<img src=x onerror="x()">.png'

    def test_an_empty_file_is_refused(self):
        refused("empty", "a.png", b"", GREY)

    def test_two_that_do_not_belong_together_are_refused(self):
        refused("expected one file", "a.png", picture()[1], GREY, [("b.png", picture()[1])])


class TestStored:
    def test_a_row_of_x_is_taken_as_it_is(self):
        x = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
        sampled = read("x.npz", stored(x=x), GREY, index=2)
        assert np.array_equal(sampled.sample, x[2])
        assert sampled.notes == ("sample 2 of 3",)

    def test_a_single_sample_is_taken_too(self):
        x = np.random.default_rng(0).random((1, 4, 6, 6), np.float32)
        assert np.array_equal(read("x.npz", stored(x=x), CLIP).sample, x)

    def test_pickles_are_refused_unopened(self):
        refused("objects|cannot be read", "x.npz", stored(x=np.array([{"a": 1}], dtype=object)), GREY)

    def test_a_bomb_is_refused_before_it_is_unpacked(self):
        content = stored(x=np.zeros((200, 1, 100, 100)))
        assert len(content) < 100_000
        refused("are read at most", "x.npz", content, GREY)

    def test_a_header_that_lies_is_refused_before_memory_is_asked_for(self):
        array = io.BytesIO()
        np.lib.format.write_array_header_1_0(array, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x.npy", array.getvalue())
        refused("4,000,000,000,000 bytes", "x.npz", file.getvalue(), GREY)

    @pytest.mark.parametrize(
        ("arrays", "said"),
        [
            ({"y": np.zeros(3)}, "named x, got y"), ({"x": np.zeros((2, 1, 5, 5))}, "expected samples of shape"),
            ({"x": np.full((1, 1, 8, 8), 7.0)}, "7"), ({"x": np.full((1, 1, 8, 8), np.nan)}, "finite|NaN"),
            ({"x": np.zeros((1, 1, 8, 8), complex)}, "floats or uint8"), ({"x": np.float64(3)}, "shape"),
        ],
    )  # fmt: skip
    def test_what_is_no_sample_is_refused(self, arrays, said):
        refused(said, "x.npz", stored(**arrays), GREY)

    def test_a_number_beyond_the_rows_is_refused(self):
        refused("from 0 to 2, got 3", "x.npz", stored(x=np.zeros((3, 1, 8, 8))), GREY, index=3)

    def test_a_zip_that_is_no_npz_is_refused(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../../x.txt", "words")
        refused("named x", "x.npz", file.getvalue(), GREY)


def ecg(seconds=6.0, rate=125.0):
    times = np.arange(int(seconds * rate)) / rate
    return times, np.sin(2 * np.pi * times) + 0.1 * times


def table(times, values, header="time_s,II (mV)"):
    return (header + "\n" + "".join(f"{t:.6f},{v:.6f}\n" for t, v in zip(times, values, strict=True))).encode()


class TestRecordings:
    def test_a_csv_is_cut_from_the_moment_that_is_asked_for(self):
        times, values = ecg()
        sampled = read("r.csv", table(times, values), ECG, start_s=2.0)
        assert np.allclose(sampled.sample[0], values[250:500], atol=1e-5)
        assert "lead II from 2 s, 2 s at 125 Hz" in sampled.notes[0]

    def test_another_rate_is_refused_unless_resampling_is_allowed(self):
        content = table(*ecg(rate=250.0))
        refused("expected a sampling rate of 125 Hz, got 250 Hz.*Tick", "r.csv", content, ECG)
        sampled = read("r.csv", content, ECG, resample=True)
        assert np.allclose(sampled.sample[0][20:-20], ecg()[1][20:230], atol=0.02)
        assert "resampled from 250 Hz" in sampled.notes

    def test_an_npz_that_says_its_unit_is_a_recording(self):
        x = np.random.default_rng(0).normal(0, 200, (2, 1, 400))
        sampled = read("r.npz", stored(x=x, unit="uV", rate_hz=125.0), ECG, index=1)
        assert np.allclose(sampled.sample[0], x[1, 0, :250] / 1000, atol=1e-5)

    @pytest.mark.parametrize(
        ("content", "reading", "said"),
        [
            (table(*ecg(1.0)), {}, "1 s from 0 s on, and this victim takes 2 s"),
            (table(*ecg()), {"start_s": 99.0}, "expected 0 to 6 s, got 99"),
            (table(*ecg(), header="time_s,II"), {}, "unit unknown"),
            (table(*ecg()), {"leads": "V9"}, "no lead 'V9'"),
            (table(ecg()[0], np.zeros(750)), {}, "flat"),
        ],
    )
    def test_what_cannot_be_read_is_refused_without_a_path_of_the_servers(self, content, reading, said):
        with pytest.raises(InputError, match=said) as error:
            read("r.csv", content, ECG, **reading)
        assert "brinkmap-upload-" not in str(error.value)

    def test_a_gap_is_not_attacked(self):
        times, values = ecg()
        rows = table(times, values).decode().splitlines()
        rows[300:340] = [row.partition(",")[0] + "," for row in rows[300:340]]
        content = "\n".join(rows).encode()
        refused("a gap too long", "r.csv", content, ECG, start_s=1.0)
        assert read("r.csv", content, ECG, start_s=3.0).sample.shape == (1, 250)

    def test_a_victim_in_no_unit_takes_none(self):
        refused("does not say that its samples are in mV", "r.csv", table(*ecg()), offer((1, 250), rate_hz=125.0))
        refused("takes no signals", "r.csv", table(*ecg()), GREY)

    def test_so_many_cells_are_no_recording(self):
        refused("more than 80,000 cells", "r.csv", b"time_s,II (mV)\n" + b"0,1\n" * 90_000, ECG)


class TestWfdb:
    def record(self, tmp_path, length=750):
        wfdb = pytest.importorskip("wfdb")
        values = np.sin(np.arange(length) / 10)[:, None]
        wfdb.wrsamp("r", fs=125, units=["mV"], sig_name=["II"], p_signal=values, fmt=["16"], write_dir=str(tmp_path))
        return values[:, 0], [(name, (tmp_path / name).read_bytes()) for name in ("r.hea", "r.dat")]

    def test_header_and_signals_are_read_together(self, tmp_path):
        values, [header, signals] = self.record(tmp_path)
        for files in ([header, signals], [signals, header]):
            sampled = read_upload(files, Reading(), ECG, LIMITS)
            assert np.allclose(sampled.sample[0], values[:250], atol=1e-3)
            assert sampled.name == "r.hea"

    def test_one_without_the_other_says_which_is_missing(self, tmp_path):
        _, [header, signals] = self.record(tmp_path)
        refused("choose r.dat together with it", *header, ECG)
        refused("choose its header", *signals, ECG)

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("r 1 125 750\n../../../etc/passwd 16 200/mV 16 0 0 0 0 II\n", "plain names"),
            ("r 1 125 750\n/etc/passwd 16 200/mV 16 0 0 0 0 II\n", "plain names"),
            ("r 1 125 750\ns3://bucket/r.dat 16 200/mV 16 0 0 0 0 II\n", "plain names"),
            ("r 1 125 999999999999\nr.dat 16 200/mV 16 0 0 0 0 II\n", "too many"),
            ("r 1 125 750\nr.dat 516 200/mV 16 0 0 0 0 II\n", "format 516"),
            ("r 1 125 750\nr.dat 16x99999999 200/mV 16 0 0 0 0 II\n", "format 16x99999999"),
            ("r/2 1 125 750\nr.dat 16 200/mV 16 0 0 0 0 II\n", "single WFDB record"),
            ("r 9999 125 750\nr.dat 16 200/mV 16 0 0 0 0 II\n", "1 to 64 signals"),
            ("words", "header"),
        ],
    )
    def test_a_header_leads_to_no_other_file_and_to_no_bomb(self, header, said):
        pytest.importorskip("wfdb")
        refused(said, "r.hea", header.encode(), ECG, [("r.dat", b"\0\0" * 750)])

    def test_a_broken_pair_is_refused_without_a_path_of_the_servers(self, tmp_path):
        _, [header, signals] = self.record(tmp_path)
        with pytest.raises(InputError) as error:
            read_upload([header, ("r.dat", signals[1][:100])], Reading(), ECG, LIMITS)
        assert "brinkmap-upload-" not in str(error.value)


def test_an_edf_is_read(tmp_path):
    edfio = pytest.importorskip("edfio")
    values = np.sin(np.arange(750) / 10)
    edfio.Edf([edfio.EdfSignal(values, 125, label="II", physical_dimension="mV")]).write(tmp_path / "r.edf")
    sampled = read("r.edf", (tmp_path / "r.edf").read_bytes(), ECG)
    assert np.allclose(sampled.sample[0], values[:250], atol=1e-3)


def film(frames, size=(64, 48), kind="mp4", codec="mpeg4"):
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            grey = np.full((size[1], size[0], 3), 255 * number // max(1, frames - 1), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def animated(frames, size=(12, 12)):
    pictures = [Image.new("L", size, 255 * number // max(1, frames - 1)) for number in range(frames)]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


class TestClips:
    @pytest.mark.parametrize(
        ("name", "content"),
        [("c.mp4", lambda: film(10)), ("c.avi", lambda: film(10, kind="avi")), ("c.gif", lambda: animated(10))],
    )
    def test_frames_are_spread_evenly(self, name, content):
        sampled = read(name, content(), CLIP)
        assert sampled.sample.shape == (1, 4, 6, 6)
        assert np.allclose(sampled.sample.mean(axis=(0, 2, 3)), [0, 1 / 3, 2 / 3, 1], atol=0.06)
        assert "10 frames" in sampled.notes[0]
        assert "4 of them, evenly spread" in sampled.notes

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("c.mp4", lambda: film(3), "3 frames, and this victim takes 4"),
            ("c.gif", lambda: animated(3), "3 frames, and this victim takes 4"),
            ("c.mp4", lambda: film(40), "more than 30 frames"),
            ("c.gif", lambda: animated(40), "40 frames, and 30 are read"),
            ("c.mp4", lambda: film(5, size=(1200, 600)), "are read at most"),
            ("c.gif", lambda: animated(5, size=(1200, 600)), "are read at most"),
            ("c.mp4", lambda: film(10)[:400], "cannot be read as a clip"),
            ("c.mp4", lambda: b"\0\0\0\x18ftypmp42" + b"\0" * 99, "cannot be read as a clip|no video"),
        ],
    )
    def test_what_is_no_clip_is_refused(self, name, content, said):
        refused(said, name, content(), CLIP)

    def test_a_victim_of_pictures_takes_no_film_but_a_gif_as_its_first_frame(self):
        refused("takes none", "c.mp4", film(5), GREY)
        assert np.allclose(read("c.gif", animated(5), GREY).sample, 0)
