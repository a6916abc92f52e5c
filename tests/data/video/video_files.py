"""Videos made for a test, whose frames say their own number by how bright they are."""

from fractions import Fraction

import av
import numpy as np

CODECS = {".mp4": "mpeg4", ".avi": "mpeg4", ".webm": "libvpx", ".mkv": "mpeg4", ".mov": "mpeg4"}


def grey_of(number):
    return 16 + 12 * (number % 18)


def save_video(path, frames=20, size=(48, 64), rate=10, stamps=None):
    """Frame k is of one grey, `grey_of(k)`; `stamps` are times in units of 1 / rate s, for a variable frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix], rate=rate)
        stream.height, stream.width, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        stream.bit_rate = 4_000_000
        for number in range(frames):
            picture = np.full((*size, 3), grey_of(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number if stamps is None else stamps[number]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def save_sound(path):
    """An .mp4 with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbers_in(clip):
    """Which frames a clip shows, by their greys."""
    greys = clip.reshape(len(clip), -1).mean(axis=1)
    return [
        int(np.abs(greys[:, None] - [grey_of(k) for k in range(18)]).argmin(axis=1)[row]) for row in range(len(clip))
    ]
